"""Executions carried from one sandbox to another, whole enough to be replayed there."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import sandbox.orchestrator.codec as codec
import sandbox.orchestrator.recordings as recordings
from sandbox import __version__
from sandbox.clock import Clock, iso
from sandbox.errors import Conflict
from sandbox.orchestrator.feed import ENDED
from sandbox.orchestrator.journal import Journal
from sandbox.orchestrator.queries import Q
from sandbox.orchestrator.references import mint, sha256
from sandbox.orchestrator.replay.bundle import BadBundle, Bundle, pack, unpack
from sandbox.orchestrator.replay.scrub import Scrub
from sandbox.orchestrator.replay.shape import ROWS, check
from sandbox.orchestrator.steps import Step
from sandbox.orchestrator.views import Views
from sandbox.storage import Connection, IntegrityError

_TABLES = {
    "stages": Q.export_stages,
    "packets": Q.export_packets,
    "references": Q.export_references,
    "recordings": Q.export_recordings,
    "usage": Q.export_usage,
    "events": Q.export_events,
}


class Carrier:
    """`redact` takes known secret values out of a text: they do not leave."""

    def __init__(self, journal: Journal, views: Views, clock: Clock, redact: Callable[[str], str]) -> None:
        self._journal = journal
        self._views = views
        self._clock = clock
        self._scrub = Scrub(redact)

    async def export(self, execution_id: str) -> bytes:
        """The execution as one file. Raises `NotFound`, and `Conflict` where it has not ended."""
        if self._views.state(execution_id) not in ENDED:
            raise Conflict(f"execution {execution_id} is still running", hint="wait for it, or cancel it")
        document, bodies = await self._journal.database.read(partial(_read, execution_id))
        document["exported"] = {
            "at": iso(self._clock.now()),
            "sandbox": __version__,
            "python": platform.python_version(),
        }
        return await asyncio.to_thread(lambda: pack(self._scrubbed(document, bodies)))

    async def take_in(self, data: bytes) -> str:
        """Put an exported execution into the journal; returns its id. Raises `BadBundle`, and `Conflict` where it is
        here already."""
        bundle = await asyncio.to_thread(_checked, data)
        try:
            await self._journal.commit(partial(_write, bundle=bundle))
        except IntegrityError as error:
            raise BadBundle(f"the file contradicts itself: {error}") from None
        return str(bundle.document["execution"]["execution_id"])

    def _scrubbed(self, document: dict[str, Any], bodies: dict[str, bytes]) -> Bundle:
        """Without secrets. A body that loses one has another sha256 then, which is what the document names."""
        renamed: dict[str, str] = {}
        kept: dict[str, bytes] = {}
        for digest, body in bodies.items():
            plain = self._scrub.body(body)
            renamed[digest] = digest if plain is body else sha256(plain)
            kept[renamed[digest]] = plain
        for recording in document["recordings"]:
            for call in recording["data"]["calls"]:
                call["url"] = self._scrub.url(call["url"])
                call["headers"] = [self._scrub.header(pair) for pair in call["headers"]]
            recording["data"]["turns"] = [self._scrub.url(turn) for turn in recording["data"]["turns"]]
        for reference in document["references"]:
            reference["size_bytes"] = len(kept[renamed[reference["sha256"]]])
        document = _renamed(document, renamed)
        # Times and sizes are no secrets, though one may read like the digits of one; what people wrote may hold some.
        document["execution"]["parameters"] = self._scrub.value(document["execution"]["parameters"])
        for stage in document["stages"]:
            stage["spec"] = self._scrub.value(stage["spec"])
        for recording in document["recordings"]:
            recording["checkpoint"] = self._scrub.value(recording["checkpoint"])
        return Bundle(self._scrub.value(document, numbers=False), kept)


def _read(execution_id: str, connection: Connection) -> tuple[dict[str, Any], dict[str, bytes]]:
    values = {"execution_id": execution_id}

    def rows(sql: str) -> list[dict[str, Any]]:
        return [codec.loads(row[0]) for row in connection.execute(sql, values)]

    document: dict[str, Any] = {"execution": rows(Q.export_execution)[0]}
    document |= {table: rows(sql) for table, sql in _TABLES.items()}
    wanted = {reference["sha256"] for reference in document["references"]}
    for recording in document["recordings"]:
        wanted |= recordings.digests(recording["data"])
    bodies = {}
    for digest in wanted:
        row = connection.execute(Q.content_body, {"sha256": digest}).fetchone()
        if row is not None:
            bodies[digest] = bytes(row[0])
    return document, bodies


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    return [_renamed(item, names) for item in value] if isinstance(value, list | tuple) else value


def _checked(data: bytes) -> Bundle:
    bundle = unpack(data)
    check(bundle.document)
    for reference in bundle.document["references"]:
        body = bundle.bodies.get(reference["sha256"])
        if body is None or len(body) != reference["size_bytes"]:
            raise BadBundle(f"the file does not hold the data of {reference['ref_id']}: it is not whole")
    for recording in bundle.document["recordings"]:
        try:
            recordings.from_json(recording["data"], bundle.bodies.get)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadBundle(f"the recording of {recording['packet_id']} cannot be read: {error!r}") from None
    known = {reference["ref_id"] for reference in bundle.document["references"]}
    named = [packet[field] for packet in bundle.document["packets"] for field in ("input_ref", "output_ref")]
    named += [stage[field] for stage in bundle.document["stages"] for field in ("input_ref", "output_ref")]
    lost = {name for name in (*named, bundle.document["execution"]["input_ref"]) if name is not None} - known
    if lost:
        raise BadBundle(f"the file names the reference {sorted(lost)[0]} and does not hold it: it is not whole")
    return bundle


def _write(step: Step, bundle: Bundle) -> None:
    document = bundle.document
    execution_id = document["execution"]["execution_id"]
    packet_ids = codec.dumps([packet["packet_id"] for packet in document["packets"]]).decode()
    known = step.run(Q.known_ids, execution_id=execution_id, packet_ids=packet_ids)
    if known:
        raise Conflict(f"{known[0][0]} is here already", code="already_here")
    for digest, body in bundle.bodies.items():
        step.run(Q.keep_content, sha256=digest, size_bytes=len(body), body=body)
    names: dict[str | None, str | None] = {None: None}
    for reference in document["references"]:
        taken = step.run(Q.reference_taken, ref_id=reference["ref_id"])
        names[reference["ref_id"]] = mint() if taken else reference["ref_id"]
        row = {**_columns("references", reference, {}), "ref_id": names[reference["ref_id"]]}
        step.run(Q.import_reference, execution_id=execution_id, **row)
    step.run(Q.import_execution, **_columns("execution", document["execution"], names))
    for position, stage in enumerate(document["stages"]):
        step.run(Q.import_stage, execution_id=execution_id, position=position, **_columns("stages", stage, names))
    for packet in document["packets"]:
        step.run(Q.import_packet, execution_id=execution_id, **_columns("packets", packet, names))
    for recording in document["recordings"]:
        step.run(Q.keep_recording, **_columns("recordings", recording, names))
        where = {"packet_id": recording["packet_id"], "delivery": recording["delivery"]}
        for digest in recordings.digests(recording["data"]) & bundle.bodies.keys():
            step.run(Q.keep_recorded_body, sha256=digest, **where)
    for usage in document["usage"]:
        step.run(Q.insert_usage, **_columns("usage", usage, names))
    for event in document["events"]:
        step.run(Q.import_event, execution_id=execution_id, **_columns("events", event, names))


def _columns(table: str, row: Mapping[str, Any], names: Mapping[str | None, str | None]) -> dict[str, Any]:
    """The known fields of a row as statement values: references by the ids they have here, what is no single value as
    JSON text."""
    values = {}
    for name in ROWS[table]:
        value = row[name]
        if name in ("input_ref", "output_ref"):
            value = names[value]
        values[name] = codec.dumps(value).decode() if isinstance(value, dict | list) else value
    return values
