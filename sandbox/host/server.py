"""The HTTP server: one port for everything, and a port of its own for each worker that asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from sandbox.clock import Clock, SystemClock
from sandbox.errors import UsageError
from sandbox.events import EventLog
from sandbox.host import guard
from sandbox.host.convert import MAX_BODY
from sandbox.host.dispatch import Dispatch
from sandbox.host.entry import Entry, Flight, Hooks, log_error
from sandbox.host.page import Overview
from sandbox.host.ports import open_sockets
from sandbox.host.wire import Connection
from sandbox.runtime.protocols import Emit, silent
from sandbox.runtime.web import Request, Response

KEEP_ALIVE = 75.0
"""Seconds an idle connection stays open."""
GRACE = 5.0
"""Seconds that requests in flight get to finish at the end."""
LINGER = 5.0
"""Seconds during which a body that nobody read is read away, so that the client gets to see the answer."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """How `stop` went: requests in flight that ended by themselves, and those that were cut."""

    finished: int
    cut: int


class Server:
    """Serves workers, the API and the page on `ip` (and ::1) by HTTP/1.1.

    `fetch_worker(name, request)` gives a worker's Response and whether a stale generation made it. `resolve` turns a
    host label or a name in a path into a worker's name, or None. `orchestrator(request)` answers our own routes.
    `overview()` is what `/` shows (None: `orchestrator` answers `/` as well). `describe(error)` is the
    traceback as text of what a WorkerFailed or WorkerUnavailable was caused by, `redact(text)` takes secrets out of it,
    `on_error(worker or None, exception)` is told of each failure once, `log` gets each request whole. Port 0 takes any free port.
    Raises UsageError for an `ip` beyond this machine without a token.
    """

    def __init__(
        self,
        *,
        fetch_worker: Callable[[str, Request], Awaitable[tuple[Response, bool]]],
        resolve: Callable[[str], str | None],
        orchestrator: Callable[[Request], Awaitable[Response]],
        overview: Callable[[], Overview] | None = Overview,
        describe: Callable[[BaseException], str] = repr,
        redact: Callable[[str], str] = str,
        on_error: Callable[[str | None, BaseException], None] = log_error,
        emit: Emit = silent,
        log: EventLog | None = None,
        clock: Clock | None = None,
        ip: str = "127.0.0.1",
        port: int = 8787,
        worker_ports: Mapping[str, int] | None = None,
        allow_hosts: Iterable[str] = (),
        token: str | None = None,
        max_body: int = MAX_BODY,
    ) -> None:
        if not guard.is_loopback(ip) and not token:
            raise UsageError(
                f"--ip {ip} would open this sandbox to other machines",
                hint="leave it out to listen on localhost, or give a token as well (--token)",
            )
        self.ip = "127.0.0.1" if ip == "localhost" else ip
        self.port = port
        self.worker_ports = dict(worker_ports or {})
        hosts = guard.allowed_hosts(allow_hosts)
        if not guard.is_loopback(self.ip) and self.ip not in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
            hosts |= {(f"[{self.ip}]" if ":" in self.ip else self.ip, None)}
        self._hooks = Hooks(
            fetch_worker=fetch_worker,
            orchestrator=orchestrator,
            overview=overview,
            describe=describe,
            redact=redact,
            on_error=on_error,
            emit=emit,
            log=log,
            clock=clock or SystemClock(),
            allowed=hosts,
            token=token,
            max_body=max_body,
        )
        self._resolve = resolve
        self._managers: list[web.Server] = []
        self._listeners: list[asyncio.Server] = []
        self._flight = Flight()

    async def start(self) -> None:
        """Listen. Raises PortInUse, naming who has the port; nothing is left open then."""
        try:
            self.port = await self._listen(self.port, None)
            for name, port in self.worker_ports.items():
                self.worker_ports[name] = await self._listen(port, name)
        except BaseException:
            await self.stop(0)
            raise

    async def _listen(self, port: int, worker: str | None) -> int:
        sockets = open_sockets(self.ip, port, worker)
        bound: int = sockets[0].getsockname()[1]
        # A worker's own URL is made with the main port, which is known by now for each later listener.
        dispatch = Dispatch(self._resolve, bound if worker is None else self.port)
        entry = Entry(self._hooks, dispatch, self._flight, bound, worker)
        manager = web.Server(entry.handle)
        loop = asyncio.get_running_loop()

        def connect() -> Connection:
            return Connection(
                manager,
                loop=loop,
                access_log=None,  # aiohttp then skips its timing
                auto_decompress=False,
                keepalive_timeout=KEEP_ALIVE,
                lingering_time=LINGER,
                max_line_size=guard.MAX_WORKER_PATH + 1024,
                max_field_size=64 * 1024,
                max_headers=256,
            )

        self._managers.append(manager)
        for opened in sockets:
            self._listeners.append(await loop.create_server(connect, sock=opened, backlog=1024))
        return bound

    async def stop(self, grace: float = GRACE) -> Stopped:
        """Take no new requests, let those in flight end within `grace` seconds, then cut the rest."""
        for listener in self._listeners:
            listener.close()
        self._flight.closing = True
        before = self._flight.count
        for manager in self._managers:
            manager.pre_shutdown()
        if before:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._flight.landed(), grace)
        cut = self._flight.count
        self._flight.cutting = True
        await asyncio.gather(*(manager.shutdown(0.05) for manager in self._managers))
        self._listeners.clear()
        self._managers.clear()
        return Stopped(max(0, before - cut), cut)

    @property
    def requests_in_flight(self) -> int:
        """How many requests are being answered now."""
        return self._flight.count
