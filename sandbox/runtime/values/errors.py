"""JavaScript errors, which in Python are exceptions and objects at once, as in Pyodide."""

from __future__ import annotations

import traceback
from typing import Any, NoReturn

from sandbox.runtime.values.numbers import js_str
from sandbox.runtime.values.proxy import JsConstructor, JsProxy, _made


class ConversionError(Exception):
    """A Python value has no JavaScript counterpart and no converter took it."""


class InternalError(Exception):
    """A failure of the bridge itself (Pyodide's class of this name)."""


class JsException(JsProxy, Exception):
    """A JavaScript Error: `name`, `message`, `stack`, `cause`; text `Name: message`.

    `constructor.name` is the class it would have in JavaScript: the name where that is a built-in error class,
    `DOMException` for the names of the web platform, else `Error`.
    """

    js_name = "Error"

    def __init__(self, name: str = "Error", message: str = "", cause: Any = None) -> None:
        Exception.__init__(self, f"{name}: {message}" if message else name)
        self.name = name
        self.message = message
        if cause is not None:
            self.cause = cause
        self.constructor = _class_of(name)  # type: ignore[misc]

    @property
    def js_error(self) -> JsException:
        return self

    @property
    def stack(self) -> str:
        frames = "".join(traceback.format_tb(self.__traceback__))
        return f"{self}\n{frames}" if frames else str(self)

    def toString(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name

    def __str__(self) -> str:
        return self.toString()

    def __repr__(self) -> str:
        return self.toString()

    def _own_keys(self) -> list[str]:
        return []

    def __reduce__(self) -> tuple[Any, ...]:
        return (JsException, (self.name, self.message))


_BUILTIN = ("Error", "TypeError", "RangeError", "SyntaxError", "ReferenceError", "EvalError", "URIError")
_DOM_NAMES = frozenset(
    "AbortError DataCloneError InvalidStateError NotSupportedError TimeoutError OperationError InvalidCharacterError "
    "QuotaExceededError NotFoundError NetworkError InvalidAccessError EncodingError NotAllowedError".split()
)


def _constructor(name: str) -> JsConstructor:
    made = JsConstructor._for(JsException)
    made.name = name

    def new(message: Any = None, options: Any = None, *_: Any, **kwargs: Any) -> JsException:
        if name == "DOMException":
            error = JsException("Error" if options is None else js_str(options), _text(message))
            error.constructor = made  # type: ignore[misc]
            return error
        cause = kwargs.get("cause", getattr(options, "cause", None))
        error = JsException(name, _text(message), cause)
        error.constructor = made  # type: ignore[misc]
        return error

    made.new = new
    made._fn = new
    return made


def _text(message: Any) -> str:
    return "" if message is None else js_str(message)


error_constructors: dict[str, JsConstructor] = {name: _constructor(name) for name in (*_BUILTIN, "DOMException")}
JsException.constructor = error_constructors["Error"]
JsError = JsException


def _class_of(name: str) -> JsConstructor:
    found = error_constructors.get(name)
    if found is not None:
        return found
    return error_constructors["DOMException" if name in _DOM_NAMES else "Error"]


def throw(name: str, message: str) -> NoReturn:
    """Raise a JavaScript error of this name, as a JavaScript function would throw it."""
    raise JsException(name, message)


_made["throw"] = throw
