"""What a client sees of failures, and what it does not."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.errors import WorkerFailed, WorkerUnavailable
from sandbox.runtime.exchange import make_response

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def failed(cause: BaseException) -> WorkerFailed:
    error = WorkerFailed("bad", f"bad raised {type(cause).__name__}: {cause}")
    error.__cause__ = cause
    return error


async def bad(request):
    raise failed(ValueError("<script>alert(1)</script> s3cret"))


async def test_json_for_a_program(serve) -> None:
    running = await serve(bad=bad)
    answer = await running.ask("/workers/bad/")
    assert (answer.status, answer.get("content-type")) == (500, "application/json")
    error = answer.json()["error"]
    assert answer.json()["success"] is False
    assert (error["code"], error["error_code"], error["worker"]) == ("worker_exception", 1101, "bad")
    assert error["traceback"].startswith("Traceback")
    assert [worker for worker, _ in running.errors] == ["bad"]


async def test_html_for_a_browser_with_everything_escaped(serve) -> None:
    running = await serve(bad=bad)
    answer = await running.ask("/", host="bad.localhost", headers=BROWSER)
    text = answer.body.decode()
    assert (answer.status, answer.get("content-type")) == (500, "text/html; charset=utf-8")
    assert "1101" in text and "&lt;script&gt;" in text and "<script" not in text
    assert "Traceback: &lt;b&gt;ValueError" in text
    assert "default-src 'none'" in (answer.get("content-security-policy") or "")


async def test_no_secret_in_either(serve) -> None:
    running = await serve(bad=bad)
    for headers in (BROWSER, {}):
        answer = await running.ask("/workers/bad/", headers=headers)
        assert b"s3cret" not in answer.body and b"***" in answer.body


async def test_a_worker_that_does_not_load_is_503_with_the_import_error(serve) -> None:
    async def broken(request):
        error = WorkerUnavailable("broken", "broken does not load: no module named numpy", hint="uv add numpy")
        error.__cause__ = ModuleNotFoundError("No module named 'numpy'")
        raise error

    running = await serve(broken=broken)
    answer = await running.ask("/workers/broken/")
    assert answer.status == 503
    assert answer.json()["error"]["hint"] == "uv add numpy"
    assert "ModuleNotFoundError" in answer.json()["error"]["traceback"]
    page = await running.ask("/workers/broken/", headers=BROWSER)
    assert page.status == 503 and b"uv add numpy" in page.body and b"1101" not in page.body


class Odd(BaseException):
    pass


@pytest.mark.parametrize(
    "kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, Odd, MemoryError, RecursionError]
)
async def test_no_exception_ends_the_process(serve, kind: type[BaseException]) -> None:
    async def odd(request):
        raise kind("odd")

    running = await serve(odd=odd)
    for _ in range(2):
        assert (await running.ask("/workers/odd/")).status == 500
    assert len(running.errors) == 2
    assert running.server.requests_in_flight == 0


async def test_a_worker_that_cancels_its_own_task_gets_a_500(serve) -> None:
    async def cancels(request):
        asyncio.current_task().cancel()
        await asyncio.sleep(3600)

    running = await serve(cancels=cancels)
    assert (await running.ask("/workers/cancels/")).status == 500


async def test_a_bug_of_ours_tells_its_type_and_no_more(serve) -> None:
    running = await serve()
    answer = await running.ask("/broken")
    assert answer.status == 500
    assert answer.json()["error"]["code"] == "internal"
    assert b"s3cret" not in answer.body and b"a bug with" not in answer.body
    assert isinstance(running.errors[0][1], RuntimeError)


async def test_errors_of_the_orchestrator_keep_their_status_and_hint(serve) -> None:
    running = await serve()
    answer = await running.ask("/missing", headers=BROWSER)
    assert answer.status == 404
    assert answer.json() == {
        "success": False,
        "error": {"code": "not_found", "message": "nothing here", "hint": "look elsewhere"},
    }
    assert not running.errors


async def test_an_answer_without_a_usable_status_is_the_workers_failure(serve) -> None:
    async def zero(request):
        return make_response(None, status=0)

    running = await serve(zero=zero)
    assert (await running.ask("/workers/zero/")).json()["error"]["code"] == "worker_exception"


async def test_a_body_that_was_used_is_the_workers_failure(serve) -> None:
    async def used(request):
        response = make_response("x")
        response._used = True
        return response

    running = await serve(used=used)
    assert (await running.ask("/workers/used/")).json()["error"]["code"] == "worker_exception"


async def test_stale_answers_say_so(serve) -> None:
    async def hello(request):
        return make_response("old")

    running = await serve(hello=hello)
    assert (await running.ask("/workers/hello/")).get("x-sandbox-stale") is None
    running.stale.add("hello")
    assert (await running.ask("/workers/hello/")).get("x-sandbox-stale") == "1"


async def test_head_of_an_error_has_no_body(serve) -> None:
    running = await serve(bad=bad)
    reader, writer = await running.connect()
    for _ in range(2):
        writer.write(f"HEAD /workers/bad/ HTTP/1.1\r\nHost: localhost:{running.port}\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 500")
    writer.close()
