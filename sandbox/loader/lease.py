"""Keeping a generation for more than one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.loader.generation import Generation


class Lease:
    """Keeps a generation alive until `release()`. `stale` says that newer code exists and does not load."""

    def __init__(self, generation: Generation, *, stale: bool = False) -> None:
        self.generation = generation
        self.stale = stale
        self._held = True
        generation._held += 1

    def release(self) -> None:
        """Give it back (once; more often does nothing)."""
        if self._held:
            self._held = False
            self.generation._let_go()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()
