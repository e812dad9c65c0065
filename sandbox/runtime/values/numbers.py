"""JavaScript's numbers and strings: what `String(x)`, `Number(x)` and integer coercion answer."""

from __future__ import annotations

import math
import re
from typing import Any

from sandbox.runtime.values.proxy import JsFunction, JsProxy, jsnull

MAX_SAFE_INTEGER = 2**53 - 1
_NUMERAL = re.compile(r"[+-]?(Infinity|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\Z")
_PREFIXED = re.compile(r"0[xX][0-9a-fA-F]+\Z|0[oO][0-7]+\Z|0[bB][01]+\Z")
_SPACE = " \t\n\r\v\f\u00a0\ufeff\u2028\u2029"


def normalize_float(value: float) -> int | float:
    """A JavaScript number as Pyodide hands it to Python: integral values in the safe range are `int`."""
    if value.is_integer() and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return int(value)
    return value


def format_number(value: float) -> str:
    """`String(number)`: shortest digits, exponent from 1e21 up and below 1e-6."""
    if value != value:
        return "NaN"
    if value in (math.inf, -math.inf):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if 0 < point <= 21:
        text = digits.ljust(point, "0")
        return sign + (text[:point] + "." + text[point:] if len(text) > point else text)
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    head = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{head}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def js_str(value: Any) -> str:
    """`String(value)`."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return "undefined"
    if value is jsnull:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        return format_number(value)
    if isinstance(value, JsProxy):
        return str(value.toString())
    return str(value)


def to_number(value: Any) -> int | float:
    """`Number(value)`; what has no number is NaN."""
    if value is True:
        return 1
    if value is False or value is jsnull:
        return 0
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return normalize_float(value)
    if value is None:
        return math.nan
    if isinstance(value, JsProxy):
        primitive = value.valueOf()
        value = value.toString() if isinstance(primitive, JsProxy) else primitive
        if not isinstance(value, str):
            return to_number(value)
    if isinstance(value, str):
        text = value.strip(_SPACE)
        if not text:
            return 0
        if _PREFIXED.match(text):
            return int(text, 0)
        if _NUMERAL.match(text):
            return normalize_float(float(text))
    return math.nan


def to_integer(value: Any, default: int = 0) -> int:
    """Integer coercion: truncation towards zero; NaN is `default`, infinities saturate."""
    if type(value) is int:
        return value
    number = to_number(value)
    if number != number:
        return default
    if number in (math.inf, -math.inf):
        return MAX_SAFE_INTEGER if number > 0 else -MAX_SAFE_INTEGER
    return int(number)


def truthy(value: Any) -> bool:
    """JavaScript's truth: every object is true, also an empty array."""
    if isinstance(value, JsProxy):
        return True
    return bool(value) and value == value


class JsNumber(JsProxy):
    """`new Number(x)`, and the statics of `Number`."""

    __slots__ = ("_value",)
    js_name = "Number"

    _static_MAX_SAFE_INTEGER = MAX_SAFE_INTEGER
    _static_MIN_SAFE_INTEGER = -MAX_SAFE_INTEGER
    _static_MAX_VALUE = 1.7976931348623157e308
    _static_MIN_VALUE = 5e-324
    _static_EPSILON = 2.0**-52
    _static_NaN = math.nan
    _static_POSITIVE_INFINITY = math.inf
    _static_NEGATIVE_INFINITY = -math.inf

    def __init__(self, value: Any = 0, *_: Any) -> None:
        self._value = to_number(value)

    @staticmethod
    def _called(value: Any = 0, *_: Any) -> int | float:
        return to_number(value)

    @staticmethod
    def _static_isInteger(value: Any = None, *_: Any) -> bool:
        return type(value) is int or (isinstance(value, float) and value.is_integer())

    @staticmethod
    def _static_isSafeInteger(value: Any = None, *_: Any) -> bool:
        return JsNumber._static_isInteger(value) and abs(value) <= MAX_SAFE_INTEGER

    @staticmethod
    def _static_isFinite(value: Any = None, *_: Any) -> bool:
        return type(value) in (int, float) and math.isfinite(value)

    @staticmethod
    def _static_isNaN(value: Any = None, *_: Any) -> bool:
        return isinstance(value, float) and value != value

    @staticmethod
    def _static_parseFloat(value: Any = None, *_: Any) -> int | float:
        return parse_float(value)

    @staticmethod
    def _static_parseInt(value: Any = None, radix: Any = None, *_: Any) -> int | float:
        return parse_int(value, radix)

    def valueOf(self) -> int | float:
        return self._value

    def toString(self) -> str:
        return js_str(self._value)

    def toFixed(self, digits: Any = 0, *_: Any) -> str:
        return f"{self._value:.{to_integer(digits)}f}"


def parse_float(value: Any = None, *_: Any) -> int | float:
    """`parseFloat`: the longest numeral the text begins with."""
    found = re.match(r"[+-]?(Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)", js_str(value).strip(_SPACE))
    return normalize_float(float(found[0])) if found else math.nan


def parse_int(value: Any = None, radix: Any = None, *_: Any) -> int | float:
    """`parseInt`: the longest integer the text begins with, in base `radix`."""
    text = js_str(value).strip(_SPACE)
    base = to_integer(radix)
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("+-") if text[:1] in ("+", "-") else text
    if base in (0, 16) and text[:2].lower() == "0x":
        text, base = text[2:], 16
    base = base or 10
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"[:base]
    end = 0
    while end < len(text) and text[end].lower() in digits:
        end += 1
    return sign * int(text[:end], base) if end else math.nan


class JsString(JsProxy):
    """`String(x)` and the statics of `String`; string values themselves are Python's."""

    __slots__ = ("_value",)
    js_name = "String"

    def __init__(self, value: Any = "", *_: Any) -> None:
        self._value = js_str(value)

    @staticmethod
    def _called(value: Any = "", *_: Any) -> str:
        return js_str(value)

    @staticmethod
    def _static_fromCharCode(*codes: Any) -> str:
        return "".join(chr(to_integer(code) & 0xFFFF) for code in codes)

    @staticmethod
    def _static_fromCodePoint(*codes: Any) -> str:
        return "".join(chr(to_integer(code)) for code in codes)

    @property
    def length(self) -> int:
        return len(self._value)

    def valueOf(self) -> str:
        return self._value

    def toString(self) -> str:
        return self._value


class JsBoolean(JsProxy):
    """`Boolean(x)`."""

    __slots__ = ("_value",)
    js_name = "Boolean"

    def __init__(self, value: Any = False, *_: Any) -> None:
        self._value = truthy(value)

    @staticmethod
    def _called(value: Any = False, *_: Any) -> bool:
        return truthy(value)

    def valueOf(self) -> bool:
        return self._value

    def toString(self) -> str:
        return js_str(self._value)


class JsBigInt(JsProxy):
    """`BigInt(x)`; values are Python integers."""

    __slots__ = ()
    js_name = "BigInt"

    @staticmethod
    def _called(value: Any = 0, *_: Any) -> int:
        return to_integer(value)


js_parse_int = JsFunction(parse_int, "parseInt")
js_parse_float = JsFunction(parse_float, "parseFloat")
