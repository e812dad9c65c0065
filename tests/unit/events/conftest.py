"""A log over a file of its own, with settings that a test chooses."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from sandbox.clock import FakeClock
from sandbox.config.models import EventsConfig
from sandbox.events import EventLog
from sandbox.events.records import Request

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nSet-Cookie: session=abc\r\n\r\n"


def answered(log, number, *, trace=None, body=None, answer=b"Hello", url="http://w.localhost/", status=200, **more):
    """Put down a request; see `EventLog.request`."""
    from sandbox.runtime.trace import Trace

    values = {"at": 1_700_000_000.0 + number, "seconds": 0.001, "worker": "w", "method": "GET", "head": HEAD}
    values |= {"headers": ((b"Host", b"w.localhost"),), "stale": False, "sent": 5, **more}
    record = Request(number=number, trace=trace or Trace(), body=body, answer=answer, url=url, status=status, **values)
    if record.replay_of is None:
        log.request(tuple(record[:-1]), large=len(body or b"") > 4096)
    else:
        log.replayed(record)


@pytest.fixture
def put():
    return answered


@pytest.fixture
async def open_log(tmp_path):
    """`open_log(redact=..., max_mb=...)`; every log is closed with the test, and the file is the same one."""
    async with AsyncExitStack() as stack:

        def begin(redact=None, **settings) -> EventLog:
            log = EventLog(tmp_path / "events.sqlite", EventsConfig(**settings), FakeClock(), redact)
            stack.push_async_callback(log.close)
            return log

        yield begin
