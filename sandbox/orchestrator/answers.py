"""What a worker's answers mean: pure readings of status, headers and body by the protocol's failure rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.orchestrator.references import Reference, ReferenceError, read_reference

RETRYABLE_STATUS = frozenset({408, 425, 429})
BUSY_STATUS = frozenset({429, 503})
STILL_RUNNING = 425
SHORTEST_WAIT = 0.25
LONGEST_WAIT = 3600.0
"""Seconds after which a busy worker is asked again, however long it asks for."""
MAX_MESSAGE = 4000
"""Characters that are kept of a text a worker gives: it goes into the journal, the events and the console."""
MAX_CODE = 100
MAX_METRICS = 100
MAX_ABOUT = 64 * 1024
"""Bytes of JSON a worker may say about itself in a handshake, in `capabilities` and `resource_requirements` each."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt failed. `outcome_known` is False where no answer came, so that the work may have been done.

    `packet_state` is the side exit the packet takes: refused, failed, timed_out or lost.
    """

    code: str
    message: str
    retryable: bool
    hint: str | None = None
    outcome_known: bool = True
    packet_state: str = "failed"

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "hint": self.hint, "retryable": self.retryable}


@dataclass(frozen=True, slots=True)
class Busy:
    """The worker asks to come back after `delay` seconds. This is not an attempt."""

    delay: float


@dataclass(frozen=True, slots=True)
class Ready:
    """The handshake's yes, with what the worker said about itself."""

    capabilities: Mapping[str, Any]
    resource_requirements: Mapping[str, Any]

    @property
    def max_processing_time_ms(self) -> float | None:
        value = codec.number(self.capabilities.get("max_processing_time_ms"))
        return value if value is not None and value > 0 else None


@dataclass(frozen=True, slots=True)
class Returned:
    """The worker's result: where it lies and what it cost."""

    output: Reference
    output_bytes: int
    """Bytes of `output_ref` in the answer."""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A worker's answer as it came: `retry_after` in seconds, where the header is there and can be read."""

    status: int
    body: bytes
    retry_after: float | None = None


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for (a number or an HTTP date), an hour at most."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return min(float(text), LONGEST_WAIT)
    try:
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - now), LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None


def read_handshake(answer: Answer, packet_id: str) -> Ready | Busy | Failure:
    """`POST /api/handshake`: ready, busy, `incompatible` (terminal) or another failure."""
    body = _opened(answer, packet_id, "/api/handshake")
    if isinstance(body, Failure) and answer.status < 400:
        return body
    # `incompatible` ends it, with whatever status and `success` it came
    if isinstance(body, dict) and body.get("status") == "incompatible":
        reason = error_of(body)
        return Failure(
            "incompatible",
            reason.message if reason is not None else "the worker says that it cannot process this input",
            retryable=False,
            hint=(reason.hint if reason is not None else None)
            or "compare the stage's input with what the worker takes",
            packet_state="refused",
        )
    problem = _failure(answer, body, "/api/handshake")
    if problem is not None:
        return problem
    assert isinstance(body, dict)
    if body.get("status") not in ("ready", None):
        return _bad(f"/api/handshake answered with status {_shown(body.get('status'))}, expected ready or incompatible")
    for name in ("capabilities", "resource_requirements"):
        if len(codec.dumps(_mapping(body.get(name)))) > MAX_ABOUT:
            return _bad(f"/api/handshake answered with {name} of more than {MAX_ABOUT // 1024} KiB")
    return Ready(_mapping(body.get("capabilities")), _mapping(body.get("resource_requirements")))


def read_process(answer: Answer, packet_id: str) -> Returned | Busy | Failure:
    """`POST /api/process`: a result, busy, or a known failure."""
    body = _opened(answer, packet_id, "/api/process")
    if isinstance(body, Failure) and answer.status < 400:
        return body
    problem = _failure(answer, body, "/api/process")
    if problem is not None:
        return problem
    assert isinstance(body, dict)
    wire = body.get("output_ref")
    try:
        return Returned(read_reference(wire, "output_ref"), len(codec.dumps(wire)), _metrics(body.get("metrics")))
    except ReferenceError as error:
        return _bad(f"/api/process answered with a bad reference: {error.message}")


def read_acknowledge(answer: Answer) -> str | None:
    """None where the acknowledgement was taken, else why not."""
    if not 200 <= answer.status < 300:
        return f"/api/acknowledge answered {answer.status}"
    try:
        body = codec.loads(answer.body)
    except codec.BadJson:
        return None
    return (
        "/api/acknowledge answered success: false" if isinstance(body, dict) and body.get("success") is False else None
    )


def read_progress(answer: Answer) -> tuple[float, str] | None:
    """Percent (0-100) and message of `GET /api/progress/{packet_id}`; None where the worker does not know the packet."""
    if answer.status != 200:
        return None
    try:
        body = codec.loads(answer.body)
    except codec.BadJson:
        return None
    if not isinstance(body, dict) or body.get("stage") == "unknown":
        return None
    value = codec.number(body.get("progress"))
    if value is None:
        return None
    message = body.get("message")
    return min(100.0, max(0.0, value)), _short(message) if isinstance(message, str) else ""


@dataclass(frozen=True, slots=True)
class Reason:
    code: str | None
    message: str
    retryable: bool | None
    hint: str | None


def error_of(body: Mapping[str, Any]) -> Reason | None:
    """`error` of an answer: a string, or {code, message, retryable}."""
    error = body.get("error")
    if isinstance(error, str):
        return Reason(None, _short(error), None, None)
    if isinstance(error, dict):
        code, message, flag, hint = (error.get(key) for key in ("code", "message", "retryable", "hint"))
        return Reason(
            code[:MAX_CODE] if isinstance(code, str) else None,
            _short(message if isinstance(message, str) else codec.dumps(error).decode()),
            flag if isinstance(flag, bool) else None,
            _short(hint) if isinstance(hint, str) else None,
        )
    return None


def _opened(answer: Answer, packet_id: str, path: str) -> dict[str, Any] | Failure:
    try:
        body = codec.loads(answer.body, f"the answer of {path}")
    except codec.BadJson as error:
        return _bad(error.message)
    if not isinstance(body, dict):
        return _bad(f"{path} answered with {type(body).__name__}, expected an object")
    given = body.get("packet_id")
    if answer.status < 400 and given is not None and given != packet_id:
        return _bad(f"{path} answered for packet {_shown(given)}, expected {packet_id!r}")
    return body


def _failure(answer: Answer, body: dict[str, Any] | Failure, path: str) -> Busy | Failure | None:
    """Busy or failed by status or `success: false`; None where the answer counts as a success."""
    wait = answer.retry_after
    if wait is not None and (answer.status in BUSY_STATUS or answer.status == STILL_RUNNING):
        return Busy(max(wait, SHORTEST_WAIT))
    if answer.status < 400 and isinstance(body, dict) and body.get("success") is not False:
        return None
    reason = error_of(body) if isinstance(body, dict) else None
    default = True if answer.status < 400 else answer.status >= 500 or answer.status in RETRYABLE_STATUS
    hint = reason.hint if reason else None
    if answer.status in (404, 405) and reason is None:
        hint = f"does the worker implement POST {path}? `sandbox probe` shows which endpoints it has"
    return Failure(
        (reason.code if reason else None) or ("worker_failed" if answer.status < 400 else f"http_{answer.status}"),
        reason.message if reason else f"{path} answered {answer.status}",
        retryable=default if reason is None or reason.retryable is None else reason.retryable,
        hint=hint,
    )


def _bad(message: str) -> Failure:
    return Failure("bad_answer", message, retryable=False, hint="`sandbox probe` shows what the protocol expects")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _metrics(value: Any) -> dict[str, float]:
    """The numbers of `metrics`; `api_calls_made` may be a number or a number per provider (`api_calls_made.openai`)."""
    found: dict[str, float] = {}
    for key, item in _mapping(value).items():
        nested = {f"{key}.{name}": number for name, number in item.items()} if isinstance(item, dict) else {key: item}
        for name, number in nested.items():
            amount = codec.number(number)
            if amount is not None and len(name) <= MAX_CODE and codec.is_text(name) and len(found) < MAX_METRICS:
                found[name] = amount
    return found


def _short(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}… ({len(text)} characters)"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_CODE else f"{text[:MAX_CODE]}…"
