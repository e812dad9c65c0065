"""`Math`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sandbox.runtime.stdlib.chance import random_number
from sandbox.runtime.values import JsFunction, JsObject, normalize_float, to_number


def _of_one(fn: Callable[[float], float], name: str) -> JsFunction:
    def call(value: Any = None, *_: Any) -> float:
        number = to_number(value)
        try:
            return normalize_float(float(fn(number)))
        except (ValueError, OverflowError):
            return number if math.isinf(number) else math.nan

    return JsFunction(call, name)


def _extreme(pick: Callable[..., float], empty: float, name: str) -> JsFunction:
    def call(*values: Any) -> float:
        numbers = [to_number(value) for value in values]
        if any(number != number for number in numbers):
            return math.nan
        return pick(numbers, default=empty)

    return JsFunction(call, name)


def _pow(base: Any = None, exponent: Any = None, *_: Any) -> float:
    try:
        return normalize_float(math.pow(to_number(base), to_number(exponent)))
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


_ONE: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "cbrt": math.cbrt,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": lambda x: math.log(x) if x else -math.inf,
    "log10": lambda x: math.log10(x) if x else -math.inf,
    "log2": lambda x: math.log2(x) if x else -math.inf,
    "round": lambda x: math.floor(x + 0.5),
    "sign": lambda x: math.copysign(1, x) if x else x,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
    "trunc": math.trunc,
}

MATH = JsObject({name: _of_one(fn, name) for name, fn in _ONE.items()})
MATH._data.update(
    {
        "E": math.e,
        "PI": math.pi,
        "max": _extreme(max, -math.inf, "max"),
        "min": _extreme(min, math.inf, "min"),
        "pow": JsFunction(_pow, "pow"),
        "random": JsFunction(lambda *_: random_number(), "random"),
    }
)
