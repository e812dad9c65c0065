"""Outbound calls: orchestrator and registered workers first, then routes, then the mode."""

from sandbox.egress.client import Unreachable
from sandbox.egress.egress import Egress
from sandbox.egress.other_clients import install_other_clients
from sandbox.egress.sockets import OutboundRefused

__all__ = ["Egress", "OutboundRefused", "Unreachable", "install_other_clients"]
