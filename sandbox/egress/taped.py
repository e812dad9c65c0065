"""A packet's outbound calls: put on its tape as they end, or answered from a recording."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sandbox.egress.call import Call
from sandbox.egress.observing import Exchange, Finished, GoOn
from sandbox.runtime import exchange
from sandbox.runtime.playback import Playback
from sandbox.runtime.redirects import parse
from sandbox.runtime.tape import RecordedCall, Tape, current_tape
from sandbox.runtime.values import throw
from sandbox.runtime.web import Response

if TYPE_CHECKING:
    from sandbox.egress.egress import Egress

_WITHOUT_BODY = (204, 205, 304)


class TapedCalls:
    """Observes the egress from the start, and answers calls once `stage` was called. Calls of the orchestrator and of hosted
    workers by their own addresses are not kept: they are made again."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        egress.observers.append(self.observe)

    def stage(self) -> None:
        """From now on packets that are played get recorded answers; all others go on as ever. For good: work that a
        played packet leaves behind (`waitUntil`) must not get out when its replay is over."""
        if self.play not in self._egress.around:
            self._egress.around.insert(0, self.play)  # before faults and whatever else stands there

    def observe(self, call: Call) -> Finished | None:
        tape = current_tape.get()
        if tape is None or tape.playing or not tape.open:
            return None
        inside = self._egress.is_inside(call.url)
        return partial(_ended_inside if inside else _ended_outside, tape)

    async def play(self, call: Call, go_on: GoOn) -> Response:
        tape = current_tape.get()
        if not isinstance(tape, Playback):
            return await go_on(call)
        if self._egress.is_inside(call.url) and not call.outside:
            turn = _inside_turn(call.method, call.url)
            response = await go_on(call)
            await tape.turn(turn)
            return response
        body = call.body if isinstance(call.body, bytes) else b"".join([piece async for piece in call.body or _Empty()])
        call.by = "recording"
        recorded = tape.take_call(call.method, call.url, body)
        if recorded is None:
            throw("TypeError", f"fetch of {call.shown} refused: this is a replay, and the call was not recorded")
        await tape.turn(recorded.turn)
        if recorded.error is not None:
            throw("TypeError", recorded.error)
        if recorded.answer is None:
            tape.diverged("over", f"the answer of {recorded.turn} was too long to keep")
            throw("TypeError", f"fetch of {call.shown} failed: its answer was too long to be recorded")
        call.outside = recorded.by == "network"
        empty = call.method == "HEAD" or recorded.status in _WITHOUT_BODY
        return exchange.make_response(
            None if empty else recorded.answer, status=recorded.status, headers=recorded.headers
        )


def _ended_inside(tape: Tape, ended: Exchange) -> None:
    tape.ended(_inside_turn(ended.method, ended.url))


def _ended_outside(tape: Tape, ended: Exchange) -> None:
    tape.call_ended(
        RecordedCall(
            ended.worker,
            ended.method,
            ended.url,
            ended.request_body,
            ended.status,
            ended.response_headers,
            ended.response_body,
            ended.by,
            ended.error,
        )
    )


def _inside_turn(method: str, url: str) -> str:
    """Without host and port, which are others elsewhere."""
    return f"inside {method} {parse(url).path}"


class _Empty:
    def __aiter__(self) -> _Empty:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration
