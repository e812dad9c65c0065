"""What a worker's `process` is given, and the progress it reports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.handshake.messages import (
    CHECKPOINT_LIMIT,
    PROGRESS_TTL_S,
    Checkpoint,
    ProcessRequest,
    Progress,
    dump_json,
    progress_key,
)
from sandbox.handshake.schema import to_plain

log = logging.getLogger("sandbox.handshake")


class NonRetryable(Exception):
    """Raise it in `process` to end the stage: trying again would not help. Its text is the reason people read."""


class ProgressWriter:
    """Puts one packet's progress into KV, at most once in `interval_s` seconds, the newest value always last.

    KV takes one write a second per key. A value that comes too early waits in memory and is put when its time has
    come; values that come meanwhile replace it. A put that fails is logged and does not fail the work.
    """

    def __init__(self, cache: Any, packet_id: str, *, interval_s: float, timestamp: Callable[[], str]) -> None:
        self._cache = cache
        self._packet_id = packet_id
        self._interval_s = interval_s
        self._timestamp = timestamp
        self._written_at: float | None = None
        self._stopped = False
        self._wake: asyncio.Future[None] | None = None
        self.latest: str | None = None
        self.pending: asyncio.Task[None] | None = None

    async def report(self, stage: str, percent: float, message: str | None) -> None:
        """Say how far the packet is. `percent` is brought into 0 to 100."""
        progress = Progress(stage, min(100, max(0, percent)), message or "", self._timestamp())
        self.latest = dump_json(progress.as_json())
        if self._stopped or self.pending is not None:
            return
        wait = 0.0
        if self._written_at is not None:
            wait = self._interval_s - (asyncio.get_running_loop().time() - self._written_at)
        if wait <= 0:
            await self._put()
        else:
            self.pending = asyncio.create_task(self._put_later(wait))

    def stop(self) -> None:
        """Put nothing from now on. A value that waits is dropped at once, without an error in its task.

        Nothing is awaited here: the call comes from another request than the task's, and on Cloudflare one request
        must not wait for what another one has under way.
        """
        self._stopped = True
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _put_later(self, wait: float) -> None:
        try:
            while True:
                self._wake = asyncio.get_running_loop().create_future()
                await asyncio.wait((self._wake,), timeout=wait)
                if self._stopped:
                    return
                text = self.latest
                await self._put()
                if self.latest is text:
                    return
                wait = self._interval_s  # a newer value came while this one was being written
        finally:
            self._wake = None
            self.pending = None

    async def _put(self) -> None:
        self._written_at = asyncio.get_running_loop().time()
        try:
            await self._cache.put(progress_key(self._packet_id), self.latest, expirationTtl=PROGRESS_TTL_S)
        except Exception:
            log.exception("the progress of packet %s could not be written", self._packet_id)


class Job:
    """One packet of work.

    `input` is the checked input (an instance where `Input` is a dataclass or an annotated class, else plain data),
    `parameters` the stage's, `resumed` the state of the last checkpoint or None, `delivery` how often this very packet
    was sent (1 the first time), `stage_id` None where the caller gave none.
    """

    def __init__(
        self,
        message: ProcessRequest,
        data: Any,
        *,
        progress: ProgressWriter,
        save: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.packet_id = message.packet_id
        self.execution_id = message.execution_id
        self.stage_id = message.stage_id
        self.delivery = message.delivery
        self.parameters = message.parameters
        self.input = data
        self.resumed: Any = message.checkpoint.data if message.checkpoint else None
        self.percent: float = 0
        self.tokens_used: float = 0
        self.api_calls: dict[str, float] = {}
        self._seq = message.checkpoint.seq if message.checkpoint else 0
        self._progress = progress
        self._save = save

    async def progress(self, percent: float, message: str = "") -> None:
        """Report how far the work is, 0 to 100. Call it as often as you like: KV is written once a second at most."""
        self.percent = min(100, max(0, percent))
        await self._progress.report("processing", percent, message)

    async def checkpoint(self, state: Any) -> None:
        """Save the state to go on from, as JSON of at most 1 MiB (cursors; bulk data belongs in KV).

        Nothing happens where no orchestrator is known. Raises `NonRetryable` for a state that is too large or no JSON,
        RuntimeError where the orchestrator did not take it.
        """
        self._seq += 1
        try:
            body = dump_json(Checkpoint(self._seq, to_plain(state)).as_json())
        except (TypeError, ValueError) as error:
            raise NonRetryable(f"the checkpoint is no JSON: {error}") from error
        size = len(body.encode())
        if size > CHECKPOINT_LIMIT:
            raise NonRetryable(
                f"the checkpoint has {size} bytes, {CHECKPOINT_LIMIT} are allowed: keep cursors in it, bulk data in KV"
            )
        if self._save is not None:
            await self._save(body)

    def count(self, *, tokens: float = 0, **api_calls: float) -> None:
        """Add to what this packet used: `count(openai=1, tokens=250)`. It is reported in the metrics."""
        self.tokens_used += tokens
        for provider, calls in api_calls.items():
            self.api_calls[provider] = self.api_calls.get(provider, 0) + calls
