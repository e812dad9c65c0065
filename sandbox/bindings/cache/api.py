"""The objects worker code sees as `caches` and a cache.

Entries lie in the state folder, in one file for each cache, shared by all workers; their time is the sandbox's clock's.
`Vary` (apart from `*`) plays no part in what matches, as at Cloudflare.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from email.utils import formatdate
from typing import Any

from sandbox.bindings.cache import limits
from sandbox.bindings.cache.policy import age_of, date, lifetime, without_private_cookie
from sandbox.bindings.kv import KvStore, KvStores
from sandbox.bindings.kv.limits import MIN_EXPIRATION_TTL_S
from sandbox.clock import Clock
from sandbox.runtime.exchange import header, header_pairs, make_response, read_bytes
from sandbox.runtime.values import HostObject, js_method, js_str, jsnull, option, throw
from sandbox.runtime.web import Request, Response


class CacheStorage(HostObject):
    """`caches`: `default`, and `open(name)` for caches of one's own."""

    js_name = "CacheStorage"

    def __init__(self, stores: KvStores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    @property
    def default(self) -> Cache:
        return Cache(self._stores.get("default"), self._clock)

    @js_method
    async def open(self, name: Any) -> Cache:
        """The cache of this name, whatever characters it has."""
        digest = hashlib.sha256(js_str(name).encode("utf-8", "surrogatepass")).hexdigest()
        return Cache(self._stores.get(f"named_{digest[:40]}"), self._clock)


class Cache(HostObject):
    """One cache: `put`, `match`, `delete`."""

    js_name = "Cache"

    def __init__(self, store: KvStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @js_method
    async def put(self, resource: Any, response: Any) -> None:
        """Keep the response for as long as its headers allow; what must not be kept is dropped without an error.

        TypeError for another method than GET, a 206, `Vary: *`, a body that was used.
        """
        request = _request(resource)
        if not isinstance(response, Response):
            text = "Failed to execute 'put' on 'Cache': parameter 2 is not of type 'Response'."
            throw("TypeError", text)
        if request.method != "GET":
            throw("TypeError", limits.ONLY_GET)
        if response.status == 206:
            throw("TypeError", limits.PARTIAL)
        if "*" in (header(response, "vary") or ""):
            throw("TypeError", limits.VARY_STAR)
        if response.status == 101:
            throw("TypeError", limits.WEB_SOCKET)
        now = self._clock.now()
        headers = without_private_cookie(header_pairs(response))
        authorized = header(request, "authorization") is not None
        fresh = lifetime(response.status, dict(headers), now, authorized=authorized)
        status = response.status
        try:
            body = await read_bytes(response, limit=limits.MAX_BODY_BYTES) if response.body is not None else b""
        except ValueError:
            return  # too large: not kept
        if fresh <= 0 or status in limits.NEVER_KEPT:
            return
        kept = [pair for pair in headers if pair[0] not in limits.OF_THE_CONNECTION]
        began = now - age_of(dict(headers))
        head = json.dumps({"status": status, "headers": kept, "until": now + fresh, "began": began}).encode()
        ttl = max(MIN_EXPIRATION_TTL_S, math.ceil(min(fresh, 2**31 - 1)))
        await self._store.put(_key(request), head + b"\n" + body, expiration_ttl=ttl)

    @js_method
    async def match(self, resource: Any, options: Any) -> Response | None:
        """The response that was put for this URL, with `cf-cache-status: HIT`; undefined where there is none.

        The request's If-None-Match and If-Modified-Since may make it a 304, its Range a 206.
        """
        request = _request(resource)
        if request.method != "GET" and not _ignores_method(options):
            return None
        found = await self._find(request)
        if found is None:
            return None
        status, headers, body = found
        if _unchanged(request, dict(headers)):
            return make_response(None, status=304, headers=headers)
        asked = header(request, "range")
        if asked is not None and status == 200:
            return _part(asked, headers, body)
        return make_response(None if status == 204 else body, status=status, headers=headers)

    @js_method
    async def delete(self, resource: Any, options: Any) -> bool:
        """Forget the response of this URL; whether there was one."""
        request = _request(resource)
        if request.method != "GET" and not _ignores_method(options):
            return False
        there = await self._find(request) is not None
        await self._store.delete(_key(request))
        return there

    async def _find(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes] | None:
        entry = await self._store.get(_key(request))
        if entry is None:
            return None
        head, _, body = entry.value.partition(b"\n")
        known = json.loads(head)
        if known["until"] <= self._clock.now():
            return None
        now = self._clock.now()
        told = {
            "cf-cache-status": "HIT",
            "age": str(int(now - known["began"])),
            "content-length": str(len(body)),
            "date": formatdate(now, usegmt=True),
        }
        headers = [(name, value) for name, value in known["headers"] if name not in told]
        return known["status"], [*headers, *told.items()], body


def _request(resource: Any) -> Request:
    return resource if isinstance(resource, Request) else Request(resource, None)


def _ignores_method(options: Any) -> bool:
    return options is not None and options is not jsnull and bool(option(options, "ignoreMethod"))


def _key(request: Request) -> str:
    """A name of fixed length for the URL, which may be longer than a key."""
    return hashlib.sha256(request.url.encode("utf-8", "surrogatepass")).hexdigest()


def _unchanged(request: Request, headers: dict[str, str]) -> bool:
    asked, etag = header(request, "if-none-match"), headers.get("etag")
    if asked is not None and etag is not None:
        tags = [tag.strip().removeprefix("W/") for tag in asked.split(",")]
        if asked.strip() == "*" or etag.removeprefix("W/") in tags:
            return True
    since, modified = date(header(request, "if-modified-since") or ""), date(headers.get("last-modified", ""))
    return since is not None and modified is not None and modified <= since


def _part(asked: str, headers: list[tuple[str, str]], body: bytes) -> Response:
    """One range of the body, 416 for what is none or lies outside; for several ranges, or one of all, the whole body."""
    size = len(body)
    if "," in asked:
        return make_response(body, status=200, headers=headers)
    span = re.fullmatch(r"\s*bytes\s*=\s*(\d*)-(\d*)\s*", asked, re.IGNORECASE | re.ASCII)
    first, last = (span[1], span[2]) if span is not None else ("", "")
    if not first and last and int(last) >= size:
        return make_response(body, status=200, headers=headers)
    start = int(first) if first else size - int(last or 0)
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or end < start:
        return make_response(
            None, status=416, headers=[("content-range", f"bytes */{size}"), ("cf-cache-status", "HIT")]
        )
    kept = [pair for pair in headers if pair[0] != "content-length"]
    about = [("content-range", f"bytes {start}-{end}/{size}"), ("content-length", str(end - start + 1))]
    return make_response(body[start : end + 1], status=206, headers=[*kept, *about])
