"""Starting, ports, stopping."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from sandbox.errors import UsageError
from sandbox.host import PortInUse, Server, who_listens
from sandbox.host.ports import open_sockets
from sandbox.runtime.exchange import make_response

from .conftest import PATIENCE, read_answer


async def hello(request):
    return make_response("hello")


def make_server(**options) -> Server:
    async def nothing(*args):
        return make_response("x")

    return Server(fetch_worker=nothing, resolve=lambda label: None, orchestrator=nothing, **options)


async def test_it_listens_on_both_loopback_addresses(serve) -> None:
    running = await serve(hello=hello)
    assert (await running.ask("/")).status == 200
    try:
        probe = socket.socket(socket.AF_INET6)
        probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    finally:
        probe.close()
    reader, writer = await asyncio.open_connection("::1", running.port)
    writer.write(f"GET / HTTP/1.1\r\nHost: [::1]:{running.port}\r\n\r\n".encode())
    assert (await read_answer(reader)).status == 200
    writer.close()


@pytest.mark.parametrize("ip", ["0.0.0.0", "::", "192.168.0.10", "example.com"])
def test_another_address_needs_a_token(ip: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_server(ip=ip)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    make_server(ip=ip, token="t0ken")


async def test_from_another_machine_the_token_is_asked_for(serve) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells which of our addresses would be used
            address = probe.getsockname()[0]
        except OSError:
            pytest.skip("this machine has no address but loopback")
    running = await serve({"ip": "0.0.0.0", "token": "t0ken", "allow_hosts": [address]}, hello=hello)

    async def ask(extra: str) -> int:
        reader, writer = await asyncio.open_connection(address, running.port)
        writer.write(f"GET /workers/hello/ HTTP/1.1\r\nHost: {address}:{running.port}\r\n{extra}\r\n".encode())
        answer = await asyncio.wait_for(read_answer(reader), PATIENCE)
        writer.close()
        return answer.status

    assert await ask("") == 403
    assert await ask("X-Sandbox-Token: wrong\r\n") == 403
    assert await ask("X-Sandbox-Token: t0ken\r\n") == 200
    assert await ask("Cookie: sandbox_token=t0ken\r\n") == 200


async def test_a_busy_port_says_who_has_it(serve) -> None:
    running = await serve(hello=hello)
    with pytest.raises(PortInUse) as caught:
        await make_server(port=running.port).start()
    assert f"process {os.getpid()}" in caught.value.message
    assert Path(sys.executable).name.partition(".")[0] in caught.value.message
    assert f"--port {running.port + 1}" in (caught.value.hint or "")


async def test_a_port_that_is_busy_on_one_address_only_is_busy() -> None:
    with socket.socket(socket.AF_INET6) as taken:
        try:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            taken.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        taken.listen()
        with pytest.raises(PortInUse):
            await make_server(port=taken.getsockname()[1]).start()


async def test_a_busy_port_of_a_worker_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = make_server(port=0, worker_ports={"a": 0, "b": taken.getsockname()[1]})
        with pytest.raises(PortInUse):
            await server.start()
    for opened in open_sockets("127.0.0.1", server.port):
        opened.close()


def test_nobody_listens_on_a_free_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        holder = who_listens(port)
        assert holder is not None and holder.pid == os.getpid()
    assert who_listens(port) is None
    assert who_listens(port, Path("/nonexistent")) is None


async def test_stop_lets_requests_in_flight_finish(serve) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request):
        begun.set()
        await go_on.wait()
        return make_response("late")

    running = await serve(slow=slow)
    asking = asyncio.create_task(running.ask("/workers/slow/"))
    await begun.wait()
    stopping = asyncio.create_task(running.server.stop(PATIENCE))
    while True:  # until it takes no new ones
        try:
            _, writer = await running.connect()
            writer.close()
        except ConnectionError:
            break
    go_on.set()
    assert (await asking).body == b"late"
    stopped = await stopping
    assert (stopped.finished, stopped.cut) == (1, 0)


async def test_stop_cuts_what_does_not_end_and_says_how_many(serve) -> None:
    begun = asyncio.Event()
    cancelled = []

    async def hangs(request):
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def streams(request):
        async def body():
            yield b"one"
            await asyncio.Event().wait()

        return make_response(body())

    running = await serve(hangs=hangs, streams=streams)
    asking = [asyncio.create_task(running.ask(f"/workers/{name}/")) for name in ("hangs", "streams")]
    await begun.wait()
    while running.server.requests_in_flight < 2:
        await asyncio.sleep(0)
    stopped = await asyncio.wait_for(running.server.stop(0.05), PATIENCE)
    assert (stopped.finished, stopped.cut) == (0, 2)
    for result in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(result, asyncio.IncompleteReadError | ConnectionError)
    assert cancelled == [True]


async def test_stop_closes_idle_connections_and_the_port_is_free_again(serve) -> None:
    running = await serve(hello=hello)
    reader, writer = await running.connect()
    writer.write(f"GET /workers/hello/ HTTP/1.1\r\nHost: localhost:{running.port}\r\n\r\n".encode())
    assert (await read_answer(reader)).body == b"hello"
    await running.server.stop()
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    writer.close()
    for opened in open_sockets("127.0.0.1", running.port):
        opened.close()
