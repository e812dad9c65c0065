"""Promises start at once, can be awaited again, and report what nobody looked at."""

import asyncio
import contextvars
import gc

import js
import pytest

from sandbox.runtime.values import HostObject, JsException, JsObject, JsPromise, js_method, option

var = contextvars.ContextVar("var", default="outer")


class Thing(HostObject):
    js_name = "ThingInJs"

    def __init__(self):
        self._log = []

    @js_method
    def plain(self, first, second, third=3):
        return (first, second, third)

    @js_method
    def many(self, *items):
        return items

    @js_method
    async def work(self, wait, options):
        self._log.append("started")
        if wait is not None:
            await wait
        self._log.append("done")
        return option(options, "tag")

    @js_method
    async def fail(self, wait):
        if wait is not None:
            await wait
        raise JsException("RangeError", "far")

    @js_method
    async def sets_var(self, wait):
        token = var.set("inner")
        await wait
        seen = var.get()
        var.reset(token)
        return seen

    @js_method(task=True)
    async def which_task(self):
        return asyncio.current_task()


def test_calling_rules():
    thing = Thing()
    assert thing.plain(1) == (1, None, 3)
    assert thing.plain(1, 2, 3, 4) == (1, 2, 3)
    first, second, third = thing.plain(1, a=5)
    assert (first, second.a, third) == (1, 5, 3)
    assert thing.many(1, 2) == (1, 2)
    assert thing.constructor.name == "ThingInJs"
    with pytest.raises(AttributeError, match="^nope$"):
        thing.nope()


def test_javascript_has_no_keyword_parameters():
    with pytest.raises(TypeError, match="positional"):

        class Bad(HostObject):
            @js_method
            def bad(self, *, only):
                return only


async def test_a_method_that_does_not_wait_is_done_at_once():
    thing = Thing()
    promise = thing.work(None, tag="x")
    assert thing._log == ["started", "done"]
    assert await promise == "x"
    assert await promise == "x"


async def test_a_method_that_waits_goes_on_in_a_task():
    thing = Thing()
    gate = asyncio.get_running_loop().create_future()
    promise = thing.work(gate)
    assert thing._log == ["started"]
    waiters = [asyncio.ensure_future(promise) for _ in range(3)]
    gate.set_result(None)
    await asyncio.gather(*waiters)
    assert thing._log == ["started", "done"]


@pytest.mark.parametrize("waits", [False, True])
async def test_errors_pass_through(waits):
    gate = asyncio.sleep(0) if waits else None
    promise = Thing().fail(gate)
    for _ in range(2):
        with pytest.raises(JsException, match="RangeError: far"):
            await promise


async def test_the_callers_context_is_left_alone():
    gate = asyncio.get_running_loop().create_future()
    promise = Thing().sets_var(gate)
    assert var.get() == "outer"
    gate.set_result(None)
    assert await promise == "inner"


async def test_a_task_of_its_own():
    assert await Thing().which_task() is not asyncio.current_task()


async def test_cancelling_an_awaiter_leaves_the_work():
    thing = Thing()
    gate = asyncio.get_running_loop().create_future()
    promise = thing.work(gate)
    waiter = asyncio.ensure_future(promise)
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    gate.set_result(None)
    await promise
    assert thing._log[-1] == "done"


async def test_unhandled_rejections_are_reported_and_handled_ones_are_not():
    reports = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context["exception"]))
    promise = Thing().fail(None)
    with pytest.raises(JsException):
        await promise
    del promise
    gc.collect()
    assert reports == []
    Thing().fail(None)
    gc.collect()
    assert [str(error) for error in reports] == ["RangeError: far"]


async def test_then_catch_finally():
    log = []
    assert await js.Promise.resolve(1).then(lambda value: value + 1).then(lambda value: value * 10) == 20
    assert await js.Promise.reject(js.Error.new("x")).catch(lambda error: error.message) == "x"
    await js.Promise.resolve(1).finally_(lambda: log.append("f"))
    assert log == ["f"]
    order = []
    promise = js.Promise.resolve(None).then(lambda _: order.append("callback"))
    order.append("after")
    await promise
    assert order == ["after", "callback"], "callbacks run when the code that added them has ended"


async def test_combinators():
    slow = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(slow.set_result, "slow")
    assert list(await js.Promise.all([1, js.Promise.resolve(2), slow])) == [1, 2, "slow"]
    with pytest.raises(JsException, match="bad"):
        await js.Promise.all([js.Promise.new(lambda *_: None), js.Promise.reject(js.Error.new("bad"))])
    settled = await js.Promise.allSettled([1, js.Promise.reject(js.Error.new("no"))])
    assert [entry.status for entry in settled] == ["fulfilled", "rejected"]
    assert settled[1].reason.message == "no"
    assert await js.Promise.race([js.Promise.new(lambda *_: None), js.Promise.resolve(3)]) == 3
    assert await js.Promise.any([js.Promise.reject(js.Error.new("no")), 4]) == 4
    made = js.Promise.withResolvers()
    made.resolve(5)
    assert await made.promise == 5


async def test_executor_and_thrown_values():
    assert await js.Promise.new(lambda resolve, reject: resolve(JsPromise._resolved("inner"))) == "inner"

    def explode(resolve, reject):
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await js.Promise.new(explode)
    with pytest.raises(JsException, match="just text"):
        await js.Promise.new(lambda resolve, reject: reject("just text"))
    assert await js.Promise.reject(JsObject({"a": 1})).catch(lambda reason: reason.a) == 1
