"""`python launch.py GUARD up ...`: the real command with one guard taken away, to see that the storm notices.

`none` takes nothing away.
"""

from __future__ import annotations

import sys


def no_lease() -> None:
    """A replaced generation is let go at once, whatever of it still runs."""
    from sandbox.loader.generation import Generation

    def retire(self: Generation) -> None:
        self._retired = True
        if not self._released:
            self._release()

    Generation.retire = retire  # type: ignore[method-assign]


def no_last_good() -> None:
    """Code that does not load takes the place of the code that served."""
    from sandbox.loader.registry import WorkerRegistry

    fail = WorkerRegistry._fail

    def forget(self: WorkerRegistry, slot: object, config: object, error: BaseException) -> None:
        fail(self, slot, config, error)  # type: ignore[arg-type]
        slot.generation = None  # type: ignore[attr-defined]

    WorkerRegistry._fail = forget  # type: ignore[method-assign,assignment]


def no_hold() -> None:
    """Each message of a packet goes to the newest code."""
    from sandbox.app.ports import WorkerTransport

    WorkerTransport.hold = lambda self, worker: None  # type: ignore[method-assign]


def no_forgetting() -> None:
    """Replaced modules stay in sys.modules."""
    from sandbox.loader.imports import Namespace

    Namespace.close = lambda self: None  # type: ignore[method-assign]


GUARDS = {
    "none": lambda: None,
    "lease": no_lease,
    "last_good": no_last_good,
    "hold": no_hold,
    "forgetting": no_forgetting,
}

if __name__ == "__main__":
    GUARDS[sys.argv.pop(1)]()
    from sandbox.cli import main

    main()
