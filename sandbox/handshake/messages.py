"""The messages of the handshake protocol, as frozen values. Standard library only, because it ships beside a worker.

Every class reads one JSON body with `parse` (a wrong one raises `ProtocolError` with the field's path) and writes it
with `as_json`. Reading is tolerant where workers in the wild differ: unknown fields pass, a null counts as absent where
a field has a default, `stage_id`, `ref_id` and `size_bytes` may be missing, and `KV` is a synonym of `reference`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from sandbox.handshake.schema import ProtocolError, Schema, describe

PROTOCOL_VERSION = "2.0"
INLINE_LIMIT = 1024  # bytes of UTF-8 JSON; below it data travels inside the message
RESULT_TTL_S = 86_400
PROGRESS_TTL_S = 3_600
CHECKPOINT_LIMIT = 1_048_576  # bytes of UTF-8 JSON
PACKET_ID_LIMIT = 400  # bytes; a KV key holds 512 with its prefix
UNSET: Any = type("Unset", (), {"__repr__": lambda self: "UNSET", "__bool__": lambda self: False})()


def progress_key(packet_id: str) -> str:
    """The key in PROGRESS_CACHE under which a packet's progress lies."""
    return f"progress:{packet_id}"


def result_key(packet_id: str) -> str:
    """The key in RESULT_CACHE under which the answer of a finished packet lies, for a repeated call."""
    return f"result:{packet_id}"


def dump_json(value: Any) -> str:
    """Compact JSON as JavaScript's `JSON.stringify` writes it. Raises ValueError on NaN, TypeError on no JSON value."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: only its escape survives UTF-8
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def load_json(text: str | bytes) -> Any:
    """Parse a JSON body. Raises `ProtocolError` on anything else, also on NaN, on numbers past a double (1e999) and on
    nesting past Python's stack."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant[:40]} is no JSON number")

    def finite(number: str) -> float:
        value = float(number)
        return value if math.isfinite(value) else refuse(number)

    try:
        return json.loads(text, parse_constant=refuse, parse_float=finite)
    except RecursionError:
        raise ProtocolError("", "the body is nested too deeply") from None
    except ValueError as error:
        raise ProtocolError("", f"the body is no JSON: {error}") from None


def json_size(value: Any) -> int:
    """Bytes of a value as compact UTF-8 JSON: the size the 1,024 byte rule and `size_bytes` speak of."""
    return len(dump_json(value).encode())


class Message:
    """What all messages can do."""

    @classmethod
    def parse(cls, value: Any, path: str = "") -> Self:
        """Read a decoded JSON body. Raises `ProtocolError`."""
        checked: Self = _schema(cls).check(value, path)
        return checked

    def as_json(self) -> dict[str, Any]:
        """The JSON body; what is absent is left out."""
        body = {}
        for spec in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, spec.name)
            if value is UNSET or (value is None and spec.default is None):
                continue
            body[spec.name] = value.as_json() if isinstance(value, Message) else value
        return body


_schemas: dict[type[Message], Schema[Any]] = {}


def _schema(cls: type[Message]) -> Schema[Any]:
    if cls not in _schemas:
        _schemas[cls] = Schema(cls, lenient=True)
    return _schemas[cls]


@dataclass(frozen=True)
class Reference(Message):
    """Data by value (`inline`) or by name (`reference`, to be fetched from `/api/data/{ref_id}`). Sizes in bytes."""

    storage_type: Literal["inline", "reference"]
    ref_id: str | None = None
    size_bytes: int | None = None
    inline_data: Any = UNSET
    expires_at: str | None = None

    @classmethod
    def from_json(cls, value: Any) -> Reference:
        if not isinstance(value, Mapping):
            raise ProtocolError("", f"expected an object, got {describe(value)}")
        kind = value.get("storage_type")
        storage_type = {"inline": "inline", "reference": "reference", "kv": "reference"}.get(str(kind).lower())
        if storage_type is None:
            got = repr(kind) if isinstance(kind, str) else "nothing" if kind is None else describe(kind)
            raise ProtocolError("storage_type", f"expected 'inline', 'reference' or 'KV', got {got}")
        if storage_type == "inline" and "inline_data" not in value:
            raise ProtocolError("inline_data", "missing, though storage_type is 'inline'")
        texts = {}
        for name in ("ref_id", "expires_at"):
            texts[name] = _OPTIONAL_TEXT.check(value.get(name), name)
        if storage_type == "reference" and not texts["ref_id"]:
            raise ProtocolError("ref_id", "missing, though storage_type is 'reference'")
        size = _OPTIONAL_SIZE.check(value.get("size_bytes"), "size_bytes")
        if size is not None and size < 0:
            raise ProtocolError("size_bytes", f"expected a number of bytes, got {size}")
        data = value["inline_data"] if storage_type == "inline" else UNSET
        return cls(storage_type, texts["ref_id"], size, data, texts["expires_at"])  # type: ignore[arg-type]

    @classmethod
    def inline(cls, data: Any, ref_id: str | None = None, *, size_bytes: int | None = None) -> Reference:
        """Data carried in the message itself. The size is measured where it is not given."""
        return cls("inline", ref_id, json_size(data) if size_bytes is None else size_bytes, data)


_OPTIONAL_TEXT: Schema[Any] = Schema(str | None)
_OPTIONAL_SIZE: Schema[Any] = Schema(int | None)


@dataclass(frozen=True)
class ErrorInfo(Message):
    """Why a worker failed. On the wire a string, or an object. `path` is the field that did not fit."""

    message: str
    code: str = "failed"
    retryable: bool | None = None
    path: str | None = None

    @classmethod
    def from_json(cls, value: Any) -> ErrorInfo:
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, Mapping):
            raise ProtocolError("", f"expected a string or an object, got {describe(value)}")
        code, message = value.get("code"), value.get("message")
        retryable, path = value.get("retryable"), value.get("path")
        return cls(
            message=message if isinstance(message, str) else dump_json(dict(value)),
            code=code if isinstance(code, str) and code else "failed",
            retryable=retryable if isinstance(retryable, bool) else None,
            path=path if isinstance(path, str) else None,
        )


def is_retryable(status: int, error: ErrorInfo | None) -> bool:
    """Whether a known failure of `/api/process` may be tried again.

    The worker's own word wins; otherwise 5xx, 408, 425, 429 and a 200 with `success: false` may, other 4xx may not.
    """
    if error is not None and error.retryable is not None:
        return error.retryable
    return status < 400 or status >= 500 or status in (408, 425, 429)


@dataclass(frozen=True)
class Checkpoint(Message):
    """A worker's saved state. `seq` rises by one with every save of a stage."""

    seq: int
    data: Any = None


@dataclass(frozen=True)
class HandshakeRequest(Message):
    """`POST /api/handshake`: would you take this?"""

    packet_id: str
    execution_id: str
    input_ref: Reference
    stage_id: str | None = None

    def __post_init__(self) -> None:
        _check_packet_id(self.packet_id)


@dataclass(frozen=True)
class Capabilities(Message):
    """What a worker takes and gives. The time in milliseconds."""

    input_types: list[str] = field(default_factory=lambda: ["text", "json", "reference"])
    output_types: list[str] = field(default_factory=lambda: ["json"])
    max_processing_time_ms: float = 120_000
    supports_streaming: bool = False
    supports_checkpoints: bool = False


@dataclass(frozen=True)
class ResourceRequirements(Message):
    """What one packet needs: memory in MiB, CPU in milliseconds, calls by provider (`{"openai": 10}`)."""

    min_memory_mb: float = 0
    max_memory_mb: float = 128
    estimated_cpu_ms: float = 0
    api_calls: dict[str, float] = field(default_factory=lambda: {"openai": 0, "anthropic": 0})


@dataclass(frozen=True)
class HandshakeResponse(Message):
    """The verdict. With `incompatible`, `error` says why; with `success: false` there is no verdict."""

    success: bool
    packet_id: str | None = None
    worker_name: str | None = None
    status: Literal["ready", "incompatible"] | None = None
    capabilities: Capabilities = field(default_factory=Capabilities)
    resource_requirements: ResourceRequirements = field(default_factory=ResourceRequirements)
    error: ErrorInfo | None = None

    def __post_init__(self) -> None:
        if self.success and self.status is None:
            raise ProtocolError("status", "missing, expected 'ready' or 'incompatible'")


@dataclass(frozen=True)
class ProcessRequest(Message):
    """`POST /api/process`. `delivery` counts how often this very packet was sent; `checkpoint` is where to go on from."""

    packet_id: str
    execution_id: str
    input_ref: Reference
    stage_id: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    delivery: int = 1
    checkpoint: Checkpoint | None = None

    def __post_init__(self) -> None:
        _check_packet_id(self.packet_id)


@dataclass(frozen=True)
class Metrics(Message):
    """What a packet took. `api_calls` splits `api_calls_made` by provider, where the worker says so."""

    processing_time_ms: float = 0
    tokens_used: float = 0
    api_calls_made: float = 0
    api_calls: dict[str, float] | None = None


@dataclass(frozen=True)
class ProcessResponse(Message):
    """The result. With `success: true` there is an `output_ref`. `repeated`: this is the stored answer of an earlier call."""

    success: bool
    packet_id: str | None = None
    output_ref: Reference | None = None
    metrics: Metrics = field(default_factory=Metrics)
    error: ErrorInfo | None = None
    repeated: bool | None = None

    def __post_init__(self) -> None:
        if self.success and self.output_ref is None:
            raise ProtocolError("output_ref", "missing, though success is true")


@dataclass(frozen=True)
class AcknowledgeRequest(Message):
    """`POST /api/acknowledge`: the outcome was recorded; clean up."""

    packet_id: str
    execution_id: str
    success: bool = True
    error: ErrorInfo | None = None

    def __post_init__(self) -> None:
        _check_packet_id(self.packet_id)


@dataclass(frozen=True)
class AcknowledgeResponse(Message):
    success: bool
    packet_id: str | None = None
    acknowledged: bool = False


@dataclass(frozen=True)
class Progress(Message):
    """`GET /api/progress/{packet_id}`. `progress` is 0 to 100; an unknown packet has stage `unknown` and 0."""

    UNKNOWN: ClassVar[str] = "unknown"

    stage: str = UNKNOWN
    progress: float = 0
    message: str | None = None
    timestamp: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.progress <= 100:
            raise ProtocolError("progress", f"expected 0 to 100, got {self.progress}")


@dataclass(frozen=True)
class HealthCapabilities(Message):
    protocol_version: str = "1.0"
    supports_handshake: bool = False
    supports_references: bool = False
    supports_checkpoints: bool = False


@dataclass(frozen=True)
class HealthResources(Message):
    """`current_load` is the number of packets in process, `avg_processing_time_ms` over the finished ones."""

    current_load: float = 0
    queue_length: float = 0
    avg_processing_time_ms: float = 0


@dataclass(frozen=True)
class Health(Message):
    """`GET /health`. `example_input` is an input the worker would take; the probe sends it."""

    status: str
    service: str | None = None
    version: str | None = None
    timestamp: str | None = None
    capabilities: HealthCapabilities = field(default_factory=HealthCapabilities)
    resources: HealthResources = field(default_factory=HealthResources)
    example_input: Any = UNSET
    error: ErrorInfo | None = None

    @property
    def speaks_handshake(self) -> bool:
        """Whether the worker is a protocol 2.0 one."""
        return self.capabilities.protocol_version == PROTOCOL_VERSION and self.capabilities.supports_handshake


def _check_packet_id(packet_id: str) -> None:
    if not packet_id or len(packet_id.encode("utf-8", "surrogatepass")) > PACKET_ID_LIMIT:
        raise ProtocolError("packet_id", f"expected 1 to {PACKET_ID_LIMIT} bytes")
