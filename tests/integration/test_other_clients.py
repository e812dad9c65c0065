"""Whatever client worker code uses, it meets the same rules: nothing gets out but where it may."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest

from sandbox.app.hosting import Hosting
from sandbox.egress import OutboundRefused
from sandbox.egress.addresses import refusal
from sandbox.events.queries import Filter, oldest
from sandbox.runtime.context import WorkerContext, current_worker
from sandbox.runtime.exchange import new_request, read_json

CLIENTS = """
import asyncio, http.client, os, socket, subprocess, threading, urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import httpx
import requests
from workers import Response, WorkerEntrypoint


def raw(url):
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), 5) as sock:
        sock.sendall(f"GET / HTTP/1.0\\r\\n\\r\\n".encode())
        return sock.recv(1000).decode()


async def with_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()


async def with_streams(url):
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    text = await reader.read()
    writer.close()
    return text.decode()


async def in_a_pool(url):
    return await asyncio.get_running_loop().run_in_executor(None, raw, url)


async def in_a_pool_of_its_own(url):
    with ThreadPoolExecutor(1) as pool:
        return await asyncio.wrap_future(pool.submit(raw, url))


async def in_a_thread(url):
    found, done = [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def work():
        try:
            found.append(raw(url))
        except Exception as error:
            found.append(error)
        loop.call_soon_threadsafe(done.set)

    threading.Thread(target=work).start()
    await done.wait()
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


async def datagram(url):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return str(sock.sendto(b"x", (urlsplit(url).hostname, urlsplit(url).port)))


async def lookup(url):
    return str(socket.getaddrinfo(urlsplit(url).hostname, 80))


async def unix(url):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("/nowhere/docker.sock")


async def process(url):
    return subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout


async def shell(url):
    return str(os.system("true"))


WAYS = {
    "requests": lambda url: requests.get(url, timeout=5).text,
    "urllib": lambda url: urllib.request.urlopen(url, timeout=5).read().decode(),
    "http.client": lambda url: http.client.HTTPConnection(urlsplit(url).hostname, urlsplit(url).port, 5).request("GET", "/"),
    "httpx sync": lambda url: httpx.get(url).text,
    "raw": raw,
    "aiohttp": with_aiohttp,
    "streams": with_streams,
    "pool": in_a_pool,
    "own pool": in_a_pool_of_its_own,
    "thread": in_a_thread,
    "datagram": datagram,
    "lookup": lookup,
    "unix": unix,
    "process": process,
    "shell": shell,
}


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        asked = dict(parse_qsl(urlsplit(request.url).query))
        try:
            found = WAYS[asked["way"]](asked["url"])
            found = await found if asyncio.iscoroutine(found) else found
        except Exception as error:
            return Response.json({"error": type(error).__name__, "text": str(error), "os": isinstance(error, OSError)})
        return Response.json({"found": found})
"""
NAMED = [
    "requests",
    "urllib",
    "http.client",
    "httpx sync",
    "raw",
    "aiohttp",
    "streams",
    "pool",
    "own pool",
    "thread",
    "lookup",
]


@pytest.fixture
def server() -> Iterator[int]:
    """A server on this machine; its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


@pytest.fixture
def ask(start, worker):
    """`await ask(way, url, egress=mode)`: what the worker's client got or raised, and the events of it."""
    running = {}

    async def ask(way: str, url: str, *, egress: str = "offline", open_loopback: bool = False, **options):
        if egress not in running:
            worker("clients", CLIENTS)
            running[egress] = await start(egress=egress, **options)
        sandbox = running[egress]
        if open_loopback:  # so that a server of this test can be the internet
            sandbox.egress.sockets._refuse = lambda address: None if address == "127.0.0.1" else refusal(address)
        events = []
        undo = sandbox.events.subscribe(lambda event: events.append(event.fields), "outbound")
        request = new_request(f"http://clients.localhost/?way={way.replace(' ', '+')}&url={url.replace('&', '%26')}")
        answer = await read_json(await sandbox.fetch("clients", request))
        await asyncio.sleep(0)  # what a thread told comes with the loop's next turn
        undo()
        return answer, events

    ask.running = running
    return ask


async def test_offline_holds_for_every_client(ask) -> None:
    for way in NAMED:
        answer, events = await ask(way, "http://service.test:81/")
        assert "service.test" in answer["text"], way
        assert "this sandbox is offline. Start it with `--egress online`" in answer["text"], way
        assert answer["os"] or answer["error"] == "ConnectError"
        assert {(event["by"], event["worker"], event["status"]) for event in events} == {("refused", "clients", 0)}
        assert events[0]["url"].startswith("tcp://service.test")
        if way == "aiohttp":
            continue  # it looks names up in a task of its own, which no line of the worker's leads to
        place, _, line = events[0]["place"].rpartition(":")
        assert place == "workers/clients/src/entry.py" and CLIENTS.splitlines()[int(line) - 1].strip(), way


@pytest.mark.parametrize("mode", ["offline", "replay", "record", "online"])
async def test_this_machine_is_closed_in_every_mode(ask, server, mode: str) -> None:
    words = {"offline": "offline", "online": "a loopback address, which workers may not reach"}
    for way in ("requests", "raw", "aiohttp", "streams", "thread", "pool", "datagram"):
        answer, events = await ask(way, f"http://127.0.0.1:{server}/", egress=mode)
        assert words.get(mode, f"egress mode {mode}") in answer["text"], way
        if mode in words:
            assert f'with upstream = "http://127.0.0.1:{server}"' in answer["text"], way
        assert [event["by"] for event in events][:1] == ["refused"]


async def test_online_reaches_public_addresses_only(ask) -> None:
    for address, kind in {
        "10.1.2.3": "private",
        "169.254.169.254": "link-local",
        "100.64.1.1": "carrier-grade NAT",
        "[fc00::1]": "unique local",
        "[::ffff:10.0.0.1]": "private",
        "[::1]": "loopback",
        "0.0.0.0": "unspecified",
    }.items():
        for way in ("requests", "aiohttp"):
            answer, _ = await ask(way, f"http://{address}:81/", egress="online")
            assert f"it is a {kind} address, which workers may not reach" in answer["text"]


async def test_online_lets_out_and_counts(ask, server) -> None:
    for way in ("requests", "urllib", "httpx sync", "raw", "aiohttp", "streams", "pool", "own pool", "thread"):
        answer, events = await ask(way, f"http://127.0.0.1:{server}/", egress="online", open_loopback=True)
        assert "hello" in answer["found"], way
        assert [(event["by"], event["url"]) for event in events] == [("socket", f"tcp://127.0.0.1:{server}")]


@pytest.mark.parametrize("mode", ["offline", "online"])
async def test_sockets_in_the_file_system_are_closed(ask, mode: str) -> None:
    answer, _ = await ask("unix", "http://x/", egress=mode)
    assert "/nowhere/docker.sock refused" in answer["text"]


async def test_workers_start_no_process_as_on_cloudflare(ask) -> None:
    for way in ("process", "shell"):
        answer, events = await ask(way, "http://x/", egress="online")
        assert answer["os"] and "processes cannot be started by workers" in answer["text"]
        assert [(event["by"], event["method"]) for event in events] == [("refused", "EXEC")]


@pytest.mark.parametrize("mode", ["offline", "replay", "online"])
async def test_our_own_address_is_reached_in_every_mode(ask, mode: str) -> None:
    port = free_port()
    for way in ("aiohttp", "streams", "thread", "pool"):
        answer, events = await ask(way, f"http://127.0.0.1:{port}/", egress=mode, port=port)
        assert "found" in answer, answer
        assert events == []


async def test_a_blocking_call_of_our_own_address_would_wait_for_ever(ask) -> None:
    port = free_port()
    answer, _ = await ask("requests", f"http://127.0.0.1:{port}/", port=port)
    assert "it would wait for the sandbox, which waits for it" in answer["text"]


async def test_what_is_not_a_workers_passes(start, worker, server) -> None:
    worker("clients", CLIENTS)
    sandbox = await start()
    assert current_worker.get() is None
    with socket.create_connection(("127.0.0.1", server)) as sock:
        sock.sendall(b"x")
    assert subprocess.run([sys.executable, "-c", ""]).returncode == 0
    await read_json(
        await sandbox.fetch("clients", new_request("http://clients.localhost/?way=lookup&url=http://127.0.0.1/"))
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", server)
    writer.write(b"x")
    assert b"hello" in await reader.read()
    writer.close()


async def test_threads_are_left_alone_when_no_sandbox_runs(start, worker) -> None:
    worker("clients", CLIENTS)
    plain, submit = threading.Thread.start, ThreadPoolExecutor.submit
    sandbox = await start()
    assert threading.Thread.start is not plain and ThreadPoolExecutor.submit is not submit
    await sandbox.stop()
    assert threading.Thread.start is plain and ThreadPoolExecutor.submit is submit


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


async def test_a_tests_own_sockets_are_its_own_and_the_workers_are_not(start, worker, server) -> None:
    """Where both run under one context, the frames tell them apart."""
    worker("clients", CLIENTS)
    sandbox = await start()
    code = {"__name__": "sandbox_workers.clients_g1.entry", "socket": socket}
    exec("def reach(port):\n    socket.create_connection(('127.0.0.1', port)).close()", code)
    before = current_worker.get()
    current_worker.set(WorkerContext("test", outbound=sandbox.egress, shared=True))
    try:
        socket.create_connection(("127.0.0.1", server)).close()
        assert subprocess.run([sys.executable, "-c", ""]).returncode == 0
        with pytest.raises(OutboundRefused, match="offline"):
            code["reach"](server)
    finally:
        current_worker.set(before)


async def test_the_event_log_knows_of_them(ask, start) -> None:
    await ask("requests", "http://service.test:81/")
    log = ask.running["offline"].recording.log
    found = await log.read(lambda reader: oldest(reader, Filter(kinds=("outbound",)), 10))
    assert [(entry.worker, entry.fields["url"], entry.fields["by"]) for entry in found] == [
        ("clients", "tcp://service.test:81", "refused")
    ]


@pytest.mark.parametrize(
    ("way", "row", "by"),
    [
        ("requests", "http-client", "requests"),
        ("httpx sync", "http-client", "httpx"),
        ("aiohttp", "http-client", "aiohttp"),
        ("requests in a pool", "http-client", "requests"),
        ("raw", "sockets", "a socket"),
        ("http.client", "sockets", "a socket"),
        ("urllib", "sockets", "a socket"),
        ("streams", "sockets", "a socket"),
        ("pool", "sockets", "a socket"),
    ],
)
async def test_a_client_is_called_by_its_name(start, worker, way, row, by):
    """Asked over HTTP, so that the sandbox's own aiohttp is around the worker."""
    in_a_pool = """
async def requests_in_a_pool(url):
    return await asyncio.get_running_loop().run_in_executor(None, requests.get, url)

WAYS["requests in a pool"] = requests_in_a_pool
"""
    worker("clients", CLIENTS + in_a_pool)
    sandbox = await start()
    params = {"way": way, "url": "http://feeds.test:80/"}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{sandbox.address}/workers/clients/", params=params) as answer:
            assert "error" in await answer.json()
    told = {finding.row: finding for finding in sandbox.portability.findings if finding.row != "threads"}
    assert list(told) == [row]
    assert told[row].message.startswith(by)
    assert told[row].line > 1


async def test_plain_sockets_fail_with_strict_as_on_cloudflare(start, worker):
    worker("clients", CLIENTS)
    sandbox = await start(hosting=Hosting(strict=True))
    async with aiohttp.ClientSession() as session:
        params = {"way": "http.client", "url": "http://feeds.test:80/"}
        async with session.get(f"{sandbox.address}/workers/clients/", params=params) as answer:
            assert "raw sockets are not available" in (await answer.json())["text"]
