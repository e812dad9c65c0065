"""Numbers and texts of the Cache API.

Where they come from: [docs] developers.cloudflare.com/workers/runtime-apis/cache; [workerd] `src/workerd/api/cache.c++`;
[miniflare] its cache service.
"""

from __future__ import annotations

ONLY_GET = "Cannot cache response to non-GET request."  # TypeError [workerd]
PARTIAL = "Cannot cache response to a range request (206 Partial Content)."  # TypeError [workerd]
VARY_STAR = "Cannot cache response with 'Vary: *' header."  # TypeError [workerd]
WEB_SOCKET = "Cannot cache WebSocket upgrade response."  # TypeError [workerd]

MAX_BODY_BYTES = 24 * 1024 * 1024
"""Bytes of a body that is kept here; what is larger is not kept, without an error. Cloudflare keeps 512 MB [docs]."""
NEVER_KEPT = frozenset({101, 206, 304})  # [workerd]
CACHEABLE = frozenset({200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501})  # [miniflare]
BY_DEFAULT = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
"""Statuses kept by their Last-Modified alone (RFC 9110, 15.1)."""
OF_THE_CONNECTION = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade".split()
)
"""Headers that are not kept (RFC 9111, 3.1)."""
