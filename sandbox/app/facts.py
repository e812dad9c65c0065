"""What is known of the workers right now, for whoever asks: the API, the page, egress, the command line."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from sandbox.app.ports import URL_VARIABLE, worker_url
from sandbox.config.models import SandboxConfig, fold
from sandbox.host.page import Overview, WorkerLine

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox


class Facts:
    """Reads the sandbox's configuration and registries; keeps nothing of its own but hashes, and the addresses of
    workers until configuration or registry change."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._hashes: dict[tuple[str, int], str] = {}
        self._hosted_urls: tuple[tuple[SandboxConfig, int, int], dict[str, str]] | None = None
        self._external_urls: tuple[SandboxConfig, dict[str, str]] | None = None

    def port_of(self, worker: str) -> int | None:
        """A port of the worker's own: sandbox.toml's, else `dev.port` of its wrangler file."""
        settings = self._sandbox.config.settings_of(worker)
        return (settings.port if settings else None) or self._sandbox.config.workers[worker].dev_port

    def worker_ports(self) -> dict[str, int]:
        """Every worker that has a port of its own."""
        return {name: port for name in self._sandbox.config.workers if (port := self.port_of(name))}

    def describe_worker(self, name: str) -> dict[str, Any]:
        """What is known of a hosted worker besides its registration: code, bindings, addresses."""
        sandbox = self._sandbox
        if not sandbox.workers.has(name):
            return {}
        config, status = sandbox.workers.config(name), sandbox.workers.status(name)
        return {
            "folder": str(config.root),
            "environment": sandbox.config.env,
            "generation": status.generation,
            "stale": status.stale,
            "error": sandbox.redact(status.error) if status.error else None,
            "compatibility_date": config.compatibility_date,
            "path": f"/workers/{config.name}/",
            "port": self.port_of(config.name),
            "orchestrator_url": sandbox.address,
            "bindings": [
                *({"name": b.binding, "kind": "kv_namespace", "id": b.id} for b in config.kv_namespaces),
                *(
                    {"name": b.binding, "kind": "service", "service": b.service, "entrypoint": b.entrypoint}
                    for b in config.services
                ),
                *({"name": name, "kind": "var"} for name in config.vars if name not in config.secrets),
                *({"name": name, "kind": "secret"} for name in config.secrets),
                *(
                    [{"name": config.assets.binding, "kind": "assets"}]
                    if config.assets is not None and config.assets.binding is not None
                    else []
                ),
                *(
                    {"name": b.binding, "kind": "ratelimit", "limit": b.limit, "period": b.period}
                    for b in config.ratelimits
                ),
                *([{"name": config.version_metadata, "kind": "version_metadata"}] if config.version_metadata else []),
                *({"name": b.binding, "kind": b.kind, "supported": False} for b in config.unsupported),
            ],
        }

    def worker_urls(self) -> dict[str, str]:
        """Every URL by which a hosted worker is known: its local one, and the one the registry has of it. Asked for
        every outbound call: the very same object until something changes."""
        sandbox = self._sandbox
        config, changes, port = now = sandbox.config, sandbox.orchestrator.registry.changes, sandbox.port
        known = self._hosted_urls
        # by identity: configurations are frozen, and comparing two would read all of both
        if known is not None and known[0][0] is config and known[0][1:] == (changes, port):
            return known[1]
        urls = {worker_url(worker, port): worker.name for worker in config.workers.values()}
        for name, own in self.worker_ports().items():
            urls |= {f"http://localhost:{own}": name, f"http://127.0.0.1:{own}": name}
        names = {fold(name): name for name in config.workers}
        for row in sandbox.orchestrator.registry.rows():
            hosted = names.get(fold(row["worker_name"]))
            if hosted is not None:
                urls[row["worker_url"]] = hosted
        self._hosted_urls = now, urls
        return urls

    def external_urls(self) -> dict[str, str]:
        """URLs that are reached over HTTP whatever the egress mode: external workers, and an orchestrator of its own
        that a worker's vars name. The very same object until the configuration changes."""
        config, known = self._sandbox.config, self._external_urls
        if known is not None and known[0] is config:
            return known[1]
        urls = {setting.url: name for name, setting in config.external().items() if setting.url}
        for worker in config.workers.values():
            own = worker.secrets.get(URL_VARIABLE) or worker.vars.get(URL_VARIABLE)
            if isinstance(own, str):
                urls.setdefault(own, "orchestrator")
        self._external_urls = config, urls
        return urls

    def overview(self) -> Overview:
        lines = []
        for name in self._sandbox.workers.names():
            status = self._sandbox.workers.status(name)
            state = "failed" if status.generation is None else "stale" if status.stale else "ready"
            lines.append(WorkerLine(name, self._sandbox.url_of(name), state))
        pipelines = tuple((p.name, p.description) for p in self._sandbox.config.pipelines.values())
        return Overview(workers=tuple(lines), pipelines=pipelines)

    def namespaces(self) -> dict[str, list[tuple[str, str]]]:
        """KV namespace ids and who binds them: id -> [(worker, binding)]."""
        found: dict[str, list[tuple[str, str]]] = {namespace: [] for namespace in self._sandbox.kv.ids()}
        for worker in self._sandbox.config.workers.values():
            for namespace in worker.kv_namespaces:
                found.setdefault(namespace.id, []).append((worker.name, namespace.binding))
        return dict(sorted(found.items()))

    def code_hash(self, worker: str) -> str:
        """Names the code that serves now: its generation's modules by content, the same wherever the folder lies."""
        if not self._sandbox.workers.has(worker):
            return ""
        generation = self._sandbox.workers.generation(worker)
        if generation is None:
            return ""
        key = (fold(worker), generation.number)
        if key not in self._hashes:
            # taken when it is first asked for, right after the generation was loaded
            digest = hashlib.sha256()
            root = os.path.realpath(generation.config.root)
            for path, content in sorted(generation.files.items()):
                digest.update(os.path.relpath(path, root).encode())
                digest.update(content)
            self._hashes = {known: value for known, value in self._hashes.items() if known[0] != key[0]}
            self._hashes[key] = digest.hexdigest()
        return self._hashes[key]
