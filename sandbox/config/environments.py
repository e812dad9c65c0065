"""`env.<name>` of a wrangler file: which keys a named environment takes over from the top level, and which it must repeat.

The two lists are wrangler's own (4.x). Keys in neither stand at the top level only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.config.problems import nearest
from sandbox.config.tables import Table

NOT_INHERITED = frozenset(
    "vars secrets define durable_objects workflows kv_namespaces cloudchamber containers send_email queues connect "
    "r2_buckets d1_databases vectorize ai_search_namespaces ai_search agent_memory hyperdrive services "
    "analytics_engine_datasets dispatch_namespaces mtls_certificates tail_consumers streaming_tail_consumers unsafe "
    "browser analytics ai images stream media pipelines k2 secrets_store_secrets artifacts unsafe_hello_world flagship "
    "worker_loaders ratelimits vpc_services vpc_networks version_metadata previews websearch".split()
)
INHERITED = frozenset(
    "account_id route routes workers_dev preview_urls build compatibility_date compatibility_flags jsx_factory "
    "jsx_fragment tsconfig rules name main find_additional_modules preserve_file_names base_dir triggers assets limits "
    "placement migrations exports logfwdr no_bundle minify keep_names first_party_worker logpush upload_source_maps "
    "observability access cache compliance_region python_modules".split()
)
TOP_LEVEL = frozenset(
    "$schema env dev site send_metrics keep_vars alias wasm_modules text_blobs data_blobs pages_build_output_dir "
    "dependencies_instrumentation legacy_env addresses".split()
)


def choose_environment(document: Table, env: str | None) -> Table:
    """The settings that hold for `env` (None: the top level), as one table.

    Follows wrangler: an environment that a file with other environments does not define is an error; a file without
    any is used as it is, with a warning. What is not inherited and not repeated is named in a warning.
    """
    environments = document.named_tables("env")
    if env is None:
        return document
    chosen = environments.get(env)
    if chosen is None:
        if environments:
            hint = nearest(env, environments) or f"there are {', '.join(sorted(environments))}"
            document.error("env", f'has no environment "{env}"', hint)
        else:
            document.warning("env", f'there is no environment "{env}", so the top level is used', f"add [env.{env}]")
        return document
    forgotten = [key for key in document.data if key in NOT_INHERITED and key not in chosen.data]
    for key in forgotten:
        chosen.warning(
            key,
            f'is set at the top level and not in env.{env}, and "{key}" is not inherited',
            f"repeat it under env.{env}",
        )
    _name_forgotten_vars(document, chosen, env)
    merged: Mapping[str, Any] = {
        **{key: value for key, value in document.data.items() if key in INHERITED or key in TOP_LEVEL},
        **{key: value for key, value in chosen.data.items() if value is not None},
    }
    return _EnvironmentTable(merged, document, chosen)


def _name_forgotten_vars(document: Table, chosen: Table, env: str) -> None:
    """Where an environment has `vars` (none at all is meant so), those of the top level that it does not repeat."""
    top, own = document.data.get("vars"), chosen.data.get("vars")
    if not isinstance(top, Mapping) or not isinstance(own, Mapping) or not own:
        return
    for name in [name for name in top if name not in own]:
        chosen.warning(
            f"vars.{name}",
            f'is set at the top level and not in env.{env}, and "vars" is not inherited',
            f"repeat it under env.{env}.vars",
        )


class _EnvironmentTable(Table):
    """Knows for each key whether it stands in the environment or at the top level, so that problems point there."""

    def __init__(self, merged: Mapping[str, Any], top: Table, chosen: Table) -> None:
        super().__init__(merged, top.file, "", top.problems)
        self._chosen = chosen

    def key(self, name: str) -> str:
        return self._chosen.key(name) if not name or name in self._chosen.data else name


def plain_json(value: Any) -> bool:
    """Whether a value of `vars` can be one on Cloudflare: TOML also knows dates, `inf` and `nan`."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
