"""The answers a worker must give, exactly as the guide prints them. Stricter than what the orchestrator accepts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from sandbox.handshake.messages import INLINE_LIMIT, RESULT_TTL_S, Reference, json_size
from sandbox.handshake.schema import ProtocolError, Schema

CLOCK_SLACK_S = 300


class _Capabilities(TypedDict):
    input_types: list[str]
    output_types: list[str]
    max_processing_time_ms: float
    supports_streaming: bool
    supports_checkpoints: bool


class _ResourceRequirements(TypedDict):
    min_memory_mb: float
    max_memory_mb: float
    estimated_cpu_ms: float
    api_calls: dict[str, float]


class _Handshake(TypedDict):
    success: Literal[True]
    packet_id: str
    worker_name: str
    status: Literal["ready", "incompatible"]
    capabilities: _Capabilities
    resource_requirements: _ResourceRequirements


class _Metrics(TypedDict):
    processing_time_ms: float
    tokens_used: float
    api_calls_made: float


class _Process(TypedDict):
    success: Literal[True]
    packet_id: str
    metrics: _Metrics


class _Acknowledge(TypedDict):
    success: Literal[True]
    packet_id: str
    acknowledged: Literal[True]


class _Progress(TypedDict):
    stage: str
    progress: float
    message: NotRequired[str]
    timestamp: NotRequired[str]


class _HealthCapabilities(TypedDict):
    protocol_version: Literal["2.0"]
    supports_handshake: Literal[True]
    supports_references: bool
    supports_checkpoints: bool


class _HealthResources(TypedDict):
    current_load: float
    queue_length: float
    avg_processing_time_ms: float


class _Health(TypedDict):
    status: Literal["healthy"]
    service: str
    version: str
    timestamp: str
    capabilities: _HealthCapabilities
    resources: _HealthResources


HANDSHAKE: Schema[Any] = Schema(_Handshake)
PROCESS: Schema[Any] = Schema(_Process)
ACKNOWLEDGE: Schema[Any] = Schema(_Acknowledge)
PROGRESS: Schema[Any] = Schema(_Progress)
HEALTH: Schema[Any] = Schema(_Health)


def check(schema: Schema[Any], body: Any, packet_id: str | None = None) -> str | None:
    """What is wrong with an answer, with the field's path, or None."""
    try:
        answer = schema.check(body)
        if packet_id is not None and answer["packet_id"] != packet_id:
            return f"packet_id: expected {packet_id!r}, got {answer['packet_id']!r}"
        if "timestamp" in answer:
            read_time(answer["timestamp"], "timestamp")
    except ProtocolError as error:
        return str(error)
    return None


def check_progress(body: Any) -> str | None:
    """What is wrong with a progress answer. A known packet's has a message and a time."""
    wrong = check(PROGRESS, body)
    if wrong is not None:
        return wrong
    if not 0 <= body["progress"] <= 100:
        return f"progress: expected 0 to 100, got {body['progress']}"
    if body["stage"] != "unknown":
        for name in ("message", "timestamp"):
            if name not in body:
                return f"{name}: missing, expected a string"
    return None


def read_time(text: Any, path: str) -> float:
    """Seconds since the epoch of an ISO 8601 time. Raises `ProtocolError`."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ProtocolError(path, f"expected an ISO 8601 time, got {text!r}") from None
    if moment.tzinfo is None:
        raise ProtocolError(path, f"expected a time with its zone, got {text!r}")
    return moment.timestamp()


def check_inline(reference: Reference) -> str | None:
    """Whether a result was small enough to come inside the answer, and its size true."""
    size = json_size(reference.inline_data)
    if size >= INLINE_LIMIT:
        return f"output_ref: {size} bytes came inline; from {INLINE_LIMIT} on a reference is due"
    # Writers of JSON differ in spaces and escapes, so the size may be the one of a longer spelling.
    if reference.size_bytes is not None and not size <= reference.size_bytes <= 6 * size + 16:
        return f"output_ref.size_bytes: expected {size}, got {reference.size_bytes}"
    return None


def check_stored(reference: Reference, data: bytes | None, now: float) -> str | None:
    """Whether a result kept back can be read, is as large as said, and lives about a day."""
    if data is None:
        return f"output_ref.ref_id: {reference.ref_id} cannot be read (RESULT_CACHE has no such key)"
    if reference.size_bytes is not None and reference.size_bytes != len(data):
        return f"output_ref.size_bytes: expected {len(data)}, got {reference.size_bytes}"
    try:
        left = read_time(reference.expires_at, "output_ref.expires_at") - now
    except ProtocolError as error:
        return str(error)
    if not 0 < left <= RESULT_TTL_S + CLOCK_SLACK_S:
        return f"output_ref.expires_at: expected up to {RESULT_TTL_S} s from now, got {left:.0f} s"
    return None
