"""The journal as JSON for people and programs: executions, their stages and packets, times and bytes."""

from __future__ import annotations

from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.clock import iso
from sandbox.errors import NotFound
from sandbox.orchestrator.journal import Journal
from sandbox.orchestrator.progress import Progress
from sandbox.orchestrator.queries import Q

NO_LIMIT = 2**62


def no_execution(execution_id: str) -> NotFound:
    return NotFound(f"no execution {execution_id}", hint="`sandbox executions list` shows them")


class Views:
    def __init__(self, journal: Journal, progress: Progress) -> None:
        self._journal = journal
        self._progress = progress

    def execution(self, execution_id: str) -> dict[str, Any]:
        """One execution: state, times (ISO, and `duration_ms`), bytes, usage, error, `stages` with their `packets`.

        `bytes` are body bytes: `messages` (handshake, process, acknowledge, both ways), `data` (through /api/data),
        `total` of both, `inline` what it would have been with every value inlined, `saved_percent` of that.
        """
        found = self._journal.objects(Q.execution_shown, execution_id=execution_id)
        if not found:
            raise no_execution(execution_id)
        stages = {stage["name"]: stage for stage in self._journal.objects(Q.stages_shown, execution_id=execution_id)}
        for stage in stages.values():
            stage.update(packets=[], usage={}, bytes=_bytes([]))
        for name, text in self._journal.rows(Q.packets_shown, execution_id=execution_id):
            stages[name]["packets"].append(_timed(_parsed(text)))
        for name, metric, amount in self._journal.rows(Q.usage_shown, execution_id=execution_id):
            stages[name]["usage"][metric] = amount
        for stage in stages.values():
            self._finish(execution_id, stage)
        shown = _head(found[0])
        shown["stages"] = list(stages.values())
        shown["bytes"] = _bytes([stage["bytes"] for stage in stages.values()])
        shown["usage"] = _sum([stage["usage"] for stage in stages.values()])
        shown["progress"] = self._run_progress(shown)
        return shown

    def state(self, execution_id: str) -> str:
        found = self._journal.objects(Q.execution_shown, execution_id=execution_id)
        if not found:
            raise no_execution(execution_id)
        return str(found[0]["state"])

    def page(self, status: str | None, limit: int, before: int | None) -> tuple[list[dict[str, Any]], int | None]:
        """Executions, newest first, and the cursor for the next page (None at the end)."""
        values = {"status": status, "limit": limit + 1, "before": before if before is not None else NO_LIMIT}
        found = self._journal.objects(Q.executions_page, **values)
        cursor = found[limit - 1]["number"] if len(found) > limit else None
        shown = [_head(row) for row in found[:limit]]
        for row in shown:
            row["progress"] = self._run_progress(row)
        return shown, cursor

    def _run_progress(self, shown: dict[str, Any]) -> float:
        if shown["state"] == "completed":
            return 100.0
        return self._progress.run(shown["execution_id"]) or 0.0

    def _finish(self, execution_id: str, stage: dict[str, Any]) -> None:
        live = self._progress.stage(execution_id, stage["name"])
        stage["message"] = live.message if live is not None else ""
        if live is not None:
            stage["progress"] = max(stage["progress"], live.percent)
        stage["bytes"] = _bytes([packet["bytes"] for packet in stage["packets"]])
        for packet in stage["packets"]:
            packet["bytes"] = _bytes([packet["bytes"]])
        _timed(stage)


def _parsed(text: str) -> dict[str, Any]:
    value: dict[str, Any] = codec.loads(text)
    return value


def _head(row: dict[str, Any]) -> dict[str, Any]:
    """`kind` and `name` as what people say: `pipeline` or `worker`, the other one None."""
    kind, name = row.pop("kind"), row.pop("name")
    row.pop("number")
    return _timed({"execution_id": row.pop("execution_id"), "pipeline": None, "worker": None, kind: name, **row})


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    """Times as ISO text, and how long it took."""
    started = row.get("started_at") or row.get("processing_at")
    ended = row.get("finished_at") or row.get("returned_at")
    row["duration_ms"] = round((ended - started) * 1000, 1) if started is not None and ended is not None else None
    for key, value in row.items():
        if key.endswith("_at") and value is not None:
            row[key] = iso(value)
    if row.get("output_ref"):
        row["output_ref"]["expires_at"] = iso(row["output_ref"]["expires_at"])
    return row


def _bytes(parts: list[dict[str, Any]]) -> dict[str, Any]:
    total = {key: sum(part[key] for part in parts) for key in ("messages", "data", "inline")}
    crossed = total["messages"] + total["data"]
    saved = round(100 * (1 - crossed / total["inline"]), 1) if total["inline"] else None
    return {**total, "total": crossed, "saved_percent": saved}


def _sum(parts: list[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for metric, amount in part.items():
            total[metric] = total.get(metric, 0) + amount
    return total
