"""Service bindings between hosted workers: fetch, RPC, entrypoints, props, errors, scheduled events."""

from __future__ import annotations

import json

import pytest

from sandbox.errors import WorkerFailed
from sandbox.runtime.exchange import new_request, read_json, read_text

OTHER = """
from workers import Response, WorkerEntrypoint, env as own_env

LAST = {}

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = request.url.partition("//")[2].partition("/")[2]
        if path == "old":
            return Response.redirect("https://elsewhere.test/new", 302)
        if path == "old-relative":
            return Response(None, status=307, headers={"Location": "/new"})
        if path == "loop":
            return Response(None, status=302, headers={"Location": "/loop"})
        if path == "raise":
            raise LookupError("no such thing")
        body = await request.text()
        return Response.json({"method": request.method, "url": request.url, "body": body,
                              "header": request.headers.get("x-asked")}, headers={"x-other": "yes"})

    async def add(self, a, b):
        return a + b

    def plain(self, a, b=5):
        return a * b

    async def options(self, given):
        return given

    async def change(self, items):
        items.append("changed")
        LAST["items"] = items
        return items

    async def last(self):
        LAST["items"].append("again")
        return LAST["items"]

    async def counter(self, start):
        count = start
        async def more(step=1):
            nonlocal count
            count += step
            return count
        return more

    async def apply(self, fn, value):
        return await fn(value)

    async def who(self):
        async def name():
            return own_env.NAME
        return name

    async def whose(self, fn):
        return [own_env.NAME, await fn()]

    async def fail(self):
        raise LookupError("no such thing")

    async def uncloneable(self):
        return complex(1, 2)

    async def body(self):
        return Response("a body", status=201)

    async def _hidden(self):
        return "hidden"

    async def scheduled(self, controller, env, ctx):
        if controller.cron == "bad":
            raise LookupError("no such cron")
        if controller.cron == "once":
            controller.noRetry()
        LAST["items"] = [controller.scheduledTime, controller.cron, env is None, ctx is None]

class Admin(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(f"admin {self.ctx.props.role}")

    async def add(self, a, b):
        return f"{a}+{b} by {self.ctx.props.role} of {self.ctx.props.team.name}"
"""
SERVICES = """
vars = { NAME = "caller" }
[[services]]
binding = "OTHER"
service = "other"
[[services]]
binding = "ADMIN"
service = "OTHER"
entrypoint = "Admin"
props = { role = "owner", team = { name = "red" } }
[[services]]
binding = "NOBODY"
service = "other"
entrypoint = "Nobody"
"""
CALLER = """
import json
import traceback
from datetime import datetime
import js
from pyodide.ffi import JsException
from workers import Request, Response, WorkerEntrypoint, env as own_env

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        env = self.env
        result = await self.run(env)
        return Response.json(result)

    async def run(self, env):
{body}
"""


@pytest.fixture
def ask(worker, start):
    """`await ask(code)` runs the lines as `run(self, env)` of a worker bound to the other one; the JSON it returns."""

    async def run(code: str):
        body = "\n".join(" " * 8 + line for line in code.strip().splitlines())
        worker("caller", CALLER.format(body=body), extra=SERVICES)
        worker("other", OTHER, extra='vars = { NAME = "other" }\n')
        sandbox = await start(serve=False)
        return await read_json(await sandbox.fetch("caller", new_request("http://caller/")))

    return run


async def test_fetch_carries_the_request_over_and_the_response_back(ask):
    answer = await ask(
        """
response = await env.OTHER.fetch("https://any.test/path?q=1", method="POST", body="hi", headers={"x-asked": "1"})
return [response.status, response.headers["x-other"], await response.json()]
"""
    )
    seen = {"method": "POST", "url": "https://any.test/path?q=1", "body": "hi", "header": "1"}
    assert answer == [200, "yes", seen]


async def test_fetch_takes_requests_of_both_kinds(ask):
    answer = await ask(
        """
ours = await (await env.OTHER.fetch(Request("https://a.test/", method="PUT", body=b"x"))).json()
js_one = js.Request.new("https://b.test/", method="POST", body="y")
theirs = await (await env.OTHER.fetch(js_one)).json()
return [ours["method"], ours["body"], theirs["method"], theirs["url"], theirs["body"]]
"""
    )
    assert answer == ["PUT", "x", "POST", "https://b.test/", "y"]


async def test_redirects_are_followed_within_the_service(ask):
    """Nothing of it reaches the network: both hosts of the redirect are asked of the service."""
    answer = await ask(
        """
far = await env.OTHER.fetch("https://any.test/old")
near = await env.OTHER.fetch("https://any.test/old-relative", method="POST", body="kept")
by_hand = await env.OTHER.fetch("https://any.test/old", redirect="manual")
try:
    await env.OTHER.fetch("https://any.test/loop")
except OSError as error:
    loop = str(error)
return [far.url, far.js_object.redirected, (await far.json())["url"], by_hand.status, by_hand.headers["location"], loop]
"""
    )
    new = "https://elsewhere.test/new"
    assert answer[:5] == [new, True, new, 302, new]
    assert "too many redirects" in answer[5]


async def test_rpc_with_arguments_of_every_kind(ask):
    answer = await ask(
        """
moment = datetime(2026, 1, 2, 3, 4, 5)
return [
    await env.OTHER.add(1, 2),
    await env.OTHER.add("a", "b"),
    await env.OTHER.add([1], [{"deep": [None, True, 1.5]}]),
    await env.OTHER.plain(3),
    await env.OTHER.plain(3, 4),
    await env.OTHER.options(a=1, b="two"),
    (await env.OTHER.options(moment)) == moment,
    bytes(await env.OTHER.options(b"bytes")).decode(),
    sorted(await env.OTHER.options({1, 2})),
    await env.OTHER.options(None),
]
"""
    )
    expected = [3, "ab", [1, {"deep": [None, True, 1.5]}], 15, 12, {"a": 1, "b": "two"}, True, "bytes", [1, 2], None]
    assert answer == expected


async def test_arguments_and_results_are_clones(ask):
    answer = await ask(
        """
mine = ["mine"]
theirs = await env.OTHER.change(mine)
theirs.append("of the caller")
return [mine, theirs, await env.OTHER.last(), await env.OTHER.last()]
"""
    )
    kept = ["mine", "changed", "again"]
    assert answer == [["mine"], ["mine", "changed", "of the caller"], kept, [*kept, "again"]]


async def test_functions_cross_as_stubs_in_both_directions(ask):
    answer = await ask(
        """
more = await env.OTHER.counter(10)
stub = f"{type(more).__module__}.{type(more).__name__}"
counts = [await more(), await more(5)]
seen = []
def note(value):
    seen.append(value)
    return value * 2
doubled = await env.OTHER.apply(note, 21)
forwarded = await env.OTHER.apply(more, 100)
return [stub, counts, doubled, seen, forwarded]
"""
    )
    assert answer == ["workers.rpc._RpcStubWrapper", [11, 16], 42, [21], 116]


async def test_a_function_runs_as_the_worker_it_belongs_to(ask):
    answer = await ask(
        """
async def mine():
    return own_env.NAME
name = await env.OTHER.who()
return [await name(), await env.OTHER.whose(mine), await env.OTHER.whose(name), own_env.NAME]
"""
    )
    assert answer == ["other", ["other", "caller"], ["other", "other"], "caller"]


async def test_named_entrypoints_and_props(ask):
    answer = await ask(
        """
response = await env.ADMIN.fetch("https://any.test/")
return [await response.text(), await env.ADMIN.add(1, 2), await env.OTHER.add(1, 2)]
"""
    )
    assert answer == ["admin owner", "1+2 by owner of red", 3]


async def test_an_entrypoint_that_is_not_there(ask):
    answer = await ask(
        """
found = []
try:
    await env.NOBODY.add(1, 2)
except JsException as error:
    found.append(str(error))
try:
    await env.NOBODY.fetch("https://any.test/")
except OSError as error:
    found.append(str(error))
return found
"""
    )
    assert len(answer) == 2
    assert all("other has no entrypoint called 'Nobody'" in text for text in answer)


@pytest.mark.parametrize("method", ["missing", "_hidden", "fetch_", "__init__"])
async def test_methods_that_cannot_be_called(ask, method):
    answer = await ask(
        f"""
try:
    await getattr(env.OTHER, {method!r})()
except (JsException, AttributeError, TypeError) as error:
    return [type(error).__name__, str(error)]
"""
    )
    if method.startswith("_"):
        assert answer is None or answer[0] in ("AttributeError", "TypeError")
    else:
        assert answer == ["JsException", f'TypeError: The RPC receiver does not implement the method "{method}".']


async def test_errors_cross_with_their_cause(ask):
    answer = await ask(
        """
found = []
for attempt in (lambda: env.OTHER.fail(), lambda: env.OTHER.fetch("https://any.test/raise")):
    try:
        await attempt()
    except (JsException, OSError) as error:
        text = "".join(traceback.format_exception(error))
        found.append([type(error).__name__, str(error), "in fail" in text or "in fetch" in text, "entry.py" in text])
return found
"""
    )
    assert [line[0] for line in answer] == ["JsException", "OSError"]
    assert all("LookupError: no such thing" in line[1] and line[2] and line[3] for line in answer)


async def test_what_cannot_be_cloned(ask):
    answer = await ask(
        """
class Own:
    pass
found = []
for attempt in (
    lambda: env.OTHER.options(Own()),
    lambda: env.OTHER.options({"deep": [Own()]}),
    lambda: env.OTHER.uncloneable(),
    lambda: env.OTHER.options((1, 2)),
):
    try:
        await attempt()
    except (JsException, TypeError) as error:
        found.append([type(error).__name__, getattr(error, "name", "")])
return found
"""
    )
    assert answer == [["JsException", "DataCloneError"]] * 3 + [["TypeError", ""]]


async def test_a_response_crosses_rpc(ask):
    answer = await ask(
        """
response = await env.OTHER.body()
return [type(response) is Response, response.status, await response.text()]
"""
    )
    assert answer == [True, 201, "a body"]


async def test_scheduled_through_a_binding(ask):
    answer = await ask(
        """
good = await env.OTHER.scheduled(scheduledTime=1000, cron="0 * * * *")
seen = await env.OTHER.last()
bad = await env.OTHER.scheduled(cron="bad")
once = await env.OTHER.scheduled(cron="once")
return [good.outcome, good.noRetry, seen, bad.outcome, once.outcome, once.noRetry]
"""
    )
    assert answer == ["ok", False, [1000, "0 * * * *", True, True, "again"], "exception", "ok", True]


async def test_scheduled_by_hand(worker, start):
    worker("other", OTHER)
    sandbox = await start(serve=False)
    exceptions = []
    sandbox.events.subscribe(lambda event: exceptions.append(event.fields["worker"]), "exception")
    await sandbox.workers.scheduled("other", scheduled_time_ms=1000.0, cron="0 * * * *")
    last = await sandbox.workers.rpc("other", "last", [])
    assert list(last) == [1000, "0 * * * *", True, True, "again"]
    with pytest.raises(WorkerFailed, match="no such cron"):
        await sandbox.workers.scheduled("other", scheduled_time_ms=0, cron="bad")
    assert exceptions == ["other"]


async def test_a_binding_to_oneself(worker, start):
    code = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(str(await self.env.SELF.double(21)))

    async def double(self, value):
        return value * 2
"""
    worker("alone", code, extra='[[services]]\nbinding = "SELF"\nservice = "alone"\n')
    sandbox = await start(serve=False)
    assert await read_text(await sandbox.fetch("alone", new_request("http://alone/"))) == "42"


async def test_the_other_workers_new_code_is_called_after_its_reload(worker, start):
    worker("caller", CALLER.format(body="        return await env.OTHER.add(1, 2)"), extra=SERVICES)
    worker("other", OTHER)
    sandbox = await start(serve=False)

    async def asked() -> str:
        return await read_text(await sandbox.fetch("caller", new_request("http://caller/")))

    assert await asked() == "3"
    worker("other", OTHER.replace("return a + b", "return a - b"))
    await sandbox.workers.reload("other")
    assert json.loads(await asked()) == -1
