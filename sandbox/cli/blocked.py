"""What is said of a worker that keeps the event loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def told(kind: str, fields: Mapping[str, Any]) -> tuple[str, str]:
    """Level and text of `loop.busy`, `loop.ended` and `loop.stuck`."""
    calling = f", calling {fields['calling']}" if fields["calling"] else ""
    place = f"at {fields['file']}:{fields['line']} in {fields['function']}{calling}"
    worker, ms = fields["worker"], f"{fields['ms']} ms"
    match kind:
        case "loop.busy":
            return "warning", f"{worker} keeps the loop busy: {ms}{' so far' if fields['lasting'] else ''} {place}"
        case "loop.ended":
            return "warning", f"{worker} is ended with error 1102 after {ms} {place}"
    return (
        "error",
        f"{worker} is over its limit of {fields['limit_ms']} ms and does not end {place}: every worker waits until that "
        "returns. One process cannot end it; Ctrl-C twice ends the sandbox",
    )
