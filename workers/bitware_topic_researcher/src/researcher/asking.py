"""What this worker asks of others: the Source Finder, the Feed Fetcher, and OPML lists. Every refusal is said in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from researcher.opml import Refused, read_opml

CONNECTIONS = 6
"""Connections an invocation may have open at once on Cloudflare."""
TIMEOUT_S = 30.0
ANSWER_S = 120.0
MAX_TEXT = 2 * 1024 * 1024
_INSIDE = "https://service"
"""A service binding takes any host; the path is what counts."""

Fetch = Callable[..., Awaitable[Any]]


async def ask(service: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST to another worker and read its JSON object. Raises Refused in words."""
    try:
        async with asyncio.timeout(ANSWER_S):
            headers = {"Content-Type": "application/json"}
            response = await service.fetch(_INSIDE + path, method="POST", headers=headers, body=json.dumps(body))
            text = await response.text()
        answer = json.loads(text)
    except TimeoutError as error:
        raise Refused(f"no answer within {ANSWER_S:g} s") from error
    except ValueError as error:
        raise Refused("its answer is no JSON") from error
    except Exception as error:
        # A binding to a worker that is not there, or that fails, raises what the runtime likes.
        raise Refused(f"it could not be asked ({error})") from error
    if int(response.status) != 200:
        error_ = answer.get("error") if isinstance(answer, dict) else None
        reason = error_.get("message") if isinstance(error_, dict) else error_
        raise Refused(f"it answers {response.status}: {reason or 'no reason given'}")
    if not isinstance(answer, dict):
        raise Refused("its answer is no JSON object")
    return answer


async def find(finder: Any, body: dict[str, Any]) -> tuple[list[dict[str, Any]], int, list[str]]:
    """(feeds, how many the catalogue has, notes) of the Source Finder. Raises Refused."""
    answer = await ask(finder, "/find", body)
    feeds = answer.get("feeds")
    if not isinstance(feeds, list):
        raise Refused("its answer has no `feeds`")
    rows = [row for row in feeds if isinstance(row, dict) and isinstance(row.get("url"), str) and row["url"].strip()]
    searched, notes = answer.get("searched"), answer.get("notes")
    known = searched if isinstance(searched, int) and not isinstance(searched, bool) else len(rows)
    return rows, known, [str(note) for note in notes] if isinstance(notes, list) else []


async def fetch_articles(fetcher: Any, feeds: Sequence[dict[str, Any]], topic: str) -> tuple[list[Any], list[Any]]:
    """(articles, one line of summary per feed) of the Feed Fetcher. Raises Refused."""
    asked = [{name: feed.get(name) or "" for name in ("url", "title", "topic", "language")} for feed in feeds]
    answer = await ask(fetcher, "/fetch", {"feeds": asked, "topic": topic})
    articles, summary = answer.get("articles"), answer.get("feed_summary")
    if not isinstance(articles, list) or not isinstance(summary, list):
        raise Refused("its answer has no `articles`")
    return [one for one in articles if isinstance(one, dict)], [row for row in summary if isinstance(row, dict)]


async def opml_feeds(fetch: Fetch, lists: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """(feeds, {what, reason} of the lists that could not be read) of OPML lists, each by its address or as text."""
    connections = asyncio.Semaphore(CONNECTIONS)
    missed: list[dict[str, str]] = []

    async def one(given: str) -> list[dict[str, Any]]:
        name = "the OPML text" if given.startswith("<") else given
        try:
            if given.startswith("<"):
                return [{**row, "list": "opml"} for row in read_opml(given)]
            async with connections:
                return [{**row, "list": given} for row in read_opml(await _text_of(fetch, given))]
        except Refused as refused:
            missed.append({"what": name, "reason": str(refused)})
            return []

    found = await asyncio.gather(*(one(given) for given in lists))
    return [row for rows in found for row in rows], missed


async def _text_of(fetch: Fetch, url: str) -> str:
    """GET a text of at most 2 MB. Raises Refused in words."""
    if not url.lower().startswith(("http://", "https://")):
        raise Refused("it is neither OPML nor an http(s) address")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            response = await fetch(url)
            if int(response.status) != 200:
                raise Refused(f"it answers {response.status}")
            text = str(await response.text())
    except TimeoutError as error:
        raise Refused(f"no complete answer within {TIMEOUT_S:g} s") from error
    except OSError as error:
        raise Refused(f"it could not be reached ({error})") from error
    if len(text) > MAX_TEXT:
        raise Refused(f"it is larger than {MAX_TEXT:,} characters")
    return text
