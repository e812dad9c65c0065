"""The host: aiohttp in, Request out."""

from sandbox.host.dispatch import worker_host
from sandbox.host.guard import Refused
from sandbox.host.page import Overview, WorkerLine
from sandbox.host.ports import Holder, PortInUse, who_listens
from sandbox.host.server import Server, Stopped

__all__ = [
    "Holder",
    "Overview",
    "PortInUse",
    "Refused",
    "Server",
    "Stopped",
    "WorkerLine",
    "who_listens",
    "worker_host",
]
