"""Stages run again on what was recorded of them, and executions carried from one sandbox to another."""

from sandbox.orchestrator.replay.carrying import Carrier
from sandbox.orchestrator.replay.replayer import Replayer

__all__ = ["Carrier", "Replayer"]
