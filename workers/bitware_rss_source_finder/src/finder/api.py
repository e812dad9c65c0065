"""The finder over HTTP: each route reads what it is given, and says in words what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from finder import schemas
from finder.feeds import language
from finder.finder import Finder
from finder.refusals import BadRequest, Refused

PAGE, MAX_PAGE = 50, 500
MAX_BODY = 4 * 1024 * 1024

Answer = tuple[int, dict[str, Any]]


async def answer(method: str, url: str, body: Callable[[], Awaitable[str]], finder: Finder) -> Answer | None:
    """(status, body) of a request; None for what is none of this worker's routes."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if path not in _ROUTES:
        return None
    routes = _ROUTES[path]
    try:
        if method not in routes:
            raise BadRequest(f"{path} takes {' or '.join(routes)}, not {method}", "method_not_allowed", 405)
        if method == "GET":
            given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        else:
            given = _object(await body())
        return 200, await routes[method](finder, given)
    except BadRequest as wrong:
        return wrong.status, {"error": {"code": wrong.code, "message": str(wrong)}}


async def _find(finder: Finder, given: dict[str, Any]) -> dict[str, Any]:
    topic = _text(given, "topic", "what the feeds are to be about")[: schemas.MAX_TOPIC]
    keywords = schemas.terms(given.get("keywords"), "keywords")
    languages = schemas.languages_of(given.get("languages"))
    limit = schemas.limit_of(given.get("limit"))
    catalogue = given.get("catalogue")
    if catalogue is not None and not isinstance(catalogue, str):
        raise BadRequest("`catalogue` has to be the address of an OPML list, or `public`")
    try:
        found = await finder.find(topic, keywords, languages, catalogue)
    except Refused as refused:
        raise BadRequest(
            f"the catalogue {catalogue} cannot be read: {refused}", "catalogue_unreachable", 502
        ) from refused
    feeds = [one.told() for one in found.ranked[:limit]]
    return {"topic": topic, "feeds": feeds, "searched": found.searched, "notes": found.notes}


async def _discover(finder: Finder, given: dict[str, Any]) -> dict[str, Any]:
    sites = schemas.addresses(given.get("sites"), "sites", schemas.MAX_SITES)
    if not sites:
        raise BadRequest("`sites` is empty: name pages or hosts on which to look for feeds")
    found = await finder.discover(sites)
    return {"feeds": found.feeds, "unreachable": found.unreachable}


async def _add(finder: Finder, given: dict[str, Any]) -> dict[str, Any]:
    rows = given.get("feeds")
    if not isinstance(rows, list) or not rows:
        raise BadRequest("`feeds` has to be a list of addresses, or of objects with `url`")
    return await finder.add(rows)


async def _disable(finder: Finder, given: dict[str, Any]) -> dict[str, Any]:
    return await finder.disable(given.get("url"))


async def _enable(finder: Finder, given: dict[str, Any]) -> dict[str, Any]:
    return await finder.enable(given.get("url"))


async def _import(finder: Finder, given: dict[str, Any]) -> dict[str, Any]:
    opml = _text(given, "opml", "an OPML list, as text or by its address")
    try:
        return await finder.import_opml(opml)
    except Refused as refused:
        name = "the OPML text" if opml.startswith("<") else opml
        raise BadRequest(f"{name} cannot be imported: {refused}", "opml_unreadable") from refused


async def _list(finder: Finder, given: dict[str, Any]) -> dict[str, Any]:
    spoken = given.get("language", "")
    if spoken and not language(spoken):
        raise BadRequest(f"`language`: {spoken!r} is no language; give a tag as `en`")
    offset, limit = _number(given, "offset", 0, 0, 1_000_000), _number(given, "limit", PAGE, 1, MAX_PAGE)
    return await finder.listed(given.get("topic", ""), language(spoken), offset, limit)


_Route = Callable[[Finder, dict[str, Any]], Awaitable[dict[str, Any]]]
_ROUTES: dict[str, dict[str, _Route]] = {
    "/find": {"POST": _find},
    "/discover": {"POST": _discover},
    "/feeds": {"GET": _list, "POST": _add},
    "/feeds/disable": {"POST": _disable},
    "/feeds/enable": {"POST": _enable},
    "/import": {"POST": _import},
}


def _object(body: str) -> dict[str, Any]:
    if len(body) > MAX_BODY:
        raise BadRequest(f"the body has more than {MAX_BODY:,} characters", "too_large", 413)
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}", "bad_json") from error
    if not isinstance(given, dict):
        raise BadRequest("the body has to be a JSON object")
    return given


def _text(given: dict[str, Any], name: str, what: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"`{name}` is missing: {what}")
    return value.strip()


def _number(given: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise BadRequest(f"`{name}` has to be a whole number from {least:,} to {most:,}")
    return int(text)
