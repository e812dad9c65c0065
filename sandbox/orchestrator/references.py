"""References: how a value is named between workers. Pure: shapes, sizes and readings, no storage.

`{ref_id, storage_type, size_bytes, inline_data | expires_at}`: `inline` below 1,024 bytes of UTF-8 JSON, else
`reference`. `KV` is a synonym of `reference`; ref_id and size_bytes may be missing (the guide's examples leave them out).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.clock import iso
from sandbox.errors import NotFound, SandboxError, UserError
from sandbox.ids import new_id

INLINE_BELOW = 1024
TIME_TO_LIVE = 86_400
MAX_REF_ID = 512
ABSENT = object()


class ReferenceError(UserError):
    """A reference that cannot be read."""

    code = "bad_reference"


class RefExpired(SandboxError):
    """The reference's time is over; `expires_at` by the clock has passed."""

    code = "ref_expired"
    status = 410


class RefUnreachable(SandboxError):
    """The result lies where the orchestrator cannot get it."""

    code = "ref_unreachable"
    status = 502


def unknown_reference() -> NotFound:
    """The one answer for a reference that does not exist and for one that the asking worker may not read."""
    return NotFound(
        "no such reference", code="ref_not_found", hint="a worker reads what it produced and its live inputs"
    )


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference as it came from a worker. `expires_at` in seconds since the epoch."""

    ref_id: str | None
    inline: bool
    data: Any = None
    size_bytes: int | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A value the orchestrator holds: `ref_id` is its public id, `sha256` of the bytes pins them."""

    ref_id: str
    sha256: str
    size_bytes: int
    is_json: bool
    expires_at: float

    @property
    def inline(self) -> bool:
        return self.is_json and self.size_bytes < INLINE_BELOW

    def as_reference(self, body: bytes | None = None) -> dict[str, Any]:
        """The wire form: by value where it is small (`body` is needed then), else by reference."""
        if self.inline:
            if body is None:
                raise ValueError("an inline reference needs its bytes")
            return {
                "ref_id": self.ref_id,
                "storage_type": "inline",
                "size_bytes": self.size_bytes,
                "inline_data": codec.loads(body),
            }
        return {
            "ref_id": self.ref_id,
            "storage_type": "reference",
            "size_bytes": self.size_bytes,
            "expires_at": iso(self.expires_at),
        }

    def inline_size(self) -> int:
        """Bytes the reference would take with the value inlined (computed, not sent)."""
        shell = {"ref_id": self.ref_id, "storage_type": "inline", "size_bytes": self.size_bytes, "inline_data": 0}
        return len(codec.dumps(shell)) - 1 + self.size_bytes


def read_reference(value: Any, path: str) -> Reference:
    """Read a reference of the wire form; raises `ReferenceError` with the path of the wrong field."""
    if not isinstance(value, dict):
        raise ReferenceError(f"{path}: expected a reference object, got {_kind(value)}")
    ref_id = value.get("ref_id")
    if ref_id is not None and (not isinstance(ref_id, str) or not 0 < len(ref_id) <= MAX_REF_ID):
        raise ReferenceError(f"{path}.ref_id: expected a string of 1 to {MAX_REF_ID} characters, got {_kind(ref_id)}")
    if ref_id is not None and not codec.is_text(ref_id):
        raise ReferenceError(f"{path}.ref_id: {ref_id!r} holds half a surrogate pair")
    size = value.get("size_bytes")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise ReferenceError(f"{path}.size_bytes: expected a whole number of bytes, got {_kind(size)}")
    storage = value.get("storage_type")
    data = value.get("inline_data", ABSENT)
    if storage is None:
        storage = "inline" if data is not ABSENT else "reference"
    if storage == "inline":
        if data is ABSENT:
            raise ReferenceError(f"{path}.inline_data: missing, and storage_type is inline")
        return Reference(ref_id, True, data, size, None)
    if not isinstance(storage, str) or storage.lower() not in ("reference", "kv"):
        raise ReferenceError(f"{path}.storage_type: expected inline or reference, got {repr(storage)[:60]}")
    if ref_id is None:
        raise ReferenceError(f"{path}.ref_id: missing, and storage_type is {storage}")
    return Reference(ref_id, False, None, size, _expiry(value.get("expires_at"), f"{path}.expires_at"))


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def mint() -> str:
    """A fresh id of 128 random bits: `ref_${Date.now()}` of the guide repeats within a millisecond."""
    return new_id("ref")


def _expiry(value: Any, path: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ReferenceError(f"{path}: expected an ISO date, got {value!r}") from None
        try:
            # in UTC, so that what is kept can be shown: "9999-12-31T23:59:59-01:00" is in the year 10000
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp()
        except (OverflowError, ValueError):
            raise ReferenceError(f"{path}: {value!r} is out of range") from None
    raise ReferenceError(f"{path}: expected an ISO date, got {_kind(value)}")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")
