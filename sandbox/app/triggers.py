"""Events by hand, at wrangler's address: `GET <worker>/cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=<ms>`."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from sandbox.clock import Clock
from sandbox.errors import UserError, WorkerExceeded, WorkerFailed
from sandbox.runtime.exchange import json_response, make_response
from sandbox.runtime.protocols import Invoke
from sandbox.runtime.web import Request, Response

HANDLER_PATH = "/cdn-cgi/handler/"
SCHEDULED = HANDLER_PATH + "scheduled"


async def trigger(invoke: Invoke, clock: Clock, worker: str, request: Request) -> Response | None:
    """Call the handler the path names and answer `ok`, `exception` or `exceededCpu`; None where the path is the worker's own.

    Without `cron` it is empty, without `time` it is now (milliseconds since the epoch).
    """
    parts = urlsplit(request.url)
    if parts.path != SCHEDULED:
        return None
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    try:
        moment = float(query.get("time", clock.now() * 1000))
    except ValueError:
        wrong = UserError(f"time: expected milliseconds since the epoch, got {query['time']!r}", code="bad_field")
        return json_response(wrong.as_json(), status=wrong.status)
    try:
        await invoke.scheduled(worker, scheduled_time_ms=moment, cron=query.get("cron", ""))
    except WorkerExceeded:
        return make_response("exceededCpu", status=500)
    except WorkerFailed:
        return make_response("exception", status=500)  # its traceback is in the console
    return make_response("ok")
