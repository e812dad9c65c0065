"""`/api/clock`: the one clock, moved by hand and kept moved across restarts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sandbox.app.triggers import moment_ms
from sandbox.clock import Clock, SystemClock, duration, iso
from sandbox.errors import Conflict, SandboxError, UserError
from sandbox.runtime.exchange import json_response, read_json
from sandbox.runtime.protocols import Emit
from sandbox.runtime.web import Request, Response

FILE = "clock.json"
MAX_BODY = 64 * 1024
LATEST_S = 253_402_300_799.0
"""The last second of the year 9999: Python and ISO 8601 have no later one."""
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


class ClockControl:
    """GET /api/clock -> {now, offset_s, told}; POST {advance: "25h" or seconds}, {set: time} or {reset: true} -> the same.

    What has expired in KV by the old time is removed before the clock moves, so moving back revives nothing; whoever
    sleeps by the clock (retries, deadlines, cron triggers) goes on where its time has come.
    Events: `clock` (now, offset_s, told) after each move.
    """

    def __init__(self, clock: Clock, emit: Emit, before: Callable[[], Awaitable[Any]]) -> None:
        self._clock = clock
        self._emit = emit
        self._before = before
        self._file: Path | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def offset(self) -> float:
        """How far the clock is ahead of the machine's, in seconds; 0 for a clock that is none of ours to move."""
        return self._clock.offset if isinstance(self._clock, SystemClock) else 0.0

    def restore(self, state: Path) -> None:
        """Take up the offset that was left in the state folder. Raises UserError where the file is no such thing."""
        self._file = state / FILE
        try:
            offset = float(json.loads(self._file.read_text(encoding="utf-8"))["offset_s"])
            iso(self._clock.now() + offset)
        except FileNotFoundError:
            return
        except (ValueError, TypeError, KeyError, OverflowError):
            hint = "remove it: the clock is the machine's again"
            raise UserError(
                f"{self._file} does not tell how the clock is moved", code="clock_file", hint=hint
            ) from None
        if isinstance(self._clock, SystemClock):
            self._clock.move(offset)

    def told(self) -> str:
        """`2026-11-27T08:00:00.000Z, 1d 1h ahead of the machine`."""
        return f"{iso(self._clock.now())}, {_ahead(self.offset)}"

    async def handle(self, request: Request) -> Response:
        if request.method == "POST":
            await self._move(await _body(request))
        elif request.method != "GET":
            wrong = SandboxError("/api/clock takes GET and POST", code="method_not_allowed", status=405)
            return json_response(wrong.as_json(), status=405, headers={"allow": "GET, POST"})
        return json_response({"success": True, **self._shown()})

    def _shown(self) -> dict[str, Any]:
        return {"now": iso(self._clock.now()), "offset_s": self.offset, "told": self.told()}

    async def _move(self, body: dict[str, Any]) -> None:
        if not isinstance(self._clock, SystemClock):
            raise Conflict("this sandbox has a test's clock", hint="move it with sandbox.clock.advance(...)")
        async with self._one_at_a_time:
            offset = self._wanted(body, self._clock)
            if not 0 <= self._clock.now() - self._clock.offset + offset <= LATEST_S:
                raise UserError("the clock goes from 1970 to 9999", code="bad_field")
            await self._before()
            self._save(offset)
            self._clock.move(offset)
            self._emit("clock", **self._shown())

    def _wanted(self, body: dict[str, Any], clock: SystemClock) -> float:
        if len(body) != 1 or next(iter(body)) not in ("advance", "set", "reset"):
            raise UserError("expected one of {advance}, {set} and {reset: true}", code="bad_json")
        if "reset" in body:
            if body["reset"] is not True:
                raise UserError("reset: expected true", code="bad_field")
            return 0.0
        if "set" in body:
            # To the millisecond that was asked for, so that it is shown as it was written.
            return moment_ms(body["set"], "set") / 1000 - (clock.now() - clock.offset)
        return clock.offset + _seconds(body["advance"])

    def _save(self, offset: float) -> None:
        if self._file is None:
            return
        if not offset:
            self._file.unlink(missing_ok=True)
            return
        new = self._file.with_suffix(".new")
        new.unlink(missing_ok=True)  # never written through a link
        new.touch(mode=0o600, exist_ok=False)
        new.write_text(json.dumps({"offset_s": offset}), encoding="utf-8")
        new.replace(self._file)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await read_json(request, limit=MAX_BODY)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UserError("expected a JSON object", code="bad_json")
    return body


def _seconds(given: Any) -> float:
    hint = 'write seconds, or pieces such as "25h", "1d 30m", "90s"'
    try:
        seconds = duration(given) if isinstance(given, str) else float(given)
    except (ValueError, TypeError, OverflowError):
        raise UserError(f"advance: {given!r} is no time", code="bad_field", hint=hint) from None
    if not seconds > 0:
        raise UserError("advance goes forward", code="bad_field", hint="to go back: sandbox clock set TIME, or reset")
    return seconds


def _ahead(offset: float) -> str:
    if not offset:
        return "the machine's"
    left = round(abs(offset))
    pieces = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        pieces += [f"{count}{unit}"] if count else []
    way = "ahead of" if offset > 0 else "behind"
    return f"{' '.join(pieces) or 'less than a second'} {way} the machine"
