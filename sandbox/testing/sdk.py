"""Cloudflare's `workers` package, imported before anything else can take its name."""

from __future__ import annotations

import importlib

from sandbox.runtime import install


def load_sdk() -> None:
    """Install the emulation and import the SDK."""
    install()
    importlib.import_module("workers")
