"""A module that stands in for one of the standard library: some names are its own, the rest is the real one's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any


class StandIn(ModuleType):
    """Reads and writes of every other name go to the real module, so patches made there are seen here."""

    def __init__(self, real: ModuleType, own: Mapping[str, Any]) -> None:
        super().__init__(real.__name__, real.__doc__)
        mine = vars(self)
        mine |= {name: vars(real)[name] for name in ("__file__", "__loader__", "__spec__") if name in vars(real)}
        mine |= own
        # What `from time import *` takes where the real module does not say.
        mine["__all__"] = getattr(real, "__all__", [name for name in vars(real) if not name.startswith("_")])
        mine["_real"] = real
        mine["__getattr__"] = partial(getattr, real)  # as a module's own (PEP 562), which is quicker than a method

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):
            super().__setattr__(name, value)
        else:
            setattr(vars(self)["_real"], name, value)

    def __delattr__(self, name: str) -> None:
        if name in vars(self):
            super().__delattr__(name)
        else:
            delattr(vars(self)["_real"], name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(vars(self)["_real"]), *vars(self)})


def named(function: Any, like: Any) -> Any:
    """`function` under the name and with the text of the real one."""
    function.__name__ = function.__qualname__ = like.__name__
    function.__doc__, function.__module__ = like.__doc__, like.__module__
    return function
