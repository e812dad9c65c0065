"""Streams: queues, back-pressure, cancelling, teeing, piping, transforming."""

import asyncio
import gc
import tracemalloc

import js
import pytest
from pyodide.ffi import create_proxy

from sandbox.runtime import exchange
from sandbox.runtime.values import JsArray, JsException, JsObject, Uint8Array, to_js
from sandbox.runtime.web.streams import stream_of


async def settle():
    """Let everything that can run now run."""
    for _ in range(20):
        await asyncio.sleep(0)


def counted(limit, high_water=1):
    """A stream of the numbers below `limit`, and the list of what was pulled."""
    pulled = []

    @create_proxy
    def pull(controller):
        if len(pulled) == limit:
            controller.close()
            return
        pulled.append(len(pulled))
        controller.enqueue(pulled[-1])

    strategy = JsObject({"highWaterMark": high_water})
    return js.ReadableStream.new(JsObject({"pull": pull}), strategy), pulled


async def test_reading():
    stream, _ = counted(3)
    reader = stream.getReader()
    assert stream.locked
    results = [await reader.read() for _ in range(4)]
    assert [(result.done, result.value) for result in results] == [(False, 0), (False, 1), (False, 2), (True, None)]
    await reader.closed
    with pytest.raises(JsException, match="locked"):
        stream.getReader()
    reader.releaseLock()
    assert not stream.locked
    with pytest.raises(JsException, match="released"):
        await reader.read()


async def test_pulling_stops_at_the_high_water_mark():
    stream, pulled = counted(100, high_water=3)
    await settle()
    assert len(pulled) == 3
    await stream.getReader().read()
    assert len(pulled) == 4


async def test_nothing_is_pulled_ahead_with_a_mark_of_zero():
    stream, pulled = counted(100, high_water=0)
    await settle()
    assert pulled == []
    assert (await stream.getReader().read()).value == 0


async def test_asynchronous_pull_and_start():
    started = asyncio.get_running_loop().create_future()

    async def start(controller):
        controller.enqueue("first")
        await started

    async def pull(controller):
        await asyncio.sleep(0)
        controller.enqueue("pulled")
        controller.close()

    stream = js.ReadableStream.new(start=start, pull=pull)
    reader = stream.getReader()
    assert (await reader.read()).value == "first"
    later = reader.read()
    await settle()
    assert not later._done, "pull waits for start"
    started.set_result(None)
    assert (await later).value == "pulled"
    assert (await reader.read()).done


async def test_errors_reach_the_reader():
    async def pull(controller):
        raise ValueError("source broke")

    for stream in (
        js.ReadableStream.new(start=lambda controller: controller.error(js.Error.new("told"))),
        js.ReadableStream.new(pull=pull),
    ):
        with pytest.raises((JsException, ValueError), match="told|source broke"):
            await stream.getReader().read()


async def test_cancel_tells_the_source():
    reasons = []
    stream = js.ReadableStream.new(cancel=reasons.append)
    await stream.cancel("enough")
    assert reasons == ["enough"]
    assert (await stream.getReader().read()).done


async def test_iteration_and_leaving_it():
    stream, _ = counted(3)
    assert [value async for value in stream] == [0, 1, 2]
    cancelled = []
    stream = js.ReadableStream.new(
        start=lambda controller: [controller.enqueue(n) for n in range(3)] and None, cancel=cancelled.append
    )
    iterator = aiter(stream)
    assert await anext(iterator) == 0
    await iterator.aclose()
    assert len(cancelled) == 1 and not stream.locked


async def test_tee():
    stream, pulled = counted(3, high_water=0)
    first, second = stream.tee()
    assert stream.locked
    reader = first.getReader()
    assert (await reader.read()).value == 0
    assert [value async for value in second] == [0, 1, 2]
    assert (await reader.read()).value == 1


async def test_closing_twice_and_late_chunks_are_errors():
    def start(controller):
        controller.close()
        with pytest.raises(JsException, match="^TypeError"):
            controller.close()
        with pytest.raises(JsException, match="^TypeError"):
            controller.enqueue(1)

    js.ReadableStream.new(start=start)


async def test_byob_reader():
    reader = stream_of(b"abcdef").getReader(mode="byob")
    result = await reader.read(js.Uint8Array.new(4))
    assert result.value.to_bytes() == b"abcd"
    result = await reader.read(js.Uint8Array.new(4))
    assert result.value.to_bytes() == b"ef"
    assert (await reader.read(js.Uint8Array.new(4))).done


async def test_a_writer_waits_for_the_sink():
    taken, gate = [], asyncio.Event()

    async def write(chunk, controller):
        taken.append(chunk)
        await gate.wait()

    stream = js.WritableStream.new(JsObject({"write": write, "close": lambda: taken.append("closed")}))
    writer = stream.getWriter()
    assert writer.desiredSize == 1
    first, second = writer.write("a"), writer.write("b")
    closing = writer.close()
    await settle()
    assert taken == ["a"] and writer.desiredSize < 1
    assert not first._done
    gate.set()
    await asyncio.gather(first, second, closing)
    assert taken == ["a", "b", "closed"]
    with pytest.raises(JsException, match="closed"):
        await writer.write("c")


async def test_ready_is_pending_while_the_queue_is_full():
    gate = asyncio.get_running_loop().create_future()
    writer = js.WritableStream.new(write=lambda chunk, controller: gate).getWriter()
    await writer.ready
    writing = writer.write("a")
    ready = writer.ready
    await settle()
    assert not ready._done
    gate.set_result(None)
    await asyncio.gather(writing, ready)


async def test_a_failing_sink_errors_the_stream():
    def write(chunk, controller):
        raise JsException("Error", "sink broke")

    writer = js.WritableStream.new(write=write).getWriter()
    for _ in range(2):
        with pytest.raises(JsException, match="sink broke"):
            await writer.write("a")
    with pytest.raises(JsException, match="sink broke"):
        await writer.closed


async def test_abort():
    reasons = []
    writer = js.WritableStream.new(abort=reasons.append, write=lambda *_: asyncio.sleep(3600)).getWriter()
    waiting = writer.write("a")
    await writer.abort("stop")
    assert reasons == ["stop"]
    with pytest.raises(JsException, match="stop"):
        await waiting


async def test_transform_back_pressure():
    stream = js.TransformStream.new()
    writer, reader = stream.writable.getWriter(), stream.readable.getReader()
    writing = writer.write("a")
    await settle()
    assert not writing._done, "nobody reads yet"
    assert (await reader.read()).value == "a"
    await writing
    closing = writer.close()
    assert (await reader.read()).done
    await closing


async def test_transformers_and_pipes():
    log = []
    upper = js.TransformStream.new(
        JsObject(
            {
                "start": lambda controller: log.append("start"),
                "transform": lambda chunk, controller: controller.enqueue(str(chunk) + "!"),
                "flush": lambda controller: controller.enqueue("end"),
            }
        )
    )
    stream, _ = counted(3)
    assert [value async for value in stream.pipeThrough(upper)] == ["0!", "1!", "2!", "end"]
    assert log == ["start"]


async def test_pipe_to_and_its_failures():
    taken = []
    sink = js.WritableStream.new(write=lambda chunk, controller: taken.append(chunk))
    stream, _ = counted(3)
    await stream.pipeTo(sink)
    assert taken == [0, 1, 2] and not sink.locked and not stream.locked

    cancelled = []
    source = js.ReadableStream.new(
        JsObject({"pull": lambda controller: controller.enqueue(1), "cancel": cancelled.append})
    )

    def broken(chunk, controller):
        raise JsException("Error", "full")

    with pytest.raises(JsException, match="full"):
        await source.pipeTo(js.WritableStream.new(write=broken))
    assert len(cancelled) == 1


@pytest.mark.parametrize("kind", ["gzip", "deflate", "deflate-raw"])
async def test_compression_round_trip(kind):
    data = b"sandbox " * 10_000
    packed = stream_of(data).pipeThrough(js.CompressionStream.new(kind))
    whole = await exchange.read_bytes(js.Response.new(packed.pipeThrough(js.DecompressionStream.new(kind))))
    assert whole == data


async def test_broken_compression():
    with pytest.raises(JsException, match="^TypeError"):
        await js.Response.new(stream_of(b"nonsense").pipeThrough(js.DecompressionStream.new("gzip"))).text()
    with pytest.raises(JsException, match="^TypeError"):
        js.CompressionStream.new("brotli")


async def test_text_streams():
    bytes_ = js.ReadableStream.from_([to_js("hé".encode()[:2]), to_js("hé".encode()[2:])])
    assert "".join([text async for text in bytes_.pipeThrough(js.TextDecoderStream.new())]) == "hé"
    encoded = js.ReadableStream.from_(["hé"]).pipeThrough(js.TextEncoderStream.new())
    assert [chunk.to_bytes() async for chunk in encoded] == ["hé".encode()]


async def test_fixed_length_stream():
    async def through(length):
        return await js.Response.new(stream_of(b"abc").pipeThrough(js.FixedLengthStream.new(length))).text()

    assert await through(3) == "abc"
    for wrong in (2, 4):
        with pytest.raises(JsException, match="^TypeError"):
            await through(wrong)


async def test_chunks_that_are_no_bytes():
    with pytest.raises(JsException, match="^TypeError"):
        await js.Response.new(js.ReadableStream.from_([JsArray([1])])).text()


@pytest.mark.parametrize("way", ["passed on", "read", "transformed"])
async def test_a_large_body_passes_in_little_memory(way):
    size, piece = 100 * 2**20, 2**16

    async def upload():
        for _ in range(size // piece):
            yield bytes(piece)

    request = exchange.incoming_request("PUT", "http://a/", [], upload())
    gc.collect()
    tracemalloc.start()
    try:
        if way == "passed on":
            body = js.Request.new(request, method="POST")
        elif way == "read":
            body = js.Response.new(request.body)
        else:
            body = js.Response.new(request.body.pipeThrough(js.IdentityTransformStream.new()))
        total = 0
        async for chunk in exchange.take_body(body):
            total += len(chunk)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == size
    assert peak < 10 * 2**20


async def test_a_streamed_body_is_pulled_only_as_it_is_read():
    produced = []

    async def source():
        for number in range(100):
            produced.append(number)
            yield b"x"

    response = js.Response.new(exchange.make_response(source()).body)
    chunks = exchange.take_body(response)
    assert await anext(chunks) == b"x"
    await settle()
    assert len(produced) <= 2
    await chunks.aclose()


async def test_leaving_a_body_closes_its_source():
    closed = []

    async def source():
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    body = exchange.make_response(source()).body
    reader = body.getReader()
    assert (await reader.read()).value.to_bytes() == b"x"
    await reader.cancel()
    await settle()
    assert closed == [True]
    assert isinstance(Uint8Array(1), Uint8Array)
