"""Numbers and texts of static assets.

Where they come from: [docs] developers.cloudflare.com/workers/static-assets; [seen] recorded from Miniflare
(`tests/conformance/assets`); [workers-sdk] its asset worker.
"""

from __future__ import annotations

CACHE_CONTROL = "public, max-age=0, must-revalidate"  # unless the request has Authorization or Range [docs, seen]
MAX_STATIC_REDIRECTS = 2000  # [docs]
MAX_DYNAMIC_REDIRECTS = 100  # [docs]
MAX_HEADER_RULES = 100  # [docs]
MAX_REDIRECT_LINE = 1000  # characters [docs]
MAX_HEADER_LINE = 2000  # characters [docs]
REDIRECT_STATUSES = frozenset({200, 301, 302, 303, 307, 308})  # [docs]
NAVIGATION_SINCE = "2025-04-01"  # from this compatibility date on, navigations prefer assets [docs]
NAVIGATION_ON = "assets_navigation_prefers_asset_serving"
NAVIGATION_OFF = "assets_navigation_has_no_effect"

NEVER_SERVED = (".assetsignore", "_headers", "_redirects")  # [docs]
SECRETS = (".dev.vars", ".env")
"""Names (alone, or followed by a dot) that are served by no means. Cloudflare would: wrangler uploads them like any file
where `directory` is the worker's own folder. Here a page open in a browser must not read them."""
