"""Bodies, headers and framing in both directions, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib

import pytest

from sandbox.errors import WorkerFailed
from sandbox.host.convert import READ_AT_ONCE
from sandbox.host.wire import build_head
from sandbox.runtime.exchange import header, header_pairs, json_response, make_response, read_bytes, take_body

from .conftest import PATIENCE, read_answer, read_chunks, read_head

MIB = 1024 * 1024


async def mirror(request):
    return make_response(take_body(request), headers={"content-type": header(request, "content-type") or "x/y"})


async def count(request):
    total = pieces = 0
    body = take_body(request)
    if isinstance(body, bytes):
        total, pieces = len(body), 1
    elif body is not None:
        async for chunk in body:
            total += len(chunk)
            pieces += 1
    return json_response({"total": total, "pieces": pieces})


async def chunked(running, path: str, chunks: list[bytes], host: str = "localhost"):
    reader, writer = await running.connect()
    writer.write(f"POST {path} HTTP/1.1\r\nHost: {host}:{running.port}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for chunk in chunks:
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    answer = await asyncio.wait_for(read_answer(reader), PATIENCE)
    writer.close()
    return answer


async def test_a_small_body_goes_in_and_out(serve) -> None:
    running = await serve(mirror=mirror)
    answer = await running.ask("/workers/mirror/", method="POST", body=b"\x00\xff" * 100)
    assert answer.body == b"\x00\xff" * 100
    assert answer.get("content-length") == "200"
    assert answer.get("content-type") == "x/y"


async def test_bodies_over_the_first_read_are_streams(serve) -> None:
    running = await serve(count=count)
    answer = await running.ask("/workers/count/", method="PUT", body=bytes(READ_AT_ONCE + 1))
    assert answer.json()["total"] == READ_AT_ONCE + 1
    answer = await chunked(running, "/workers/count/", [b"a", b"bc", b"def"])
    assert answer.json()["total"] == 6


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_get_and_head_have_no_body(serve, method: str) -> None:
    async def body(request):
        return make_response(None, status=200 if take_body(request) is None else 500)

    running = await serve(body=body)
    assert (await running.ask("/workers/body/", method=method, body=b"x")).status == 200


async def test_headers_come_in_and_go_out_as_they_are(serve) -> None:
    async def headers(request):
        pairs = header_pairs(request)
        given = dict(pairs)
        return make_response(
            given["x-utf8"],
            headers=[
                ("Set-Cookie", "a=1; Path=/"),
                ("set-cookie", "b=2"),
                ("X-Two", given["x-two"]),
                ("connection", "upgrade"),
            ],
        )

    running = await serve(headers=headers)
    raw = "GET /workers/headers/ HTTP/1.1\r\nHost: localhost:{}\r\nX-Two: 1\r\nx-two: 2\r\nX-Utf8: ü\r\n\r\n"
    answer = await running.raw(raw.format(running.port).encode())
    assert answer.all("set-cookie") == ["a=1; Path=/", "b=2"]
    assert answer.get("x-two") == "1, 2"
    assert answer.body.decode() == "ü"
    assert answer.get("connection") is None
    assert answer.get("server") is None
    assert answer.get("date")


async def test_bytes_that_are_no_utf8_do_not_break_a_header(serve) -> None:
    async def shown(request):
        return make_response(header(request, "x-raw"))

    running = await serve(shown=shown)
    data = b"GET /workers/shown/ HTTP/1.1\r\nHost: localhost:%d\r\nX-Raw: a\xffb\r\n\r\n" % running.port
    assert (await running.raw(data)).body.decode() == "a\ufffdb"


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_null_body_statuses(serve, status: int) -> None:
    async def empty(request):
        return make_response(None, status=status, headers={"etag": '"x"'})

    running = await serve(empty=empty)
    reader, writer = await running.connect()
    for _ in range(2):  # the connection is in step after it
        writer.write(f"GET /workers/empty/ HTTP/1.1\r\nHost: localhost:{running.port}\r\n\r\n".encode())
        answer = await read_answer(reader)
        assert (answer.status, answer.body, answer.get("etag")) == (status, b"", '"x"')
        assert answer.get("content-length") == ("0" if status == 205 else None)
    writer.close()


async def test_head_has_the_length_and_no_body(serve) -> None:
    async def page(request):
        if request.url.endswith("/declared"):
            return make_response(None, headers={"content-length": "1234"})
        return make_response("hello")

    running = await serve(page=page)
    answer = await running.ask("/workers/page/", method="HEAD")
    assert (answer.get("content-length"), answer.body) == ("5", b"")
    assert (await running.ask("/workers/page/declared", method="HEAD")).get("content-length") == "1234"


async def test_an_empty_answer_says_so(serve) -> None:
    async def empty(request):
        return make_response(None)

    running = await serve(empty=empty)
    answer = await running.ask("/workers/empty/")
    assert (answer.status, answer.get("content-length"), answer.get("content-type")) == (200, "0", None)


async def test_a_stream_goes_out_piece_by_piece(serve) -> None:
    go_on = asyncio.Event()

    async def two():
        yield b"one"
        await go_on.wait()
        yield b""
        yield b"two"

    async def stream(request):
        return make_response(two())

    running = await serve(stream=stream)
    reader, writer = await running.connect()
    writer.write(f"GET /workers/stream/ HTTP/1.1\r\nHost: localhost:{running.port}\r\n\r\n".encode())
    _, headers = await read_head(reader)
    assert dict(headers)["transfer-encoding"] == "chunked"
    chunks = read_chunks(reader)
    assert await anext(chunks) == b"one"  # while the rest is not there yet
    go_on.set()
    assert [chunk async for chunk in chunks] == [b"two"]
    writer.write(f"GET /workers/stream/ HTTP/1.1\r\nHost: localhost:{running.port}\r\n\r\n".encode())
    assert (await read_answer(reader)).body == b"onetwo"
    writer.close()


async def test_http_1_0_gets_a_stream_until_the_end_of_the_connection(serve) -> None:
    async def stream(request):
        async def body():
            yield b"one"
            yield b"two"

        return make_response(body())

    running = await serve(stream=stream)
    answer = await running.raw(f"GET /workers/stream/ HTTP/1.0\r\nHost: localhost:{running.port}\r\n\r\n".encode())
    assert answer.body == b"onetwo"
    assert answer.get("transfer-encoding") is None
    assert answer.get("connection") == "close"


async def test_a_stream_of_declared_length_is_not_chunked(serve) -> None:
    async def stream(request):
        async def body():
            yield b"12345"

        declared = request.url.rpartition("/")[2]
        return make_response(body(), headers={"content-length": declared})

    running = await serve(stream=stream)
    answer = await running.ask("/workers/stream/5")
    assert (answer.body, answer.get("transfer-encoding")) == (b"12345", None)
    for wrong in ("4", "6"):
        with pytest.raises(asyncio.IncompleteReadError):
            await running.ask(f"/workers/stream/{wrong}") if wrong == "6" else await cut(running, wrong)
    assert len(running.errors) == 2


async def cut(running, declared: str):
    answer = await running.ask(f"/workers/stream/{declared}")
    raise asyncio.IncompleteReadError(answer.body, None)


async def test_a_stream_that_fails_cuts_the_connection(serve) -> None:
    async def stream(request):
        async def body():
            yield b"one"
            raise ValueError("half way")

        return make_response(body())

    running = await serve(stream=stream)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ValueError)):
        await running.ask("/workers/stream/")
    assert [(worker, str(error)) for worker, error in running.errors] == [("stream", "half way")]


async def test_a_client_that_leaves_ends_the_stream(serve) -> None:
    closed = asyncio.Event()

    async def stream(request):
        async def body():
            try:
                yield b"one"
                await asyncio.Event().wait()
            finally:
                closed.set()

        return make_response(body())

    running = await serve(stream=stream)
    reader, writer = await running.connect()
    writer.write(f"GET /workers/stream/ HTTP/1.1\r\nHost: localhost:{running.port}\r\n\r\n".encode())
    await read_head(reader)
    writer.close()
    await asyncio.wait_for(closed.wait(), PATIENCE)
    assert not running.errors
    assert (await running.ask("/")).status == 200


async def test_a_client_that_leaves_does_not_end_the_handler(serve) -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(request):
        begun.set()
        await go_on.wait()
        ended.set()
        return make_response("late")

    running = await serve(slow=slow)
    _, writer = await running.connect()
    writer.write(f"GET /workers/slow/ HTTP/1.1\r\nHost: localhost:{running.port}\r\n\r\n".encode())
    await begun.wait()
    writer.transport.abort()
    await running.ask("/")
    go_on.set()
    await asyncio.wait_for(ended.wait(), PATIENCE)
    assert not running.errors


async def test_the_workers_reading_holds_the_client_back(serve) -> None:
    go_on = asyncio.Event()

    async def slow(request):
        await go_on.wait()
        return json_response(len(await read_bytes(request)))

    running = await serve(slow=slow)
    _, writer = await running.connect()
    writer.transport.set_write_buffer_limits(high=MIB)
    writer.write(
        f"POST /workers/slow/ HTTP/1.1\r\nHost: localhost:{running.port}\r\nContent-Length: {64 * MIB}\r\n\r\n".encode()
    )
    sent = 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            while True:
                writer.write(bytes(MIB))
                await writer.drain()
                sent += 1
    assert sent < 32  # kernel buffers hold some of it, the sandbox nothing
    writer.transport.abort()
    go_on.set()


async def test_100_mib_pass_through_with_under_10_mib_of_memory(serve) -> None:
    running = await serve(mirror=mirror)
    size = 100 * MIB
    reader, writer = await running.connect()
    block = bytes(256 * 1024)

    async def upload() -> None:
        for _ in range(size // len(block)):
            writer.write(block)
            await writer.drain()

    tracemalloc.start()
    try:
        writer.write(
            f"POST /workers/mirror/ HTTP/1.1\r\nHost: localhost:{running.port}\r\nContent-Length: {size}\r\n\r\n".encode()
        )
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        uploading = asyncio.create_task(upload())
        status, _ = await read_head(reader)
        received = 0
        async for chunk in read_chunks(reader):
            received += len(chunk)
        peak = tracemalloc.get_traced_memory()[1] - before
        await uploading
    finally:
        tracemalloc.stop()
    writer.close()
    assert (status, received) == (200, size)
    assert peak < 10 * MIB


async def test_a_body_over_the_limit_is_413(serve) -> None:
    running = await serve({"max_body": MIB}, count=count)
    for path in ("/workers/count/", "/api/data"):
        answer = await running.ask(path, method="POST", body=bytes(MIB + 1))
        assert answer.status == 413
        assert answer.json()["error"]["code"] == "body_too_large"
    assert (await running.ask("/workers/count/", method="POST", body=bytes(MIB))).json()["total"] == MIB


async def test_a_stream_over_the_limit_is_413_when_it_gets_there(serve) -> None:
    async def failing(request):
        try:
            return await count(request)
        except Exception as error:
            raise WorkerFailed("failing", "it raised") from error

    running = await serve({"max_body": MIB}, count=count, failing=failing)
    for name in ("count", "failing"):
        answer = await chunked(running, f"/workers/{name}/", [bytes(256 * 1024)] * 5)
        assert answer.status == 413
    assert (await chunked(running, "/workers/count/", [bytes(256 * 1024)] * 4)).json()["total"] == MIB


async def test_expect_100_continue(serve) -> None:
    running = await serve({"max_body": MIB}, count=count)
    reader, writer = await running.connect()
    head = "POST /workers/count/ HTTP/1.1\r\nHost: localhost:{}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n"
    writer.write(head.format(running.port, 3).encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    assert (await read_answer(reader)).json()["total"] == 3
    writer.write(head.format(running.port, 2 * MIB).encode())
    assert (await read_answer(reader)).status == 413  # and no "go on" before it
    writer.close()


async def test_a_body_nobody_read_does_not_spoil_the_connection(serve) -> None:
    async def ignore(request):
        return make_response("ok")

    running = await serve(ignore=ignore)
    reader, writer = await running.connect()
    for _ in range(2):
        writer.write(
            f"POST /workers/ignore/ HTTP/1.1\r\nHost: localhost:{running.port}\r\nContent-Length: {MIB}\r\n\r\n".encode()
            + bytes(MIB)
        )
        assert (await asyncio.wait_for(read_answer(reader), PATIENCE)).body == b"ok"
    writer.close()


TEXT = b"hello " * 100


def encoded(encoding: str, body, mode: str = "automatic"):
    response = make_response(body, headers={"content-encoding": encoding, "content-length": str(len(TEXT))})
    response._encode_body = mode
    return response


async def stream_of(data: bytes):
    for start in range(0, len(data), 100):
        yield data[start : start + 100]


@pytest.mark.parametrize("streamed", [False, True])
async def test_automatic_encoding_packs_gzip(serve, streamed: bool) -> None:
    async def packed(request):
        return encoded("gzip", stream_of(TEXT) if streamed else TEXT)

    running = await serve(packed=packed)
    answer = await running.ask("/workers/packed/")
    assert answer.get("content-encoding") == "gzip"
    assert gzip.decompress(answer.body) == TEXT


async def test_manual_encoding_and_other_codings_pass_as_they_are(serve) -> None:
    async def packed(request):
        if request.url.endswith("/manual"):
            response = make_response(gzip.compress(TEXT), headers={"content-encoding": "gzip"})
            response._encode_body = "manual"
            return response
        return make_response(zlib.compress(TEXT), headers={"content-encoding": "deflate"})

    running = await serve(packed=packed)
    answer = await running.ask("/workers/packed/manual")
    assert gzip.decompress(answer.body) == TEXT
    answer = await running.ask("/workers/packed/deflate")
    assert (zlib.decompress(answer.body), answer.get("content-encoding")) == (TEXT, "deflate")


async def test_br_goes_out_plain(serve) -> None:
    async def packed(request):
        return encoded("br", TEXT)

    running = await serve(packed=packed)
    answer = await running.ask("/workers/packed/")
    assert (answer.body, answer.get("content-encoding")) == (TEXT, None)


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\rb", "a\0b"])
def test_no_header_ends_its_line(value: str) -> None:
    for pair in (("x", value), (value, "x")):
        with pytest.raises(ValueError):
            build_head(200, [pair])


async def test_a_header_with_a_line_break_never_gets_out(serve) -> None:
    async def split(request):
        response = make_response("x", headers={"a": "b"})
        response.headers._map["a"] = "b\r\nset-cookie: evil=1"
        return response

    running = await serve(split=split)
    answer = await running.ask("/workers/split/")
    assert (answer.status, answer.get("set-cookie")) == (500, None)
