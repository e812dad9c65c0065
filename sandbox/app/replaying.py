"""A recorded request again, through today's code, and how the answer differs from the recorded one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import sandbox.events.queries as queries
from sandbox.errors import SandboxError, UserError
from sandbox.events import EventLog
from sandbox.events.bodies import BodyRef, Tape
from sandbox.events.compare import Answer, compare
from sandbox.events.records import Entry
from sandbox.events.records import Request as RequestRecord
from sandbox.events.store import Reader
from sandbox.host.convert import DROPPED_IN, MAX_BODY
from sandbox.host.errors import error_answer, wants_html
from sandbox.host.wire import build_head
from sandbox.ids import MASK
from sandbox.runtime.exchange import header_pairs, incoming_request, json_response, read_bytes, read_json
from sandbox.runtime.trace import HEADER, STATE_HEADER, Trace, hop
from sandbox.runtime.values import JsException
from sandbox.runtime.web import Request, Response

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox

_NOT_AGAIN = DROPPED_IN | {HEADER, STATE_HEADER, "content-length"}


class Replaying:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def handle(self, name: str, request: Request) -> Response:
        """POST {headers?: [[name, value], ...]}: those given take the place of recorded ones. The answer:
        `{request, replay_of, worker, method, url, equal, scrubbed, before, after, differences}`.

        Raises NotFound, and UserError where the request cannot be sent again as it was.
        """
        try:
            options = await read_json(request, limit=256 * 1024) if request._body is not None else {}
        except ValueError:
            raise UserError("the body: expected a JSON object {headers: [[name, value]]}", code="bad_json") from None
        return json_response({"success": True, **await self.replay(name, _given(options))})

    async def replay(self, name: str, given: Mapping[str, str]) -> dict[str, Any]:
        log = self._sandbox.recording.log
        assert log is not None  # the route is not there without one

        def look(reader: Reader) -> tuple[Entry, bytes | None, bytes | None]:
            entry = queries.request(reader, name, replays=False)  # of `last`: what a person sent
            bodies = (queries.content(reader, entry.fields[key]) for key in ("request_body", "response_body"))
            return entry, *bodies  # type: ignore[return-value]

        entry, body, answered = await log.read(look)
        fields = entry.fields
        if entry.worker is None:
            raise UserError(f"{fields['id']} went to the sandbox itself, not to a worker", code="not_a_workers")
        _check_kept(fields["id"], fields["request_body"], body)
        headers, scrubbed = _headers(fields["request_headers"], given)
        before = _recorded(fields, answered)
        number, after, ms = await self._again(log, entry, headers, body)
        if fields["response_body"] is not None and fields["response_body"].changed and after.body is not None:
            text = self._sandbox.redact(after.body.decode("utf-8", "surrogateescape"))
            after = Answer(after.status, after.headers, text.encode("utf-8", "surrogateescape"))
        differences = compare(before, after)
        return {
            "request": f"r{number}",
            "replay_of": fields["id"],
            "worker": entry.worker,
            "method": fields["method"],
            "url": fields["url"],
            "equal": not differences,
            "scrubbed": scrubbed,
            "before": {"status": before.status, "ms": fields["ms"], "generation": fields["generation"]},
            "after": {"status": after.status, "ms": ms, "generation": self._generation(entry.worker)},
            "differences": differences,
        }

    async def _again(
        self, log: EventLog, entry: Entry, headers: list[tuple[str, str]], body: bytes | None
    ) -> tuple[int, Answer, float]:
        """Send it, and record that as a request of its own."""
        sandbox, worker, fields = self._sandbox, entry.worker, entry.fields
        assert worker is not None
        url = urlsplit(fields["url"])
        target = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
        here = sandbox.url_of(worker)
        sent = [("host", here.partition("//")[2]), *headers, ("cf-connecting-ip", "127.0.0.1")]
        if body is not None:
            sent.append(("content-length", str(len(body))))
        request = incoming_request(fields["method"], here + target, sent, body)
        number, at, began = log.number(), sandbox.clock.now(), time.perf_counter()
        trace, stale, content = Trace(), False, b""
        with hop(trace):
            try:
                response, stale = await sandbox.answer(worker, request)
                status, pairs = int(response.status), header_pairs(response)
                content = await read_bytes(response, limit=MAX_BODY)
            except (SandboxError, JsException) as error:
                html = any(name == "accept" and wants_html(value) for name, value in headers)
                told = error_answer(error, html=html, describe=sandbox.failures.describe, redact=sandbox.redact)
                status, pairs, content = told.status, told.headers, told.body
        seconds = time.perf_counter() - began
        raw = tuple((name.encode(), value.encode("utf-8", "replace")) for name, value in sent)
        head = build_head(status, pairs)
        record = RequestRecord(
            number, at, seconds, trace, worker, fields["method"], request.url, raw, body, status, head, content or None,
            stale, len(content), int(fields["id"][1:]),
        )  # fmt: skip
        log.replayed(record)
        tape = Tape.of(content, 0)
        return number, Answer(status, pairs, content, tape.sha256, len(content)), seconds * 1000

    def _generation(self, worker: str) -> int | None:
        serving = self._sandbox.workers.generation(worker)
        return None if serving is None else serving.number


def _given(options: Any) -> dict[str, str]:
    headers = options.get("headers", []) if isinstance(options, dict) else None
    if not isinstance(headers, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in headers
    ):
        raise UserError("headers: expected a list of [name, value]", code="bad_field")
    return {name.lower(): value for name, value in headers}


def _headers(recorded: list[tuple[str, str]], given: Mapping[str, str]) -> tuple[list[tuple[str, str]], list[str]]:
    """The headers to send, and the names of those whose value was not recorded and not given either."""
    headers: list[tuple[str, str]] = []
    scrubbed: list[str] = []
    for name, value in recorded:
        if name in _NOT_AGAIN or name in given:
            continue
        if MASK in value:
            scrubbed.append(name)
        else:
            headers.append((name, value))
    return [*headers, *given.items()], scrubbed


def _check_kept(name: str, ref: BodyRef | None, body: bytes | None) -> None:
    if ref is None:
        return
    if body is None:
        why = {"limit": "it is longer than body_limit", "secret": "it is compressed and holds a secret"}
        raise UserError(
            f"the body of {name} ({ref.size} bytes) was not kept: {why.get(ref.dropped or '', 'it is gone')}",
            hint="raise body_limit of [events] in sandbox.toml, and send the request once more",
            code="body_not_kept",
        )
    if ref.changed:
        raise UserError(
            f"a secret was taken out of the body of {name}, so it cannot be sent as it was",
            hint="send it by hand",
            code="body_not_kept",
        )


def _recorded(fields: Mapping[str, Any], body: bytes | None) -> Answer:
    ref = fields["response_body"]
    headers = [(name, value) for name, value in fields["response_headers"]]
    if ref is None:
        return Answer(fields["status"], headers, b"")
    return Answer(fields["status"], headers, body, ref.sha256, ref.size)
