"""What a client sees when something failed: HTML for a browser, the one JSON shape otherwise, no secret in either."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import Any

from sandbox.errors import SandboxError, WorkerExceeded, WorkerFailed, WorkerUnavailable

PAGE_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
WORKER_THREW = 1101
"""Cloudflare's number for an exception that a worker let through."""
WORKER_EXCEEDED = 1102
"""Cloudflare's number for a worker that was ended at its limit."""
_TITLES = {
    WORKER_THREW: f"Error {WORKER_THREW}: Worker threw exception",
    WORKER_EXCEEDED: f"Error {WORKER_EXCEEDED}: Worker exceeded resource limits",
}

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fff}"
    "h1{font-size:1.4rem}pre{background:#f4f4f4;padding:1rem;overflow:auto;border-left:4px solid #c33}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#242424}}"
)


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """Status, headers and body of an answer of our own, ready to be sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def wants_html(accept: str) -> bool:
    """Whether an Accept header is a browser's navigation."""
    return "text/html" in accept


def error_answer(
    error: BaseException,
    *,
    html: bool,
    describe: Callable[[BaseException], str],
    redact: Callable[[str], str],
) -> PlainAnswer:
    """The answer for anything raised on a request's way.

    A SandboxError says its own status, code and hint. A worker's exception is status 500 with Cloudflare's error 1101
    and what `describe` tells of its cause (a traceback, the worker's own frames first); code that does not import is 503.
    Anything else is a bug of the sandbox: 500 `internal`, with its type alone.
    """
    detail: dict[str, Any] = {}
    if isinstance(error, SandboxError):
        status, code, message, hint = error.status, error.code, error.message, error.hint
    else:
        status, code, hint = 500, "internal", "this is a bug of the sandbox; its console has the traceback"
        message = f"the sandbox failed with {type(error).__name__}"
    if isinstance(error, WorkerFailed | WorkerUnavailable):
        detail["worker"] = error.worker
        if isinstance(error, WorkerFailed):
            detail["error_code"] = WORKER_EXCEEDED if isinstance(error, WorkerExceeded) else WORKER_THREW
        if error.__cause__ is not None:
            detail["traceback"] = redact(describe(error))
    message = redact(message)
    hint = None if hint is None else redact(hint)
    if html and isinstance(error, WorkerFailed | WorkerUnavailable):
        return _page(status, message, hint, detail)
    shape = {"success": False, "error": {"code": code, "message": message, "hint": hint, **detail}}
    return json_answer(status, shape)


def json_answer(status: int, value: Any) -> PlainAnswer:
    """A value as JSON."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return PlainAnswer(status, [("content-type", "application/json")], body)


def _page(status: int, message: str, hint: str | None, detail: dict[str, Any]) -> PlainAnswer:
    title = _TITLES[detail["error_code"]] if "error_code" in detail else "Worker not available"
    parts = [f"<h1>{escape(title)}</h1>", f"<p><b>{escape(detail['worker'])}</b>: {escape(message)}</p>"]
    if "traceback" in detail:
        parts.append(f"<pre>{escape(detail['traceback'])}</pre>")
    if hint:
        parts.append(f"<p>{escape(hint)}</p>")
    headers = [("content-type", "text/html; charset=utf-8"), ("content-security-policy", PAGE_CSP)]
    return PlainAnswer(status, headers, html_page(title, "".join(parts)))


def html_page(title: str, content: str) -> bytes:
    """A small page in our own style; `content` is HTML already."""
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{content}</html>"
    )
    return text.encode("utf-8", "replace")


_REASONS = {status.value: status.phrase for status in HTTPStatus}


def reason(status: int) -> str:
    """The standard reason phrase, or an empty one."""
    return _REASONS.get(status, "")
