"""Probe a worker: drive it through the protocol once and say, cell by cell, what was seen."""

from sandbox.orchestrator.probe.bench import Bench, Workbench
from sandbox.orchestrator.probe.drive import Send, probe
from sandbox.orchestrator.probe.result import COLUMNS, Cell, ProbeResult, State

__all__ = ["COLUMNS", "Bench", "Cell", "ProbeResult", "Send", "State", "Workbench", "probe"]
