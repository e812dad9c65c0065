"""`pyodide.code`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


@functools.lru_cache(maxsize=512)
def _takes(func: Callable[..., Any]) -> tuple[int, frozenset[str] | None]:
    """How many positional arguments a function takes, and which keywords (None: any)."""
    count = 0
    names: set[str] | None = set()
    for parameter in inspect.signature(func).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            count += 1
        elif parameter.kind is parameter.VAR_POSITIONAL:
            count = 1 << 30
        if parameter.kind is parameter.VAR_KEYWORD:
            names = None
        elif names is not None and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.add(parameter.name)
    return count, None if names is None else frozenset(names)


def relaxed_call(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function with as many of the arguments as it takes."""
    plain = getattr(func, "__func__", None)
    count, names = _takes(plain or func)
    if plain is not None:
        count -= 1
    if names is not None and kwargs:
        kwargs = {name: value for name, value in kwargs.items() if name in names}
    return func(*args[:count], **kwargs)


def relaxed_wrap(func: Callable[..., Any]) -> Callable[..., Any]:
    """The function, ignoring arguments it does not take."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return relaxed_call(func, *args, **kwargs)

    return wrapper


CONTENTS: dict[str, Any] = {"relaxed_call": relaxed_call, "relaxed_wrap": relaxed_wrap}
