"""Which worker a request is for, and under which URL that worker sees it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.errors import NotFound

WORKERS_PREFIX = "/workers/"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(slots=True)  # not frozen: one is made for each request, and frozen ones take three times as long
class Target:
    """Where a request goes. `worker` is None for our own routes.

    `url` is what the receiver sees as `request.url`. `shared_origin` tells that the answer will live on the origin of
    our own page (`/workers/<name>/`), where a worker's HTML must not act in our name.
    """

    worker: str | None
    url: str
    host: str
    shared_origin: bool = False


class Dispatch:
    """`resolve` turns a host label or a name in a path (any spelling) into a worker's canonical name, or None."""

    def __init__(self, resolve: Callable[[str], str | None], port: int) -> None:
        self._resolve = resolve
        self._port = port
        self._hosts: dict[str, str] = {}

    def choose(self, label: str | None, own: str | None, host: str, target: str) -> Target:
        """`label` stands before `.localhost` in Host, `own` is the worker that owns the port, `target` begins with `/`.

        On a port of its own a worker sees the address that was asked, as under `wrangler dev`: what it builds from
        `request.url` (redirects, links, callback addresses) then leads back to the same origin, whose cookies and CORS
        the client has. Raises NotFound for a label or name that no worker has.
        """
        if own is not None:
            return Target(own, f"http://{host}{target}", host)
        if label is not None:
            name = self._resolve(label)
            if name is None:
                raise NotFound(f"no worker answers to {label}.localhost", hint="see `sandbox workers list`")
            return self._worker(name, target)
        if target.startswith(WORKERS_PREFIX):
            given, rest = _split_name(target[len(WORKERS_PREFIX) :])
            if _NAME.fullmatch(given):
                name = self._resolve(given)
                if name is None:
                    raise NotFound(f"there is no worker {given}", hint="see `sandbox workers list`")
                return self._worker(name, rest, shared_origin=True)
        return Target(None, f"http://{host}{target}", host)

    def _worker(self, name: str, target: str, *, shared_origin: bool = False) -> Target:
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = worker_host(name, self._port)
        return Target(name, f"http://{host}{target}", host, shared_origin)


def worker_host(name: str, port: int) -> str:
    """`feed-fetcher.localhost:8787` for the worker `feed_fetcher`."""
    return f"{name.lower().replace('_', '-')}.localhost:{port}"


def _split_name(rest: str) -> tuple[str, str]:
    """`name/path?query` -> name, `/path?query`; a name alone stands for its root."""
    for at, char in enumerate(rest):
        if char == "/":
            return rest[:at], rest[at:]
        if char in "?#":
            return rest[:at], "/" + rest[at:]
    return rest, "/"
