"""The rows of an exported execution: which fields each has, and of what type. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import sandbox.orchestrator.codec as codec
from sandbox.orchestrator.replay.bundle import BadBundle

MAX_TEXT = 64 * 1024
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_YEAR_9999 = 253_000_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")

TEXT: Final = "a text"
ID: Final = "an id"
DIGEST: Final = "a sha256"
NUMBER: Final = "a number"
WHOLE: Final = "a whole number"
FLAG: Final = "true or false"
MOMENT: Final = "seconds since the epoch"
OBJECT: Final = "an object"
LIST: Final = "a list"

# A "?" behind the type: null is allowed.
ROWS: Mapping[str, Mapping[str, str]] = {
    "execution": {
        "execution_id": ID, "kind": TEXT, "name": TEXT, "state": TEXT, "parameters": OBJECT, "input_ref": TEXT,
        "error": OBJECT + "?", "created_at": MOMENT, "started_at": MOMENT + "?", "finished_at": MOMENT + "?",
    },
    "stages": {
        "name": TEXT, "worker": TEXT, "needs": LIST, "spec": OBJECT, "state": TEXT, "attempts": WHOLE,
        "packet_id": ID + "?", "input_ref": TEXT + "?", "input_hash": TEXT + "?", "output_ref": TEXT + "?",
        "error": OBJECT + "?", "progress": NUMBER, "ready_at": MOMENT + "?", "started_at": MOMENT + "?",
        "finished_at": MOMENT + "?",
    },
    "packets": {
        "packet_id": ID, "stage": TEXT, "worker": TEXT, "attempt": WHOLE, "delivery": WHOLE, "state": TEXT,
        "code_hash": TEXT, "input_ref": TEXT, "output_ref": TEXT + "?", "capabilities": OBJECT + "?",
        "resource_requirements": OBJECT + "?", "metrics": OBJECT + "?", "error": OBJECT + "?", "ack": TEXT, "ack_attempts": WHOLE,
        "created_at": MOMENT, "offered_at": MOMENT + "?", "accepted_at": MOMENT + "?", "processing_at": MOMENT + "?",
        "returned_at": MOMENT + "?", "acked_at": MOMENT + "?", "message_bytes": WHOLE, "data_bytes": WHOLE,
        "inline_bytes": WHOLE,
    },
    "references": {
        "ref_id": TEXT, "producer": TEXT, "own_id": TEXT, "origin": TEXT, "sha256": DIGEST, "size_bytes": WHOLE,
        "is_json": FLAG, "stage": TEXT + "?", "created_at": MOMENT, "expires_at": MOMENT,
    },
    "recordings": {
        "packet_id": ID, "delivery": WHOLE, "code_hash": TEXT, "python": TEXT, "checkpoint": OBJECT + "?", "data": OBJECT,
    },
    "usage": {"packet_id": ID, "metric": TEXT, "amount": NUMBER},
    "events": {"seq": WHOLE, "at": MOMENT, "kind": TEXT, "data": OBJECT},
}  # fmt: skip
ENDED = ("completed", "failed", "cancelled")


def check(document: Mapping[str, Any]) -> None:
    """Raises BadBundle, with the path, for a document of another shape."""
    _row("execution", document.get("execution"), ROWS["execution"])
    if document["execution"]["state"] not in ENDED:
        raise BadBundle("execution.state: only an execution that has ended can be imported")
    for table in [name for name in ROWS if name != "execution"]:
        rows = document.get(table)
        if not isinstance(rows, list):
            raise BadBundle(f"{table}: expected a list")
        for at, row in enumerate(rows):
            _row(f"{table}[{at}]", row, ROWS[table])
    _hang_together(document)


def _hang_together(document: Mapping[str, Any]) -> None:
    """What one row says of another is there."""
    stages = {stage["name"] for stage in document["stages"]}
    packets = {packet["packet_id"] for packet in document["packets"]}
    for at, stage in enumerate(document["stages"]):
        spec = stage["spec"]
        paths = spec.get("input")
        if not isinstance(spec.get("parameters"), dict) or not (paths is None or _texts(paths, dict)):
            raise BadBundle(f"stages[{at}].spec: expected {{input, parameters}}")
        if not _texts(stage["needs"], list) or not stages >= set(stage["needs"]):
            raise BadBundle(f"stages[{at}].needs: expected names of stages")
        if stage["packet_id"] is not None and stage["packet_id"] not in packets:
            raise BadBundle(f"stages[{at}].packet_id: there is no such packet")
    for at, packet in enumerate(document["packets"]):
        if packet["stage"] not in stages:
            raise BadBundle(f"packets[{at}].stage: there is no such stage")
    for table in ("recordings", "usage"):
        for at, row in enumerate(document[table]):
            if row["packet_id"] not in packets:
                raise BadBundle(f"{table}[{at}].packet_id: there is no such packet")


def _texts(value: Any, kind: type) -> bool:
    items = value.values() if isinstance(value, dict) else value
    return isinstance(value, kind) and all(isinstance(item, str) for item in items)


def _row(path: str, row: Any, fields: Mapping[str, str]) -> None:
    if not isinstance(row, dict):
        raise BadBundle(f"{path}: expected an object")
    for name, kind in fields.items():
        value = row.setdefault(name, None)
        if value is None and kind.endswith("?"):
            continue
        if not _fits(value, kind.removesuffix("?")):
            raise BadBundle(f"{path}.{name}: expected {kind.removesuffix('?')}")


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "a text":
            return isinstance(value, str) and len(value) <= MAX_TEXT and codec.is_text(value)
        case "an id":
            return isinstance(value, str) and _ID.fullmatch(value) is not None
        case "a sha256":
            return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
        case "a number":
            return codec.number(value) is not None
        case "seconds since the epoch":
            moment = codec.number(value)
            return moment is not None and 0 <= moment < _YEAR_9999
        case "a whole number":
            return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
        case "true or false":
            return isinstance(value, bool)
        case "an object":
            return isinstance(value, dict)
        case "a list":
            return isinstance(value, list)
    return True
