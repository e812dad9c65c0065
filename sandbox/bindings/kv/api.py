"""`/api/kv/...`: KV from outside, as Request -> Response. The command line uses it, over HTTP or in its own process.

Keys travel in the query (`?key=`), for a key may hold any character and a path may not.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.bindings.kv.limits import MAX_VALUE_BYTES, KvRefused, value_too_long
from sandbox.bindings.kv.store import KvStore, KvStores
from sandbox.config.problems import choices
from sandbox.errors import NotFound, SandboxError, UserError
from sandbox.runtime.exchange import header, json_response, make_response, take_body
from sandbox.runtime.web import Request, Response

MAX_WHOLE = 2**53 - 1

Namespaces = Callable[[], Mapping[str, Sequence[tuple[str, str]]]]


class KvApi:
    """`namespaces()` tells which namespaces there are and which (worker, binding) pairs use each."""

    def __init__(self, stores: KvStores, namespaces: Namespaces) -> None:
        self._stores = stores
        self._namespaces = namespaces

    async def handle(self, request: Request) -> Response:
        """Answer a request below `/api/kv`; no SandboxError leaves."""
        try:
            return await self._dispatch(request)
        except SandboxError as error:
            return json_response(error.as_json(), status=error.status)

    async def _dispatch(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        path = [unquote(part) for part in parts.path.removeprefix("/api/kv").split("/") if part]
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        match [request.method, *path]:
            case ["GET", "namespaces"]:
                return json_response({"success": True, "namespaces": self._listed()})
            case ["GET", "namespaces", name, "keys"]:
                return await self._keys(self._store(name), query)
            case ["GET", "namespaces", name, "value"]:
                return await self._get(self._store(name), _key(query))
            case ["PUT", "namespaces", name, "value"]:
                return await self._put(self._store(name), _key(query), query, request)
            case ["DELETE", "namespaces", name, "value"]:
                await self._store(name).delete(_key(query))
                return json_response({"success": True})
            case [method, "namespaces"] | [method, "namespaces", _, "keys" | "value"]:
                allowed = "GET, PUT, DELETE" if path[-1] == "value" else "GET"
                wrong = SandboxError(f"{parts.path} does not take {method}", code="method_not_allowed", status=405)
                return json_response(wrong.as_json(), status=405, headers={"allow": allowed})
        raise NotFound(f"no route {parts.path}", code="no_route")

    def _listed(self) -> list[dict[str, Any]]:
        return [
            {"id": name, "bindings": [{"worker": worker, "binding": binding} for worker, binding in users]}
            for name, users in self._namespaces().items()
        ]

    def _store(self, name: str) -> KvStore:
        known = self._namespaces()
        if name not in known:
            raise NotFound(
                f"no KV namespace has the id {name!r}",
                code="kv_namespace_unknown",
                hint=choices(name, known=known),
            )
        return self._stores.get(name)

    async def _keys(self, store: KvStore, query: Mapping[str, str]) -> Response:
        limit = _whole(query, "limit")
        page = await store.list(query.get("prefix", ""), limit, query.get("cursor") or None)
        keys: list[dict[str, Any]] = []
        for key in page.keys:
            shown: dict[str, Any] = {"name": key.name}
            if key.expiration is not None:
                shown["expiration"] = key.expiration
            if key.metadata is not None:
                shown["metadata"] = key.metadata
            keys.append(shown)
        return json_response({"success": True, "keys": keys, "cursor": page.cursor, "list_complete": page.complete})

    async def _get(self, store: KvStore, key: str) -> Response:
        entry = await store.get(key)
        if entry is None:
            raise NotFound(f"no value under the key {key!r}", code="kv_key_unknown")
        headers = [("content-type", "application/octet-stream")]
        if entry.expiration is not None:
            headers.append(("x-kv-expiration", str(entry.expiration)))
        if entry.metadata is not None:
            # ASCII JSON: a header cannot carry anything else safely
            headers.append(("x-kv-metadata", json.dumps(entry.metadata)))
        return make_response(entry.value, headers=headers)

    async def _put(self, store: KvStore, key: str, query: Mapping[str, str], request: Request) -> Response:
        metadata = None
        text = header(request, "x-kv-metadata")
        if text is not None:
            try:
                metadata = json.loads(text, parse_constant=_no_number, parse_float=_finite)
            except (ValueError, RecursionError) as error:
                raise UserError(f"metadata: {error}", code="bad_metadata", hint="it must be JSON") from None
        body = take_body(request)
        await store.put(
            key,
            b"" if body is None else body if isinstance(body, bytes) else _limited(body),
            expiration=_whole(query, "expiration"),
            expiration_ttl=_whole(query, "expiration_ttl"),
            metadata=metadata,
        )
        return json_response({"success": True})


async def _limited(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for piece in body:
        size += len(piece)
        if size > MAX_VALUE_BYTES:
            raise value_too_long(size)
        yield piece


def _key(query: Mapping[str, str]) -> str:
    if "key" not in query:
        raise KvRefused(400, "key: missing from the query")
    return query["key"]


def _whole(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None or text == "":
        return None
    try:
        number = int(text)
    except ValueError:
        raise KvRefused(400, f"{name}: expected a whole number, got {text[:40]!r}") from None
    if abs(number) > MAX_WHOLE:
        raise KvRefused(400, f"{name}: {text[:40]} is out of range")
    return number


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no JSON number")
