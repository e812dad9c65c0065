"""From a decoded path to a file or a redirect: `html_handling` and `not_found_handling`.

Every HTML page has one canonical address, which `html_handling` decides; the page's other addresses redirect to it. A
redirect is given only where its target would serve the very same file. The order of the attempts is that of
Cloudflare's asset worker, and held by `tests/conformance/assets`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Find = Callable[[str], Path | None]


@dataclass(frozen=True, slots=True)
class Found:
    """A file to serve with `status`."""

    file: Path
    status: int = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """The canonical address (decoded path) of what was asked for."""

    to: str


@dataclass(frozen=True, slots=True)
class _Try:
    """Serve `file` or, with `to`, redirect there where that serves `file`."""

    file: str
    to: str | None = None


def locate(path: str, html: str, not_found: str, find: Find) -> Found | Moved | None:
    """What is at `path`, by the two settings; `find` tells the file at a path."""
    return _located(path, html, find) or _missing(path, not_found, find)


def _located(path: str, html: str, find: Find, redirects: bool = True) -> Found | Moved | None:
    for attempt in _ATTEMPTS[html](path):
        if attempt.to is None:
            file = find(attempt.file)
            if file is not None:
                return Found(file)
        elif redirects and find(attempt.to) is None:
            there = _located(attempt.to, html, find, redirects=False)
            if isinstance(there, Found) and there.file == find(attempt.file):
                return Moved(attempt.to)
    return None


def _missing(path: str, handling: str, find: Find) -> Found | None:
    if handling == "single-page-application":
        file = find("/index.html")
        return None if file is None else Found(file)
    if handling == "404-page":  # the nearest one upwards
        while path:
            path = path[: path.rfind("/")] if "/" in path else ""
            file = find(f"{path}/404.html")
            if file is not None:
                return Found(file, 404)
    return None


def _auto(path: str) -> Iterator[_Try]:
    """`/foo.html` is at `/foo`, `/foo/index.html` at `/foo/`."""
    if path.endswith("/index"):
        yield _Try(path)
        folder = path[: -len("/index")]
        yield _Try(f"{path}.html", f"{folder}/")
        yield _Try(f"{folder}.html", folder)
    elif path.endswith("/index.html"):
        folder = path[: -len("/index.html")]
        yield _Try(path, f"{folder}/")
        yield _Try(f"{folder}.html", folder)
    elif path.endswith("/"):
        yield _Try(f"{path}index.html")
        yield _Try(f"{path[:-1]}.html", path[:-1])
    elif path.endswith(".html"):
        stem = path[: -len(".html")]
        yield _Try(path, stem)
        yield _Try(f"{stem}/index.html", f"{stem}/")
    yield _Try(path)
    yield _Try(f"{path}.html")
    yield _Try(f"{path}/index.html", f"{path}/")


def _force(path: str) -> Iterator[_Try]:
    """Both `/foo.html` and `/foo/index.html` are at `/foo/`."""
    if path.endswith("/index"):
        yield _Try(path)
        folder = path[: -len("/index")]
        yield _Try(f"{path}.html", f"{folder}/")
        yield _Try(f"{folder}.html", f"{folder}/")
    elif path.endswith("/index.html"):
        folder = path[: -len("/index.html")]
        yield _Try(path, f"{folder}/")
        yield _Try(f"{folder}.html", f"{folder}/")
    elif path.endswith("/"):
        yield _Try(f"{path}index.html")
        yield _Try(f"{path[:-1]}.html")
    elif path.endswith(".html"):
        stem = path[: -len(".html")]
        yield _Try(path, f"{stem}/")
        yield _Try(path)
        yield _Try(f"{stem}/index.html", f"{stem}/")
    yield _Try(path)
    yield _Try(f"{path}.html", f"{path}/")
    yield _Try(f"{path}/index.html", f"{path}/")


def _drop(path: str) -> Iterator[_Try]:
    """Both are at `/foo`; only the root keeps its slash."""
    if path in ("/index", "/index.html", "/"):
        if path == "/index":
            yield _Try(path)
        yield _Try("/index.html", None if path == "/" else "/")
    elif path.endswith("/index"):
        yield _Try(path)
        folder = path[: -len("/index")]
        yield _Try(f"{folder}.html", folder)
        yield _Try(f"{path}.html", folder)
    elif path.endswith("/index.html"):
        folder = path[: -len("/index.html")]
        yield _Try(path, folder)
        yield _Try(path)
        yield _Try(f"{folder}.html", folder)
    elif path.endswith("/"):
        yield _Try(f"{path[:-1]}.html", path[:-1])
        yield _Try(f"{path[:-1]}/index.html", path[:-1])
    elif path.endswith(".html"):
        stem = path[: -len(".html")]
        yield _Try(path, stem)
        yield _Try(f"{stem}/index.html", stem)
    yield _Try(path)
    yield _Try(f"{path}.html")
    yield _Try(f"{path}/index.html")


def _none(path: str) -> Iterator[_Try]:
    yield _Try(path)


_ATTEMPTS: dict[str, Callable[[str], Iterator[_Try]]] = {
    "auto-trailing-slash": _auto,
    "force-trailing-slash": _force,
    "drop-trailing-slash": _drop,
    "none": _none,
}
