"""The fake orchestrator: drives workers through the handshake protocol and keeps a journal of what they did."""

from sandbox.orchestrator.orchestrator import Orchestrator
from sandbox.orchestrator.pipelines import NOTHING
from sandbox.orchestrator.ports import NoAnswer, ResultSource, Transport, WorkerInfo

__all__ = ["NOTHING", "NoAnswer", "Orchestrator", "ResultSource", "Transport", "WorkerInfo"]
