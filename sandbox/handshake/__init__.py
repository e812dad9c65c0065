"""The handshake protocol: its messages, and a base class for workers that speak it.

This package ships beside a worker under the same import path. `messages` and `schema` need the standard library alone;
the names below need Cloudflare's `workers` package and are therefore loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.handshake.job import Job, NonRetryable
    from sandbox.handshake.schema import ProtocolError, Schema, Synonyms
    from sandbox.handshake.worker import HandshakeWorker

__all__ = ["HandshakeWorker", "Job", "NonRetryable", "ProtocolError", "Schema", "Synonyms"]

_HOMES = {
    "HandshakeWorker": "worker",
    "Job": "job",
    "NonRetryable": "job",
    "ProtocolError": "schema",
    "Schema": "schema",
    "Synonyms": "schema",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib  # lazy: importing the messages must not import `workers`

        return getattr(importlib.import_module(f"sandbox.handshake.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
