"""The whole sandbox as one object: `Sandbox` wires the parts together, and nothing else does."""

from sandbox.app.sandbox import Sandbox

__all__ = ["Sandbox"]
