"""The emulated modules, and a worker to run code in."""

import contextlib

import pytest

from sandbox.clock import FakeClock
from sandbox.runtime import compatibility_flags, install
from sandbox.runtime.context import ExecutionContext, Invocation, WorkerContext, current_invocation, current_worker
from sandbox.runtime.values import JsObject

install()


class Recorder:
    """An outbound and an event sink that remember what they were given."""

    def __init__(self):
        self.requests = []
        self.events = []
        self.answer = None

    async def fetch(self, worker, request):
        self.requests.append((worker, request))
        return await self.answer(request)

    def emit(self, kind, /, **fields):
        self.events.append((kind, fields))


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def running(recorder):
    """A context manager in which a worker runs; it yields the worker's context."""

    @contextlib.contextmanager
    def run(env=None, date="2026-05-01", flags=("python_workers",)):
        worker = WorkerContext(
            "tester", JsObject(env or {}), compatibility_flags(date, flags), recorder, FakeClock(), recorder.emit
        )
        invocation = Invocation(worker, ExecutionContext(), trace_id="trace-1")
        tokens = current_worker.set(worker), current_invocation.set(invocation)
        try:
            yield worker
        finally:
            current_worker.reset(tokens[0])
            current_invocation.reset(tokens[1])

    return run
