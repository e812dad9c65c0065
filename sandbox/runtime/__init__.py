"""What worker code stands on: the JavaScript value model, the emulated modules, contexts and the injected protocols."""

from sandbox.runtime.emulation import install

__all__ = ["install"]
