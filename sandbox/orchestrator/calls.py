"""One call of a worker: the request built, sent within a time limit, and every way to get no answer told apart."""

from __future__ import annotations

import logging
from functools import partial

import sandbox.orchestrator.codec as codec
from sandbox.clock import Clock
from sandbox.errors import ConnectionLost, NotFound, SandboxError
from sandbox.orchestrator.answers import Answer, Failure, retry_after
from sandbox.orchestrator.directory import Directory
from sandbox.orchestrator.ports import Held, NoAnswer, Transport
from sandbox.orchestrator.timing import Cut, within
from sandbox.runtime.exchange import header, new_request, read_bytes
from sandbox.runtime.protocols import Emit, Points, silent
from sandbox.runtime.trace import told_hop, trace_headers
from sandbox.runtime.values import JsException
from sandbox.runtime.web import Request, Response

logger = logging.getLogger("sandbox.orchestrator")


class AnswerTooLarge(SandboxError):
    """A worker's answer over the limit of protocol messages."""

    code = "answer_too_large"
    status = 502


class Caller:
    def __init__(
        self,
        transport: Transport,
        directory: Directory,
        clock: Clock,
        points: Points | None = None,
        emit: Emit = silent,
    ) -> None:
        self._emit = emit
        self._transport = transport
        self._directory = directory
        self._clock = clock
        self._points = points or Points()

    async def call(
        self,
        worker: str,
        method: str,
        path: str,
        seconds: float,
        body: bytes | None = None,
        held: Held | None = None,
    ) -> Answer | Failure:
        """The answer as it came, whatever its status; a `Failure` where none came or the worker cannot be called.

        No answer, a cut connection and a timeout leave the outcome unknown.
        """
        try:
            if self._points.step is not None:
                body = await self._points.step.hold(worker, path, body)
            return await within(self._clock, seconds, self._exchange(worker, method, path, body, held))
        except TimeoutError:
            return Failure(
                "timeout",
                f"{worker} did not answer {path} within {seconds:g} s",
                retryable=True,
                hint="raise the stage's timeout_ms or the worker's max_processing_time_ms"
                if path.endswith("s")
                else None,
                outcome_known=False,
                packet_state="timed_out",
            )
        except (NoAnswer, ConnectionLost, OSError) as error:
            return _lost(worker, path, str(error), getattr(error, "hint", None))
        except Cut:
            return _lost(worker, path, "its code was cancelled", "does it raise or await a cancelled task?")
        except SandboxError as error:
            # refused before anything was sent, or failed inside the worker: known either way
            retryable = not isinstance(error, NotFound | AnswerTooLarge)
            return Failure(error.code, error.message, retryable, hint=error.hint)
        except Exception as error:
            # the transport is free in how it fails; whatever it was, the worker may have done the work
            logger.warning("calling %s of %s failed", path, worker, exc_info=error)
            return _lost(worker, path, f"{type(error).__name__}: {error}", None)

    async def _exchange(self, worker: str, method: str, path: str, body: bytes | None, held: Held | None) -> Answer:
        info = self._directory.find(worker)
        headers = [("content-type", "application/json")] if body is not None else []
        call = told_hop(self._emit, to=info.name, via="orchestrator", method=method, url=path)
        with call as trace:
            headers += trace_headers(trace, headers)
            request = new_request(info.url.rstrip("/") + path, method=method, headers=headers, body=body)
            response = await self._send(info.name, path, request, held)
            call.status = int(response.status)
        try:
            data = await read_bytes(response, limit=codec.MAX_BODY)
        except ValueError:
            raise AnswerTooLarge(
                f"{worker} answered {path} with more than {codec.MAX_BODY // 2**20} MiB",
                hint="put large results into RESULT_CACHE (or POST /api/data) and answer with a reference",
            ) from None
        except SandboxError as error:
            if error.status == 413:  # inflated past the limits
                raise AnswerTooLarge(f"{worker} answered {path}: {error.message}", hint=error.hint) from error
            raise NoAnswer(error.message, hint=error.hint) from error  # cut in the middle: the work may be done
        except JsException as error:
            raise NoAnswer(error.message) from error  # likewise, inside this process
        return Answer(int(response.status), data, retry_after(header(response, "retry-after"), self._clock.now()))

    async def _send(self, worker: str, path: str, request: Request, held: Held | None) -> Response:
        gate = self._points.step
        if gate is None:
            return await self._transport.send(worker, request, held)
        return await gate.step(worker, path, request, partial(self._transport.send, held=held))


def _lost(worker: str, path: str, why: str, hint: str | None) -> Failure:
    return Failure(
        "no_answer",
        f"{worker} gave no answer to {path}: {why}",
        retryable=True,
        hint=hint or "is the worker up, and its URL right?",
        outcome_known=False,
        packet_state="lost",
    )
