"""Those who see a finished outbound call whole, and those who stand around one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from sandbox.egress.observing import KEPT, Exchange
from sandbox.runtime.exchange import json_response, make_response, read_bytes, read_text
from sandbox.runtime.values import JsException


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def echo(request):
    return make_response(chunks(b"you said ", await read_bytes(request)), headers={"x-a": "1"})


def watch(made) -> list[Exchange]:
    seen: list[Exchange] = []
    made.egress.observers.append(lambda call: seen.append)
    return seen


async def test_a_finished_call_is_seen_whole(outside) -> None:
    made = outside(urls={"http://echo.test": "echo"}, echo=echo)
    seen = watch(made)
    response = await made.fetch("http://echo.test/p?q=1", method="POST", body=chunks(b"a", b"b"), headers={"x-b": "2"})
    assert seen == []  # its body has not ended
    assert await read_text(response) == "you said ab"
    (ended,) = seen
    assert (ended.worker, ended.method, ended.url, ended.by) == (
        "caller",
        "POST",
        "http://echo.test/p?q=1",
        "worker:echo",
    )
    assert (ended.request_body, ended.status, ended.response_body) == (b"ab", 200, b"you said ab")
    assert ("x-b", "2") in ended.request_headers and ("x-a", "1") in ended.response_headers
    assert ended.complete and ended.error is None


async def test_each_hop_of_a_redirect_is_seen(outside) -> None:
    async def moved(request):
        if request.url.endswith("/old"):
            return make_response(None, status=302, headers={"location": "/new"})
        return json_response({"here": True})

    made = outside(urls={"http://moved.test": "moved"}, moved=moved)
    seen = watch(made)
    await read_text(await made.fetch("http://moved.test/old"))
    assert [(ended.url, ended.status) for ended in seen] == [
        ("http://moved.test/old", 302),
        ("http://moved.test/new", 200),
    ]


async def test_a_refusal_is_seen_with_its_reason(outside) -> None:
    made = outside()
    seen = watch(made)
    with pytest.raises(JsException):
        await made.fetch("https://example.test/")
    (ended,) = seen
    assert (ended.status, ended.by) == (0, "refused") and "offline" in (ended.error or "")


async def test_a_cancelled_call_is_seen(outside) -> None:
    async def never(request):
        await asyncio.Event().wait()

    made = outside(urls={"http://never.test": "never"}, never=never)
    seen = watch(made)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(made.fetch("http://never.test/"), 0.01)
    assert [(ended.status, ended.error) for ended in seen] == [(0, "CancelledError")]


async def test_a_body_dropped_half_way_is_seen_as_incomplete(outside) -> None:
    async def long(request):
        return make_response(chunks(b"one", b"two"))

    made = outside(urls={"http://long.test": "long"}, long=long)
    seen = watch(made)
    response = await made.fetch("http://long.test/")
    await response.body.cancel()
    (ended,) = seen
    assert not ended.complete


async def test_what_is_too_long_is_not_kept(outside) -> None:
    async def long(request):
        return make_response(chunks(b"x" * KEPT, b"y"))

    made = outside(urls={"http://long.test": "long"}, long=long)
    seen = watch(made)
    assert len(await read_bytes(await made.fetch("http://long.test/"))) == KEPT + 1
    assert seen[0].response_body is None and seen[0].complete


async def test_an_observer_may_decline(outside) -> None:
    made = outside(urls={"http://echo.test": "echo"}, echo=echo)
    made.egress.observers.append(lambda call: None)
    assert await read_text(await made.fetch("http://echo.test/")) == "you said "


async def test_an_interceptor_answers_before_every_rule(outside) -> None:
    async def answer(call, go_on):
        call.by = "replay"
        return make_response("again")

    made = outside(urls={"http://echo.test": "echo"}, echo=echo)
    made.egress.around.append(answer)
    seen = watch(made)
    for url in ("http://echo.test/", "https://example.test/", "http://localhost:8787/api/data/x"):
        assert await read_text(await made.fetch(url)) == "again"
    assert [(event["by"], event["status"], event["bytes"]) for event in made.events] == [("replay", 200, 5)] * 3
    assert [(ended.by, ended.response_body) for ended in seen] == [("replay", b"again")] * 3


async def test_interceptors_change_call_and_answer_the_first_outermost(outside) -> None:
    def tag(name):
        async def around(call, go_on):
            changed = replace(call, headers=[*call.headers, ("x-way", name)])
            response = await go_on(changed)
            return make_response(f"{name}({await read_text(response)})", status=202)

        return around

    async def way(request):
        return make_response(request.headers.get("x-way"))

    made = outside(urls={"http://way.test": "way"}, way=way)
    made.egress.around += [tag("a"), tag("b")]
    response = await made.fetch("http://way.test/")
    assert (response.status, await read_text(response)) == (202, "a(b(a, b))")
    assert [event["by"] for event in made.events] == ["worker:way"]


async def test_an_interceptor_that_breaks_the_connection_is_counted_once(outside) -> None:
    async def drop(call, go_on):
        call.by = "fault"
        raise JsException("TypeError", "Network connection lost.")

    made = outside(urls={"http://echo.test": "echo"}, echo=echo)
    made.egress.around.append(drop)
    with pytest.raises(JsException, match="lost"):
        await made.fetch("http://echo.test/")
    assert [(event["by"], event["status"]) for event in made.events] == [("fault", 0)]
