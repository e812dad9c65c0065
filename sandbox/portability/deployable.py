"""A wrangler file as it is deployed: without what is of this machine, with names as Cloudflare has them, and with rules that
upload every file beside the code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.config.documents import read_document
from sandbox.config.models import WorkerConfig, fold
from sandbox.config.problems import Problems
from sandbox.config.tables import Table
from sandbox.config.wrangler import read_rules
from sandbox.errors import UserError
from sandbox.portability.files import not_uploaded

_LOCAL_KEYS = ("dev",)
_LOCAL_BINDING_KEYS = ("remote", "preview_id", "preview_bucket_name", "preview_database_id")
_WORKER_NAMES = (("services", "service"), ("tail_consumers", "service"))
"""Where the name of another worker stands."""
_REAL_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Deployable:
    """The document to write, for a worker in the environment `env` (None: the top level).

    `name` is what it is called on Cloudflare. `namespaces`, `databases` and `buckets` are what the environment binds and
    has to be created; `placeholders` gives the text that stands for each id that is not known yet, by the id that is used here.
    """

    def __init__(self, config: WorkerConfig, env: str | None, workers: Iterable[WorkerConfig]) -> None:
        document = read_document(config.config_path, Problems())
        if document is None:
            raise UserError(f"{config.config_path} cannot be read")
        self.document = {key: value for key, value in document.items() if key not in _LOCAL_KEYS}
        environments = self.document.get("env")
        self._environments = dict(environments) if isinstance(environments, dict) else {}
        self.env = env if env in self._environments else None
        self._chosen = self.document if self.env is None else self._environments[self.env]
        self.name = self._rename(config, workers)
        self.document.setdefault("compatibility_date", config.compatibility_date)
        self.placeholders: dict[str, str] = {}
        for table in self._tables():
            for kind in ("kv_namespaces", "d1_databases", "r2_buckets"):
                if kind in table:
                    table[kind] = [_binding(kind, item) for item in _items(table, kind)]
        self.namespaces = self._to_create("kv_namespaces", "id")
        self.databases = self._to_create("d1_databases", "database_id")
        self.buckets = tuple(str(b["bucket_name"]) for b in _items(self._chosen, "r2_buckets") if "bucket_name" in b)
        if config.has_main:
            self._upload_all(config)

    def services(self) -> Iterator[tuple[str, str]]:
        """(binding, name on Cloudflare) of each worker that it calls."""
        for item in _items(self._chosen, "services"):
            yield str(item.get("binding")), str(item.get("service"))

    def move_assets(self, root: Path, place: Callable[[Path], str]) -> list[Path]:
        """The folders of static assets that lie in `root`; others are put where `place` says, a path in the folder that
        is exported."""
        inside = []
        for table in self._tables():
            assets = table.get("assets")
            given = assets.get("directory") if isinstance(assets, dict) else None
            if not isinstance(given, str):
                continue
            folder = Path(os.path.normpath(root / given))
            if folder.is_relative_to(root):
                inside.append(folder)
            elif folder.is_dir():
                table["assets"] = {**assets, "directory": place(folder)}  # type: ignore[dict-item]
        return inside

    def _tables(self) -> list[dict[str, Any]]:
        return [self.document, *(table for table in self._environments.values() if isinstance(table, dict))]

    def _rename(self, config: WorkerConfig, workers: Iterable[WorkerConfig]) -> str:
        """Names of workers without underscores, here and where others of this sandbox are bound: `name` becomes part of
        the workers.dev address, and Cloudflare's documentation of wrangler's configuration says not to use them."""
        top = self.document["name"] = deployed(str(self.document.get("name") or config.name))
        known = {fold(name) for worker in workers for name in (worker.name, worker.deployed_as) if name is not None}
        known |= {fold(f"{name}-{env}") for name in known for env in self._environments}
        for table in self._tables():
            if "name" in table:
                table["name"] = deployed(str(table["name"]))
            for kind, key in _WORKER_NAMES:
                for item in _items(table, kind):
                    if isinstance(item.get(key), str) and fold(item[key]) in known:
                        item[key] = deployed(item[key])
        if self.env is None:
            return top
        return str(self._chosen.get("name") or f"{top}-{deployed(self.env)}")

    def _to_create(self, kind: str, key: str) -> tuple[str, ...]:
        found = []
        for item in _items(self._chosen, kind):
            if str(item.get(key)).startswith("<id of "):
                here = str(item[key]).removeprefix("<id of ").removesuffix(">")
                self.placeholders[here] = item[key]
                found.append(here)
        return tuple(dict.fromkeys(found))

    def _upload_all(self, config: WorkerConfig) -> None:
        """A rule for the files beside the code that none uploads. It comes first: after a rule of its type without
        `fallthrough` it would have no effect, and wrangler refuses a file that matches such a rule."""
        for table in self._tables():
            if table is not self.document and "rules" not in table:
                continue
            rules = _items(table, "rules")
            upload = read_rules(Table(table, config.config_path, "", Problems()))
            absent = {path.relative_to(config.module_root).as_posix() for path in not_uploaded(config, upload).values()}
            last = {rule.get("type"): rule for rule in rules}
            for rule in rules:
                if last[rule.get("type")] is not rule:
                    rule["fallthrough"] = True
            if absent:
                rules.insert(0, {"type": "Data", "globs": sorted(absent), "fallthrough": True})
            if rules:
                table["rules"] = rules


def deployed(name: str) -> str:
    """What a worker is called on Cloudflare: lower case, `-` for `_`, as in the host name it answers by here."""
    return name.replace("_", "-").lower()


def _binding(kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in item.items() if key not in _LOCAL_BINDING_KEYS}
    key = {"kv_namespaces": "id", "d1_databases": "database_id"}.get(kind)
    if key is not None:
        here = str((item.get("database_name") if kind == "d1_databases" else kept.get(key)) or item.get("binding"))
        if not _REAL_ID.fullmatch(str(kept.get(key))):
            kept[key] = f"<id of {here}>"
    return kept


def _items(table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = table.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
