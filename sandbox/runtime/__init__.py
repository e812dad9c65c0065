"""What worker code stands on: the JavaScript value model, the emulated modules, contexts and the injected protocols."""

from sandbox.runtime.compat import compatibility_flags
from sandbox.runtime.emulation import install
from sandbox.runtime.threads import patch_anyio, patch_asgiref

__all__ = ["compatibility_flags", "install", "patch_anyio", "patch_asgiref"]
