"""What `/api/requests` and `/api/logs` are asked for: the filters of a query, each held against what there is.

A name that nothing has is most often a slip, and an empty answer would hide it: it is refused, with the nearest name. A
worker that is gone, an execution, a trace are known as long as the log has anything of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sandbox.events.queries as queries
from sandbox.config.names import WorkerNames
from sandbox.config.problems import nearest
from sandbox.errors import BadFilter, UserError
from sandbox.events.queries import Filter
from sandbox.events.records import Entry
from sandbox.events.store import Reader

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
LONGEST_NUMBER = 15
"""Digits; what is longer is no number of ours."""


def read(query: Mapping[str, str], workers: WorkerNames, **more: Any) -> Filter:
    """The filter that a query means; `worker` in its canonical spelling. Raises UserError."""
    worker = query.get("worker")
    return Filter(
        worker=None if worker is None else workers.canonical(worker) or worker,
        trace_id=query.get("trace"),
        execution_id=query.get("execution"),
        since=_seconds(query, "since"),
        until=_seconds(query, "until"),
        after=whole_number(query, "after", None),
        before=whole_number(query, "cursor", None),
        **more,
    )


def check(reader: Reader, wanted: Filter, workers: WorkerNames) -> None:
    """Asked where nothing fits. Raises BadFilter for a worker, an execution or a trace of which there is nothing at all."""

    def unknown(one: Filter) -> bool:
        return not queries.newest(reader, one, 1)

    worker = wanted.worker
    if worker is not None and workers.canonical(worker) is None and unknown(Filter(worker=worker)):
        raise BadFilter(f"there is no worker {worker!r}, nor is one in the event log", hint=workers.hint(worker))
    if wanted.execution_id is not None and unknown(Filter(execution_id=wanted.execution_id)):
        hint = "`sandbox executions list` shows them"
        raise BadFilter(f"nothing of an execution {wanted.execution_id!r} is in the event log", hint=hint)
    if wanted.trace_id is not None and unknown(Filter(trace_id=wanted.trace_id)):
        raise BadFilter(
            f"nothing of a trace {wanted.trace_id!r} is in the event log",
            hint="`sandbox requests show` tells a request's; a request's own id (r42) does as well",
        )


def check_method(reader: Reader, wanted: Filter, method: str) -> None:
    """Asked where nothing fits. Raises BadFilter for a method that is none of HTTP's and that no request had."""
    if not method or method in METHODS:
        return
    everything = replace(wanted, worker=None, trace_id=None, execution_id=None, since=None, until=None, before=None)
    if not queries.newest(reader, everything, 1, lambda entry: entry.fields["method"] == method):
        hint = nearest(method, METHODS) or f"methods: {', '.join(METHODS)}"
        raise BadFilter(f"method: no request had {method!r}", hint=hint)


def status(given: str | None) -> Callable[[Entry], bool]:
    """`500`, `5xx` or `failed` (400 and more, and no answer at all). Raises BadFilter."""
    if given is None:
        return lambda entry: True
    if given == "failed":
        return lambda entry: entry.fields["status"] >= 400 or entry.fields["status"] == 0
    digits = given.lower().replace("x", "")
    if (
        len(given) != 3
        or not (digits.isascii() and digits.isdigit())
        or not given.lower().startswith(digits)
        or digits[0] not in "12345"
    ):
        hint = nearest(given, ("failed", "2xx", "3xx", "4xx", "5xx")) or "statuses go from 100 to 599"
        raise BadFilter(f"status: expected 404, 4xx or failed, not {given!r}", hint=hint)
    return lambda entry: f"{entry.fields['status']:03d}".startswith(digits)


def whole_number(query: Mapping[str, str], name: str, usual: Any, most: int | None = None) -> Any:
    """`usual` where it is absent; from 1 to `most` where that is given. Raises UserError."""
    text = query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise UserError(f"{name}: expected a whole number, not {text!r}", code="bad_field")
    return int(text) if most is None else max(1, min(int(text), most))


def absolute(query: Mapping[str, str], now: float) -> dict[str, str]:
    """The query with its times as seconds since the epoch, where they were seconds before now (`since=-600`)."""
    ago = {name: _seconds(query, name) or 0.0 for name in ("since", "until") if query.get(name, "").startswith("-")}
    return {**query, **{name: repr(now + seconds) for name, seconds in ago.items()}}


def _seconds(query: Mapping[str, str], name: str) -> float | None:
    try:
        return float(query[name]) if name in query else None
    except ValueError:
        raise UserError(f"{name}: expected seconds since the epoch, not {query[name]!r}", code="bad_field") from None
