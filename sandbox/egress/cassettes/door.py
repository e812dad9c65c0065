"""Cassettes as egress uses them: a call answered from one, or let through and recorded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from weakref import WeakSet

from sandbox.clock import Clock
from sandbox.config.models import EgressConfig
from sandbox.egress.call import Call
from sandbox.egress.cassettes.matching import Matching
from sandbox.egress.cassettes.player import Player
from sandbox.egress.cassettes.recorder import Recorder, Written
from sandbox.egress.cassettes.scrub import Scrub
from sandbox.egress.counting import Counted, close
from sandbox.egress.observing import KEPT, GoOn, KeptBody, observed
from sandbox.runtime import exchange
from sandbox.runtime.values import JsException, throw
from sandbox.runtime.web import Response

FINISH_WITHIN = 30.0
"""Seconds for the rest of a body that the worker did not read."""
LAST_CALL = 2.0
"""Seconds for it when the sandbox stops."""

logger = logging.getLogger("sandbox.egress")


class Cassettes:
    """The recordings in `config.cassettes` (below `root` where it is relative), by the rules of `config`."""

    def __init__(self, config: EgressConfig, root: Path, redact: Callable[[str], str], written: Written) -> None:
        folder = root / config.cassettes
        shown = config.cassettes.as_posix()
        matching = Matching(config.match)
        self._scrub = Scrub(config.scrub, redact)
        self._player = Player(folder, shown, matching)
        self._recorder = Recorder(folder, shown, self._scrub, matching, written)
        self._open: WeakSet[_ToTheEnd] = WeakSet()
        self._finishing: set[asyncio.Task[None]] = set()

    async def replay(self, call: Call) -> Response:
        """The recorded answer. Raises Missed where there is none (the call's body can be sent still), CassetteBroken."""
        body = await _whole(call)
        call.body = body or None
        asked = self._scrub.asked(call.method, call.url, call.headers, body)
        execution = call.trace.execution_id if call.trace is not None else None
        answered = await self._player.answer(call.worker, asked, scope=execution or "")
        empty = call.method == "HEAD" or answered.status in (204, 205, 304)
        return exchange.make_response(
            None if empty else answered.body, status=answered.status, headers=answered.headers
        )

    async def record(self, call: Call, clock: Clock, send: GoOn) -> Response:
        """The answer of `send`, written down when its body has ended. What the worker leaves of it is read to the end
        all the same: a recording is whole or not at all."""

        def kept(source: Counted, on_end: Callable[[KeptBody], None] | None) -> KeptBody:
            body = _ToTheEnd(source, on_end, self._finish)
            self._open.add(body)
            return body

        return await observed(call, [lambda _: self._recorder.add], clock, send, keep=kept)

    async def close(self) -> None:
        """Return when everything that was recorded is written, what the workers have not read to its end as well."""
        for body in list(self._open):
            body.leave()
        if self._finishing:
            _, late = await asyncio.wait(list(self._finishing), timeout=LAST_CALL)
            for task in late:
                task.cancel()
        await self._recorder.close()

    def _finish(self, body: _ToTheEnd) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # it was dropped after the end of everything
        task = loop.create_task(body.finish())
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)


class _ToTheEnd(KeptBody):
    """A body that is read on when its reader leaves it."""

    __slots__ = ("__weakref__", "_left")

    def __init__(
        self,
        source: Counted,
        on_end: Callable[[KeptBody], None] | None,
        left: Callable[[_ToTheEnd], None],
    ) -> None:
        super().__init__(source, on_end)
        self._left: Callable[[_ToTheEnd], None] | None = left

    async def aclose(self) -> None:
        self.leave()

    def __del__(self) -> None:
        self.leave()

    def leave(self) -> None:
        left, self._left = self._left, None
        if left is not None and self._on_end is not None:
            left(self)

    async def finish(self) -> None:
        try:
            async with asyncio.timeout(FINISH_WITHIN):
                async for _ in self:
                    if self.kept is None:
                        break
        except (JsException, OSError, TimeoutError) as error:
            logger.debug("an answer is not recorded: its rest did not come: %s", error)
        finally:
            self._end()
            await close(self._source)


async def _whole(call: Call) -> bytes:
    if not isinstance(call.body, Counted):
        return call.body or b""  # type: ignore[return-value]
    found = bytearray()
    async for chunk in call.body:
        found += chunk
        if len(found) > KEPT:
            throw("TypeError", f"fetch of {call.shown} failed: its body is too long to be compared with recordings")
    return bytes(found)
