"""Answers requests from a worker's folder of assets, and says whether the worker is asked first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from sandbox.bindings.assets.folder import AssetFolder, content, content_type
from sandbox.bindings.assets.limits import CACHE_CONTROL, NAVIGATION_OFF, NAVIGATION_ON, NAVIGATION_SINCE
from sandbox.bindings.assets.paths import Found, Moved, locate
from sandbox.bindings.assets.rules import HeaderRule, Redirects, apply_headers, read_headers
from sandbox.config.models import AssetsConfig, WorkerConfig
from sandbox.runtime.exchange import header, make_response, path_of, query_of
from sandbox.runtime.web import Request, Response

# What encodeURIComponent leaves as it is.
_UNESCAPED = "!'()*~"


class AssetServers:
    """The assets of every worker that has some, by its configuration."""

    def __init__(self) -> None:
        self._servers: dict[AssetsConfig, AssetServer] = {}

    def of(self, config: AssetsConfig) -> AssetServer:
        server = self._servers.get(config)
        if server is None:
            server = self._servers[config] = AssetServer(config)
        return server

    async def front(self, worker: WorkerConfig, request: Request) -> Response | None:
        """The answer of the assets before the worker is asked; None where the worker is to answer."""
        if worker.assets is None:
            return None
        server = self.of(worker.assets)
        if worker.has_main and not server.goes_first(request, _navigates(worker, request)):
            return None
        return await server.answer(request)


@dataclass(frozen=True, slots=True)
class _Settings:
    """`_redirects` and `_headers`, and the versions of the files they were read from."""

    versions: tuple[object, object]
    redirects: Redirects
    headers: Sequence[HeaderRule]


class AssetServer:
    """One folder by its settings."""

    def __init__(self, config: AssetsConfig) -> None:
        self._config = config
        self._folder = AssetFolder(config.directory)
        self._settings: _Settings | None = None
        patterns = config.run_worker_first if not isinstance(config.run_worker_first, bool) else ()
        self._assets_first = [_glob(rule[1:]) for rule in patterns if rule.startswith("!")]
        self._worker_first = [_glob(rule) for rule in patterns if not rule.startswith("!")]

    def goes_first(self, request: Request, navigation: bool) -> bool:
        """Whether the assets answer before the worker: by `run_worker_first`, else where they have something.

        What `not_found_handling` gives counts as something for a `navigation` (a browser that opens a page), and for
        every request where `run_worker_first` names the paths of the worker.
        """
        path = path_of(request)
        if any(rule.match(path) for rule in self._assets_first):
            return True
        if self._config.run_worker_first is True or any(rule.match(path) for rule in self._worker_first):
            return False
        if self._read().redirects.match(path) is not None:
            return True
        missing = self._config.not_found_handling if navigation or self._worker_first else "none"
        return locate(_decoded(path), self._config.html_handling, missing, self._folder.find) is not None

    async def answer(self, request: Request) -> Response:
        """The file, a redirect, or an empty 404; 405 for other methods than GET and HEAD where there is a file.

        Ranges are not served: the whole file comes, as Cloudflare's asset worker answers.
        """
        settings = self._read()
        status, headers, found = self._plan(request, settings)
        body = None
        if found is not None:
            try:
                size = found.file.stat().st_size
                etag = await self._folder.etag(found.file)
                if header(request, "if-none-match") in (f'"{etag}"', f'W/"{etag}"'):
                    status = 304
                elif request.method != "HEAD":
                    body = content(found.file, size)
                    size = len(body) if isinstance(body, bytes) else size  # it may have been saved meanwhile
            except OSError:  # deleted since we looked
                return make_response(None, status=404, headers=[])
            headers = self._file_headers(found, etag, request)
            if status != 304:
                headers.append(("content-length", str(size)))
        headers = apply_headers(settings.headers, urlsplit(request.url).hostname or "", path_of(request), headers)
        return make_response(body, status=status, headers=headers)

    def _plan(self, request: Request, settings: _Settings) -> tuple[int, list[tuple[str, str]], Found | None]:
        """Status, headers, and the file where one is served."""
        path, query = path_of(request), query_of(request)
        search = f"?{query}" if query else ""
        rule = settings.redirects.match(path)
        if rule is not None and rule.status != 200:
            return rule.status, [("location", _location(rule.to, request.url, search))], None
        if rule is not None:
            path = quote(urlsplit(rule.to).path, safe="/%" + _UNESCAPED + "$&+,:;=@")
        decoded = _decoded(path)
        found = locate(decoded, self._config.html_handling, self._config.not_found_handling, self._folder.find)
        if found is None:
            return 404, [], None
        if request.method not in ("GET", "HEAD"):
            return 405, [], None
        canonical = _encoded(found.to if isinstance(found, Moved) else decoded)
        if isinstance(found, Moved) or canonical != path:
            return 307, [("location", canonical + search)], None
        return found.status, [], found

    def _file_headers(self, found: Found, etag: str, request: Request) -> list[tuple[str, str]]:
        headers = [("etag", f'"{etag}"')]
        kind = content_type(found.file)
        if kind is not None:
            headers.append(("content-type", kind))
        if header(request, "authorization") is None and header(request, "range") is None:
            headers.append(("cache-control", CACHE_CONTROL))
        return headers

    def _read(self) -> _Settings:
        """The settings files, read again when they changed."""
        versions = (self._folder.version("_redirects"), self._folder.version("_headers"))
        if self._settings is None or self._settings.versions != versions:
            redirects, headers = self._folder.text("_redirects")[1], self._folder.text("_headers")[1]
            self._settings = _Settings(versions, Redirects(redirects), read_headers(headers))
        return self._settings


def _navigates(worker: WorkerConfig, request: Request) -> bool:
    flags = worker.compatibility_flags
    on = NAVIGATION_ON in flags or (worker.compatibility_date >= NAVIGATION_SINCE and NAVIGATION_OFF not in flags)
    return on and header(request, "sec-fetch-mode") == "navigate"


def _glob(rule: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in rule.split("*")) + r"\Z")


def _decoded(path: str) -> str:
    """Each segment decoded, one that is no UTF-8 left as it is; several slashes are one."""
    segments = []
    for segment in path.split("/"):
        try:
            malformed = re.search(r"%(?![0-9A-Fa-f]{2})", segment)
            segments.append(segment if malformed else unquote_to_bytes(segment).decode())
        except UnicodeDecodeError:
            segments.append(segment)
    return re.sub(r"/+", "/", "/".join(segments))


def _encoded(path: str) -> str:
    return "/".join(quote(segment, safe=_UNESCAPED) for segment in path.split("/"))


def _location(to: str, url: str, search: str) -> str:
    """Where a rule of `_redirects` leads: the request's query goes along where the rule has none of its own."""
    target, asked = urlsplit(urljoin(url, to)), urlsplit(url)
    query = f"?{target.query}" if target.query else search
    fragment = f"#{target.fragment}" if target.fragment else ""
    same = (target.scheme, target.netloc) == (asked.scheme, asked.netloc)
    return ("" if same else f"{target.scheme}://{target.netloc}") + (target.path or "/") + query + fragment
