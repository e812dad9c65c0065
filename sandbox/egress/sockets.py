"""The rules of outbound calls for every other client a worker may use: an audit hook sees its sockets.

`requests`, `urllib3`, `aiohttp`, `asyncio.open_connection` and plain sockets all end in the same few calls, which Python
tells of before they happen (https://docs.python.org/3/library/audit_events.html). What a worker did not cause passes,
and so does our own client on a worker's behalf. A hook cannot be taken out again: one serves every sandbox of the
process, and a process whose sandboxes have stopped runs no worker code.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Callable
from contextvars import ContextVar
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol

from sandbox.egress.addresses import way_there
from sandbox.egress.attribution import attribute_threads, http_client
from sandbox.egress.here import Here
from sandbox.portability.subrequests import count_subrequest
from sandbox.runtime.context import WorkerContext, current_worker
from sandbox.runtime.place import called_from
from sandbox.runtime.protocols import Checks
from sandbox.runtime.tape import current_tape

passing: ContextVar[bool] = ContextVar("sandbox_egress_passing", default=False)
"""Set while our own client works for a worker: what it connects to has been checked."""

ELSE = "Make the call with fetch or httpx.AsyncClient, which see the other workers, routes and recordings"
IN_REPLAY = f"this is a replay, which answers calls from its recording. {ELSE}"
NO_PROCESSES = "processes cannot be started by workers: on Cloudflare there are none"


class OutboundRefused(ConnectionRefusedError):
    """What a client library gets in place of a connection; it carries on as if the other side had refused."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.ECONNREFUSED, text)

    def __str__(self) -> str:
        return str(self.strerror)


class Note(Protocol):
    """Tell of a connection (or a process: EXEC) that a worker asked for. `place` is where in its code, as far as that
    can be seen."""

    def __call__(
        self, worker: str, host: str, port: int, by: str, place: str | None, *, method: str = "CONNECT"
    ) -> None: ...


class SocketRules:
    """What the sockets of one sandbox's workers may reach; `Egress.sockets`.

    Only `online` lets them out, to addresses that `refuse` has nothing against; the two modes with cassettes cannot see
    calls inside a socket. Our own port and external workers on this machine are reached in every mode.
    """

    def __init__(
        self, here: Here, mode: Callable[[], str], refuse: Callable[[str], str | None], note: Note, root: Path
    ) -> None:
        self._here = here
        self._mode = mode
        self._refuse = refuse
        self._note = note
        self._root = str(root)

    def lookup(self, worker: str, host: object, port: object) -> None:
        """A name is about to be resolved. Raises OutboundRefused."""
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if not isinstance(name, str) or not name or _is_number(name) or _is_local(name):
            return  # nothing is asked; where it leads is judged when it is connected to
        number = int(port) if isinstance(port, int | str) and str(port).isdigit() else 0
        why = self._by_mode(name, number)
        if why is not None:
            self._refused(worker, name, number, why)

    def connect(self, worker: str, sock: Any, address: Any) -> None:
        """A socket is about to be connected, or to send a datagram. Raises OutboundRefused."""
        if not isinstance(address, tuple):
            self._refused(worker, str(address), 0, "workers may not reach sockets of this machine's file system")
        host, port = str(address[0]), int(address[1])
        tape = current_tape.get()
        if tape is not None and tape.playing:
            self._refused(worker, host, port, IN_REPLAY)
        if self._is_ours(host, port):
            # The loop's own thread cannot wait for an answer that this loop has to give.
            if sock.gettimeout() != 0 and asyncio._get_running_loop() is not None:
                self._refused(
                    worker, host, port, f"it would wait for the sandbox, which waits for it, for ever. {ELSE}"
                )
            return
        why = self._by_mode(host, port)
        if why is None and not _is_number(host):
            why = "connect to an address that socket.getaddrinfo gives, which can be checked, not to a name"
        if why is None:
            kind = self._refuse(host)
            why = kind and f"it is a {kind} address, which workers may not reach{_way(kind, host, port)}"
        if why is not None:
            self._refused(worker, host, port, why)
        if tape is not None:
            tape.unseen(f"what {host}:{port} said inside a socket")
        self._note(worker, host, port, "socket", self._place())

    def process(self, worker: str, what: str) -> None:
        """A process is about to be started. Raises OSError, as Python does on Cloudflare."""
        self._note(worker, what, 0, "refused", self._place(), method="EXEC")
        raise OSError(errno.ENOTSUP, f"{NO_PROCESSES} ({what})")

    def _by_mode(self, host: str, port: int) -> str | None:
        tape = current_tape.get()
        if tape is not None and tape.playing:
            return IN_REPLAY
        mode = self._mode()
        if mode == "online":
            return None
        kind = self._refuse(host) if _is_number(host) else "loopback" if _is_local(host) else None
        if mode == "offline" and kind is not None and (way := _way(kind, host, port)):
            return f"this sandbox is offline, and going online opens no {kind} address{way}"
        if mode == "offline":
            return f"this sandbox is offline. Start it with `--egress online` to let workers reach the internet. {ELSE}"
        verb = "answers calls from" if mode == "replay" else "writes calls to"
        return f"egress mode {mode} {verb} cassettes, and cannot see those inside a socket. {ELSE}"

    def _is_ours(self, host: str, port: int) -> bool:
        if self._refuse(host) == "loopback" or _is_local(host):
            return port in self._here.local_ports(refresh=asyncio._get_running_loop() is not None)
        return False

    def hand_over(self) -> None:
        """Work of a worker goes to another thread, where nothing can be looked up any more."""
        self._here.local_ports(refresh=asyncio._get_running_loop() is not None)

    def _refused(self, worker: str, host: str, port: int, why: str) -> None:
        self._note(worker, host, port, "refused", self._place())
        shown = f"[{host}]" if ":" in host else host
        raise OutboundRefused(f"connection to {shown}{f':{port}' if port else ''} refused: {why}")

    def _place(self) -> str | None:
        """`workers/greeter/src/entry.py:12`: the worker's innermost line, or the one that gave this thread its work."""
        found = called_from(sys._getframe(1))
        if found is None:
            return None
        path, _, line = found.rpartition(":")
        inside = path.startswith(self._root + os.sep)
        return f"{path[len(self._root) + 1 :] if inside else path}:{line}"


def _rules(context: WorkerContext) -> SocketRules | None:
    return getattr(context.outbound, "sockets", None)


def _hand_over(context: WorkerContext) -> None:
    rules = _rules(context)
    if rules is not None:
        rules.hand_over()


def _on_lookup(rules: SocketRules, worker: str, args: tuple[Any, ...]) -> None:
    rules.lookup(worker, args[0], args[1] if len(args) > 1 else 0)


def _on_connect(rules: SocketRules, worker: str, args: tuple[Any, ...]) -> None:
    rules.connect(worker, args[0], args[1])


def _on_send(rules: SocketRules, worker: str, args: tuple[Any, ...]) -> None:
    if args[1] is not None:  # a connected socket's was judged when it was connected
        rules.connect(worker, args[0], args[1])


def _on_process(rules: SocketRules, worker: str, args: tuple[Any, ...]) -> None:
    what = args[0] if args else "fork"
    rules.process(worker, os.fsdecode(what) if isinstance(what, str | bytes | os.PathLike) else str(what))


_WATCHED: dict[str, Callable[[SocketRules, str, tuple[Any, ...]], None]] = {
    "socket.getaddrinfo": _on_lookup,
    "socket.gethostbyname": _on_lookup,
    "socket.gethostbyaddr": _on_lookup,
    "socket.connect": _on_connect,
    "socket.sendto": _on_send,
    "socket.sendmsg": _on_send,
    "subprocess.Popen": _on_process,
    "os.system": _on_process,
    "os.exec": _on_process,
    "os.posix_spawn": _on_process,
    "os.fork": _on_process,
    "os.forkpty": _on_process,
}
_installed = 0
_hooked = False


def _hook(
    event: str,
    args: tuple[Any, ...],
    _watched: dict[str, Any] = _WATCHED,
    _worker: Callable[[], WorkerContext | None] = current_worker.get,
) -> None:
    # Called for every audit event of the process; all but a few end with this one look-up.
    if event in _watched:
        context = _worker()
        if context is not None and _installed and not passing.get():
            rules = _rules(context)
            if rules is not None and (not context.shared or called_from(sys._getframe(1)) is not None):
                if context.checks is not None:
                    _tell(context.checks, context.importing, event)
                _watched[event](rules, context.name, args)


def _tell(checks: Checks, importing: bool, event: str) -> None:
    """Raises OSError or RuntimeError where what fails on Cloudflare fails here."""
    if not event.startswith("socket."):
        if checks.found("import-io" if importing else "threads", "a process is started"):
            raise RuntimeError("can't start new thread")
    elif importing:
        checks.found("import-io", "a socket is opened while the module is imported")
    elif (client := http_client(sys._getframe(2))) is not None:
        checks.found("http-client", f"{client} opens a socket of its own here")
        if event == "socket.connect":
            count_subrequest()
    elif checks.found("sockets", "a socket is opened"):
        raise OSError(errno.ENOTSUP, "raw sockets are not available")


def install_socket_rules() -> Callable[[], None]:
    """Hold workers of this process to their sandbox's rules, from now until what is returned is called."""
    global _installed, _hooked
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked = True
    _installed += 1
    undo_threads = attribute_threads(_hand_over)

    def undo() -> None:
        global _installed
        _installed -= 1
        undo_threads()

    return undo


def _way(kind: str, host: str, port: int) -> str:
    """As `way_there`, by the clients that see routes."""
    way = way_there(kind, f"http://{f'[{host}]' if ':' in host else host}:{port}")
    return f"{way}. {ELSE}" if way else ""


def _is_number(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    name = host.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost") or name == socket.gethostname().lower()
