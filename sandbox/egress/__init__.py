"""Outbound calls: orchestrator and registered workers first, then routes, then the mode."""

from sandbox.egress.client import Unreachable
from sandbox.egress.egress import Egress

__all__ = ["Egress", "Unreachable"]
