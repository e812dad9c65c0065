"""`sandbox.toml` but for its pipelines: `[sandbox]`, `[egress]` with its routes, `[workers.NAME]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from sandbox.config.bindings import NAME, NAME_HINT
from sandbox.config.models import (
    EGRESS_MODES,
    EgressConfig,
    EgressMode,
    EgressRoute,
    EventsConfig,
    LegacyAdapter,
    MatchConfig,
    ScrubConfig,
    WorkerSettings,
)
from sandbox.config.names import WorkerNames
from sandbox.config.tables import Table, shown

FILE = "sandbox.toml"
DEFAULT_STATE = "kv_data"
DEFAULT_PORT = 8787
DEFAULT_INCLUDE = ("workers/*",)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TARGETS = ("folder", "worker", "upstream")


def read_basics(document: Table) -> dict[str, Any]:
    """`[sandbox]`: those of `port`, `ip`, `state`, `include`, `on_error`, `isolates`, `allow_hosts` that are given and right."""
    table = document.table("sandbox")
    if table is None:
        return {}
    values = {
        "port": table.integer("port", least=0, most=65535),
        "ip": table.text("ip"),
        "state": table.text("state"),
        "include": table.strings("include"),
        "on_error": table.choice("on_error", ("stale", "fail")),
        "isolates": table.integer("isolates", least=1, most=8),
        "allow_hosts": table.strings("allow_hosts"),
    }
    table.warn_unknown()
    return {key: value for key, value in values.items() if value is not None}


def read_egress(document: Table, root: Path, workers: WorkerNames) -> EgressConfig:
    """`[egress]`. A route's folder is taken from sandbox.toml's folder and must exist."""
    table = document.table("egress")
    if table is None:
        return EgressConfig()
    mode = table.choice("mode", EGRESS_MODES) or "offline"
    routes = [_route(entry, root, workers) for entry in table.tables("routes")]
    cassettes = Path(table.text("cassettes") or "cassettes")
    scrub, match = _scrub(table.table("scrub")), _match(table.table("match"))
    table.warn_unknown()
    found = tuple(route for route in routes if route is not None)
    return EgressConfig(cast(EgressMode, mode), found, cassettes, scrub, match)


def _scrub(table: Table | None) -> ScrubConfig:
    if table is None:
        return ScrubConfig()
    names = [table.strings(key) or () for key in ("headers", "query", "fields", "keep", "patterns")]
    for pattern in names[-1]:
        try:
            re.compile(pattern)
        except re.error as error:
            table.error("patterns", f"{shown(pattern)} is no regular expression: {error}")
    table.warn_unknown()
    return ScrubConfig(*names)


def _match(table: Table | None) -> MatchConfig:
    if table is None:
        return MatchConfig()
    names = [table.strings(key) or () for key in ("ignore_query", "ignore_fields", "headers")]
    table.warn_unknown()
    return MatchConfig(*names)


def read_events(document: Table) -> EventsConfig:
    """`[events]`: the event log."""
    table, usual = document.table("events"), EventsConfig()
    if table is None:
        return usual
    age = table.text("max_age")
    found = re.fullmatch(r"(\d+)\s*([smhd])", age) if age is not None else None
    if age is not None and (found is None or int(found[1]) == 0):
        table.error("max_age", f"must be a time, not {shown(age)}", 'write it as "12h" or "7d" (s, m, h, d)')
    max_mb = table.integer("max_mb", least=1, most=100_000)
    body_limit = table.integer("body_limit", least=0)
    enabled = table.flag("enabled", usual.enabled)
    table.warn_unknown()
    return EventsConfig(
        enabled,
        usual.max_mb if max_mb is None else max_mb,
        usual.max_age if found is None else float(int(found[1]) * _SECONDS[found[2]]),
        usual.body_limit if body_limit is None else body_limit,
    )


def _route(table: Table, root: Path, workers: WorkerNames) -> EgressRoute | None:
    match = table.text("match", required=True)
    if match is not None and not match.startswith(("http://", "https://", "*")):
        table.error("match", f"{shown(match)} matches no address", 'write it whole, as in "https://feeds.test/*"')
    folder, worker, upstream = (table.text(target) for target in _TARGETS)
    given = [target for target in _TARGETS if target in table.data]
    table.warn_unknown()
    if len(given) != 1:
        what = f"has {' and '.join(given)}" if given else "has no target"
        table.error("", f"{what}; a route has exactly one of {', '.join(_TARGETS)}")
        return None
    path = root / folder if folder is not None else None
    if path is not None and not path.is_dir():
        table.error("folder", f"there is no folder {shown(folder)} in {root}")
    canonical = workers.canonical(worker) if worker is not None else None
    if worker is not None and canonical is None:
        table.error("worker", f"there is no worker {shown(worker)}", workers.hint(worker))
    if upstream is not None:
        _check_url(table, "upstream", upstream)
    return EgressRoute(match, path, canonical, upstream) if match is not None else None


def read_worker_settings(document: Table) -> dict[str, WorkerSettings]:
    """`[workers.NAME]` as spelled there. With `url` (and no folder here) the worker is an external one."""
    settings = {}
    for name, table in document.named_tables("workers").items():
        if not NAME.fullmatch(name) or len(name) > 63:
            document.error(f"workers.{name}", "cannot be a worker's name", f"use {NAME_HINT}, at most 63 here")
        url = table.text("url")
        if url is not None:
            _check_url(table, "url", url)
        probe = table.table("probe")
        settings[name] = WorkerSettings(
            name=name,
            port=table.integer("port", least=1, most=65535),
            max_concurrent_executions=table.integer("max_concurrent_executions", least=1),
            url=url,
            token=table.text("token"),
            probe_input=probe.raw("input") if probe is not None else None,
            legacy=_legacy(table.table("legacy")),
        )
        if probe is not None:
            probe.warn_unknown()
        table.warn_unknown()
    return settings


def _legacy(table: Table | None) -> LegacyAdapter | None:
    if table is None:
        return None
    method = (table.text("method") or "POST").upper()
    path = table.text("path", required=True)
    if path is not None and not path.startswith("/"):
        table.error("path", f"{shown(path)} must begin with /")
    maps = [_string_map(table.table(key)) for key in ("input_map", "output_map")]
    table.warn_unknown()
    return LegacyAdapter(method, path or "/", maps[0], maps[1])


def _string_map(table: Table | None) -> Mapping[str, str]:
    if table is None:
        return {}
    return {key: text for key in table.data if (text := table.text(key)) is not None}


def _check_url(table: Table, key: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        table.error(key, f"{shown(url)} is no http or https address")
