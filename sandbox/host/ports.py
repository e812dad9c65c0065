"""Listening sockets on this machine's own addresses, and who holds a port that is taken."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import UserError

BACKLOG = 1024
_LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp
_ATTEMPTS = 20


class PortInUse(UserError):
    """Another program listens on the port."""

    code = "port_in_use"


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that listens on a port. `command` is empty where the system does not tell."""

    pid: int
    command: str


def open_sockets(ip: str, port: int, worker: str | None = None) -> list[socket.socket]:
    """Bind `port` (0: any free one, the same for both) on `ip`, and on ::1 as well where `ip` is 127.0.0.1.

    ::1 is left out where the machine has no IPv6. Raises PortInUse, which says that it is `worker` who asks for it.
    """
    for attempt in range(_ATTEMPTS):
        first = _bind(ip, port, worker)
        if ip != "127.0.0.1":
            return [first]
        bound = first.getsockname()[1]
        try:
            second = _bind("::1", bound, worker)
        except PortInUse:
            first.close()
            if port == 0 and attempt < _ATTEMPTS - 1:
                continue  # free on 127.0.0.1 only; take another
            raise
        except OSError:
            return [first]
        return [first, second]
    raise AssertionError("unreachable: the last attempt returns or raises")


def _bind(ip: str, port: int, worker: str | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((ip, port))
        opened.listen(BACKLOG)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise _in_use(ip, port, worker) from None
        if error.errno == errno.EACCES:
            raise UserError(
                f"port {port} may not be opened by this user",
                code="port_refused",
                hint="choose one above 1023 with --port",
            ) from None
        if error.errno == errno.EADDRNOTAVAIL and ip != "::1":
            raise UserError(
                f"{ip} is not an address of this machine", code="bad_ip", hint="leave out --ip to listen on localhost"
            ) from None
        raise
    return opened


def _in_use(ip: str, port: int, worker: str | None) -> PortInUse:
    holder = who_listens(port)
    shown = f"[{ip}]" if ":" in ip else ip
    by = "another program" if holder is None else f"process {holder.pid} ({holder.command})"
    if worker is not None:
        other = f'give {worker} another: "dev.port" of its wrangler file, or [workers.{worker}] port in sandbox.toml'
    else:
        other = f"take another with --port {port + 1}" if port < 65535 else "take another with --port"
    asked = "" if worker is None else f", which {worker} asks for,"
    end = "stop that program" if holder is None else f"stop it (kill {holder.pid})"
    return PortInUse(f"port {port} on {shown}{asked} is in use by {by}", hint=f"{end}, or {other}")


def who_listens(port: int, proc: Path = Path("/proc")) -> Holder | None:
    """The process that listens on `port`, by Linux's /proc; None where that is not to be seen."""
    inodes = _listening_inodes(port, proc)
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):  # another user's process, or one that just ended
            if any(str(link.readlink()) in wanted for link in (folder / "fd").iterdir()):
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                return Holder(int(folder.name), " ".join(filter(None, words))[:120])
    return None


def _listening_inodes(port: int, proc: Path) -> set[str]:
    inodes: set[str] = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (proc / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(fields[9])
    return inodes
