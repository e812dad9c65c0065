"""Holds every other client of workers to the rules of `fetch`: httpx at its transport, the rest at their sockets."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.egress.httpx_transport import route_httpx
from sandbox.egress.sockets import install_socket_rules


def install_other_clients() -> Callable[[], None]:
    """From now on in this process, until what is returned is called. httpx keeps its way, which is open to workers only."""
    route_httpx()
    return install_socket_rules()
