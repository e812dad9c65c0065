"""Recordings of packets in the journal: what their workers drew from outside, kept and pruned with the execution."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.errors import NotFound
from sandbox.orchestrator.packets import Packet
from sandbox.orchestrator.queries import Q
from sandbox.orchestrator.references import sha256
from sandbox.orchestrator.steps import Step
from sandbox.runtime.tape import Recorded, RecordedCall, RecordedList, RecordedMessage, RecordedRead
from sandbox.storage import Database

MAX_EXECUTION_BYTES = 64 * 1024 * 1024
"""Bodies and values of one execution's recordings; what comes after that is not kept, which a replay says."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One delivery of a packet. `checkpoint` is what it was given, `python` the version that ran it."""

    delivery: int
    code_hash: str
    python: str
    checkpoint: dict[str, Any] | None
    recorded: Recorded


def keep(step: Step, packet: Packet) -> None:
    """Write down what the packet's tape holds, inside the transaction that ends its attempt."""
    data, bodies = as_json(packet.tape.recorded)
    left = MAX_EXECUTION_BYTES - int(step.run(Q.recorded_bytes, execution_id=packet.execution_id)[0][0])
    kept: dict[str, bytes] = {}
    for digest, body in bodies.items():
        if len(body) <= left:
            kept[digest] = body
            left -= len(body)
    if len(kept) < len(bodies):
        data["over"].append(f"bodies after the first {MAX_EXECUTION_BYTES // 2**20} MiB of the execution")
    where = {"packet_id": packet.packet_id, "delivery": packet.delivery}
    step.run(
        Q.keep_recording,
        code_hash=packet.code_hash,
        python=platform.python_version(),
        checkpoint=None if packet.checkpoint is None else codec.dumps(packet.checkpoint).decode(),
        data=codec.dumps(data).decode(),
        **where,
    )
    for digest, body in kept.items():
        step.run(Q.keep_content, sha256=digest, size_bytes=len(body), body=body)
        step.run(Q.keep_recorded_body, sha256=digest, **where)


async def read(database: Database, packet_id: str) -> Recording:
    """The recording of a packet's last delivery. Raises NotFound where there is none."""
    rows = database.query(Q.recording, {"packet_id": packet_id})
    if not rows:
        raise NotFound(f"nothing was recorded of packet {packet_id}", code="not_recorded")
    delivery, code_hash, python, checkpoint, data = rows[0]
    parsed = codec.loads(data)
    wanted = digests(parsed)

    def bodies(connection: Any) -> dict[str, bytes]:
        found = {}
        for digest in wanted:
            row = connection.execute(Q.content_body, {"sha256": digest}).fetchone()
            if row is not None:
                found[digest] = bytes(row[0])
        return found

    recorded = from_json(parsed, (await database.read(bodies)).get)
    given = None if checkpoint is None else codec.loads(checkpoint)
    return Recording(delivery, code_hash, python, given, recorded)


def as_json(recorded: Recorded) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A recording as JSON that names bodies by their sha256, and the bodies."""
    bodies: dict[str, bytes] = {}

    def name(body: bytes | None) -> str | None:
        if body is None:
            return None
        digest = sha256(body)
        bodies[digest] = body
        return digest

    data = {
        "seed": str(recorded.seed),
        "started_ns": recorded.started_ns,
        "readings": recorded.readings,
        "calls": [
            {
                "worker": call.worker,
                "method": call.method,
                "url": call.url,
                "body": name(call.body),
                "status": call.status,
                "headers": call.headers,
                "answer": name(call.answer),
                "by": call.by,
                "error": call.error,
            }
            for call in recorded.calls
        ],
        "reads": [
            {
                "namespace": read.namespace,
                "key": read.key,
                "found": read.found,
                "value": name(read.value),
                "metadata": read.metadata_json,
                "expiration": read.expiration,
                "at": read.at,
            }
            for read in recorded.reads
        ],
        "lists": [
            {
                "namespace": page.namespace,
                "prefix": page.prefix,
                "limit": page.limit,
                "cursor": page.cursor,
                "keys": page.keys,
                "next_cursor": page.next_cursor,
                "complete": page.complete,
            }
            for page in recorded.lists
        ],
        "turns": recorded.turns,
        "messages": [
            {
                "path": message.path,
                "sent": name(message.sent),
                "status": message.status,
                "answer": name(message.answer),
            }
            for message in recorded.messages
        ],
        "over": list(recorded.over),
    }
    return data, bodies


def from_json(data: Mapping[str, Any], body_of: Callable[[str], bytes | None]) -> Recorded:
    """The recording again. Raises KeyError, TypeError or ValueError for data of another shape."""

    def body(digest: str | None) -> bytes | None:
        return None if digest is None else body_of(digest)

    reads = [
        RecordedRead(
            _text(read["namespace"]),
            _text(read["key"]),
            bool(read["found"]),
            body(read["value"]),
            _text_or_none(read["metadata"]),
            _whole_or_none(read["expiration"]),
            int(read.get("at", 0)),
        )
        for read in data["reads"]
    ]
    return Recorded(
        seed=int(data["seed"]),
        started_ns=int(data["started_ns"]),
        readings={_text(clock): [int(shown) for shown in readings] for clock, readings in data["readings"].items()},
        calls=[
            RecordedCall(
                _text(call["worker"]),
                _text(call["method"]),
                _text(call["url"]),
                body(call["body"]),
                _status(call["status"]),
                [(_text(name), _text(value)) for name, value in call["headers"]],
                body(call["answer"]),
                _text(call["by"]),
                _text_or_none(call["error"]),
            )
            for call in data["calls"]
        ],
        reads=reads,
        lists=[
            RecordedList(
                _text(page["namespace"]),
                _text(page["prefix"]),
                _whole_or_none(page["limit"]),
                _text_or_none(page["cursor"]),
                [
                    (_text(name), _whole_or_none(expiration), _text_or_none(metadata))
                    for name, expiration, metadata in page["keys"]
                ],
                _text_or_none(page["next_cursor"]),
                bool(page["complete"]),
            )
            for page in data["lists"]
        ],
        turns=[_text(turn) for turn in data["turns"]],
        messages=[
            RecordedMessage(
                _text(message["path"]),
                body(message["sent"]) or b"",
                _status(message["status"]),
                body(message["answer"]),
            )
            for message in data.get("messages", [])
        ],
        over=[_text(what) for what in data["over"]],
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {type(value).__name__}")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _whole_or_none(value: Any) -> int | None:
    return None if value is None else int(value)


def _status(value: Any) -> int:
    if value != 0 and not 200 <= int(value) <= 599:
        raise ValueError(f"{value} is no status of an answer")
    return int(value)


def digests(data: Mapping[str, Any]) -> set[str]:
    """The bodies a recording's JSON names."""
    named = [call[part] for call in data["calls"] for part in ("body", "answer")]
    named += [read["value"] for read in data["reads"]]
    named += [message[part] for message in data.get("messages", []) for part in ("sent", "answer")]
    return {digest for digest in named if digest is not None}
