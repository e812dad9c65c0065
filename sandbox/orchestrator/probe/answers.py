"""What came back from the worker while it was probed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.handshake.messages import UNSET
from sandbox.handshake.schema import Schema
from sandbox.orchestrator.probe import contract


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: status and decoded body, or `trouble` where nothing usable came. `call` is `METHOD /path`."""

    call: str
    status: int = 0
    body: Any = UNSET
    trouble: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The body where it is an object, else nothing."""
        return self.body if isinstance(self.body, dict) else {}

    def unsuccessful(self) -> str | None:
        """Why this is no success, or None."""
        if self.trouble is not None:
            return f"{self.call}: {self.trouble}"
        said = self.error_text()
        if self.status != 200:
            return f"{self.call} answered {self.status}{said}"
        return f"{self.call} answered success: false{said}" if self.fields.get("success") is False else None

    def misfit(self, schema: Schema[Any], packet_id: str | None = None) -> str | None:
        """Why this is no success of that form, or None."""
        wrong = self.unsuccessful()
        if wrong is None and (misfit := contract.check(schema, self.body, packet_id)):
            wrong = f"{self.call}: {misfit}"
        return wrong

    def progress_misfit(self) -> str | None:
        """Why this is no progress, or None."""
        wrong = self.unsuccessful()
        if wrong is None and (misfit := contract.check_progress(self.body)):
            wrong = f"{self.call}: {misfit}"
        return wrong

    def error_text(self) -> str:
        """`: ` and what the answer says about its failure, or nothing."""
        error = self.fields.get("error")
        text = error.get("message") if isinstance(error, dict) else error
        return f": {text[:300]}" if isinstance(text, str) and text else ""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet's way through process and acknowledge, with its progress during the one and after the other."""

    packet_id: str
    processed: Answer
    watched: tuple[Answer, ...]
    acknowledged: Answer
    afterwards: Answer
