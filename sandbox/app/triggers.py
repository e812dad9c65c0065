"""Events by hand: at wrangler's addresses, `GET <worker>/cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=<ms>` and, with
`--test-scheduled`, `GET <worker>/__scheduled?cron=*+*+*+*+*`, and at `POST /api/trigger` of our own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.app.crons import call_scheduled
from sandbox.clock import Clock, iso
from sandbox.config.models import WorkerConfig
from sandbox.errors import SandboxError, UserError
from sandbox.runtime.exchange import json_response, make_response, read_json
from sandbox.runtime.protocols import Invoke
from sandbox.runtime.web import Request, Response

HANDLER_PATH = "/cdn-cgi/handler/"
SCHEDULED = HANDLER_PATH + "scheduled"
TEST_SCHEDULED = "/__scheduled"
RAN = "Ran scheduled event"
"""What wrangler answers there, whatever the handler did but fail. [SRC]"""
MAX_BODY = 64 * 1024


async def trigger(
    invoke: Invoke, clock: Clock, worker: str, request: Request, *, test_scheduled: bool = False
) -> Response | None:
    """Call the handler the path names and answer `ok`, `exception` or `exceededCpu`, with `format=json` as
    `{"outcome", "noRetry"}`; None where the path is the worker's own, as `/__scheduled` is without `test_scheduled`.

    Without `cron` it is empty, without `time` it is now (milliseconds since the epoch).
    """
    parts = urlsplit(request.url)
    if parts.path != SCHEDULED and not (test_scheduled and parts.path == TEST_SCHEDULED):
        return None
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    try:
        moment = float(query.get("time", int(clock.now() * 1000)))
    except ValueError:
        wrong = UserError(f"time: expected milliseconds since the epoch, got {query['time']!r}", code="bad_field")
        return json_response(wrong.as_json(), status=wrong.status)
    ended = await call_scheduled(invoke, worker, moment, query.get("cron", ""))
    status = 200 if ended.outcome == "ok" else 500  # a traceback is in the console
    if parts.path == TEST_SCHEDULED:
        return make_response(RAN if status == 200 else ended.outcome, status=status)
    if query.get("format") == "json":
        return json_response({"outcome": ended.outcome, "noRetry": ended.no_retry}, status=status)
    return make_response(ended.outcome, status=status)


class TriggerApi:
    """POST {worker, cron?, time?} -> {worker, cron, scheduled_time, outcome, no_retry, error}.

    Without `cron` it is the worker's only expression, or empty where it has none. `time` is in milliseconds since the
    epoch, or a text in ISO 8601 (UTC where it names no zone); without it, it is now. `error` says in a line what failed
    and where; null where nothing did.
    """

    def __init__(
        self,
        invoke: Invoke,
        clock: Clock,
        config: Callable[[str], WorkerConfig],
        in_a_line: Callable[[str, BaseException], str],
    ) -> None:
        self._invoke = invoke
        self._clock = clock
        self._config = config
        self._in_a_line = in_a_line

    async def handle(self, request: Request) -> Response:
        if request.method != "POST":
            wrong = SandboxError("/api/trigger takes POST", code="method_not_allowed", status=405)
            return json_response(wrong.as_json(), status=405, headers={"allow": "POST"})
        try:
            body = await read_json(request, limit=MAX_BODY)
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("worker"), str):
            raise UserError("expected a JSON object {worker, cron?, time?}", code="bad_json")
        config = self._config(body["worker"])
        cron, given = _cron(config, body.get("cron")), body.get("time")
        moment = float(int(self._clock.now() * 1000)) if given is None else moment_ms(given, "time")
        ended = await call_scheduled(self._invoke, config.name, moment, cron)
        shown = {"worker": config.name, "cron": cron, "scheduled_time": iso(moment / 1000)}
        error = None if ended.error is None else self._in_a_line(config.name, ended.error)
        result = {"outcome": ended.outcome, "no_retry": ended.no_retry, "error": error}
        return json_response({"success": True, **shown, **result})


def moment_ms(given: Any, field: str) -> float:
    """Milliseconds since the epoch of such a number, or of a text in ISO 8601 (UTC where it names no zone).

    Raises UserError, naming the field, for what is neither.
    """
    try:
        if isinstance(given, str) and not given.isdecimal():
            moment = datetime.fromisoformat(given)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
        datetime.fromtimestamp(float(given) / 1000, UTC)
        return float(given)
    except (ValueError, TypeError, OverflowError, OSError):
        hint = "write milliseconds since the epoch, or as in 2026-11-26T06:00:00Z"
        raise UserError(f"{field}: {given!r} is no time", code="bad_field", hint=hint) from None


def _cron(config: WorkerConfig, given: Any) -> str:
    if given is None and len(config.crons) > 1:
        raise UserError(
            f"{config.name} has {len(config.crons)} cron triggers",
            code="which_cron",
            hint="name one: " + ", ".join(config.crons),
        )
    if given is None:
        return config.crons[0] if config.crons else ""
    if not isinstance(given, str):
        raise UserError("cron: expected a text", code="bad_field")
    return given
