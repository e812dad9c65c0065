"""The base of every emulated JavaScript object, JavaScript's null, functions and constructors.

Python's `None` stands for `undefined`; strings, numbers and booleans cross as they are, as they do in Pyodide.
An object that worker code holds *is* the JavaScript object: there is no second object behind the proxy.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable
from typing import Any, ClassVar, Final


class JsNull:
    """JavaScript's `null`: falsy, one instance (`jsnull`)."""

    __slots__ = ()
    _instance: ClassVar[JsNull | None] = None

    def __new__(cls) -> JsNull:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "jsnull"

    def __reduce__(self) -> str:
        return "jsnull"

    @property
    def typeof(self) -> str:
        return "object"


jsnull: Final = JsNull()


class PyConversion:
    """One run of `to_py`: the converter for unknown classes and what was converted already (cycles keep their shape)."""

    __slots__ = ("cache", "default_converter")

    def __init__(self, default_converter: Callable[..., Any] | None) -> None:
        self.default_converter = default_converter
        self.cache: dict[int, Any] = {}

    def convert(self, value: Any, depth: int = -1) -> Any:
        if not isinstance(value, JsProxy):
            if value is jsnull and self.default_converter is not None:
                return self.default_converter(value, self.convert, self.remember)
            return value
        if depth == 0:
            return value
        known = self.cache.get(id(value), self)
        return value._as_py(self, depth) if known is self else known

    def remember(self, value: Any, converted: Any) -> None:
        self.cache[id(value)] = converted


class JsProxy:
    """A JavaScript object as worker code sees it.

    Attributes are its JavaScript properties; a missing one raises `AttributeError` whose text is the bare name, as
    Pyodide does. Attributes that begin with an underscore belong to the host. `constructor.name` is the class attribute
    `js_name`, else the Python class's name.
    """

    __slots__ = ()

    constructor: ClassVar[JsConstructor]
    _tag: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._tag = getattr(cls, "js_name", None) or cls.__name__
        if "constructor" not in cls.__dict__:
            cls.constructor = JsConstructor._for(cls)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name, name=name, obj=self)

    def __repr__(self) -> str:
        return self.toString()

    def toString(self) -> str:
        return f"[object {self._tag}]"

    def toLocaleString(self) -> str:
        return self.toString()

    def valueOf(self) -> Any:
        return self

    def hasOwnProperty(self, name: Any = None, *_: Any) -> bool:
        return name in self._own_keys()

    @property
    def typeof(self) -> str:
        return "function" if callable(self) else "object"

    @property
    def js_id(self) -> int:
        return id(self)

    def to_py(self, *, depth: int = -1, default_converter: Callable[..., Any] | None = None) -> Any:
        """The Python value of this object: lists, dicts, sets, memoryviews; other classes go to `default_converter`."""
        return self._as_py(PyConversion(default_converter), depth)

    def _as_py(self, run: PyConversion, depth: int) -> Any:
        if run.default_converter is None:
            return self
        return run.default_converter(self, run.convert, run.remember)

    def _own_keys(self) -> list[str]:
        """The object's own enumerable property names."""
        return [name for name in getattr(self, "__dict__", ()) if not name.startswith("_")]

    def object_keys(self) -> Any:
        return _made["array"](list(self._own_keys()))

    def object_values(self) -> Any:
        return _made["array"]([getattr(self, name) for name in self._own_keys()])

    def object_entries(self) -> Any:
        array = _made["array"]
        return array([array([name, getattr(self, name)]) for name in self._own_keys()])


# The array class is above this module; it enters itself here so that the methods every object has can answer arrays.
_made: dict[str, Callable[..., Any]] = {}


def fold(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Pyodide's rule for calling JavaScript: keyword arguments become one trailing options object."""
    return (*args, _made["object"](kwargs))


class JsFunction(JsProxy):
    """A JavaScript function. Keyword arguments of a call fold into one trailing options object."""

    __slots__ = ("_fn", "name")
    constructor: ClassVar[Any] = None

    def __init__(self, fn: Callable[..., Any], name: str | None = None) -> None:
        self._fn = fn
        self.name = fn.__name__ if name is None else name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args = fold(args, kwargs)
        return self._fn(*args)

    def toString(self) -> str:
        return f"function {self.name}() {{ [native code] }}"

    def call(self, this: Any = None, *args: Any) -> Any:
        return self._fn(*args)

    def apply(self, this: Any = None, args: Any = (), *_: Any) -> Any:
        return self._fn(*(args or ()))

    def bind(self, this: Any = None, *bound: Any) -> JsFunction:
        return JsFunction(lambda *args: self._fn(*bound, *args), f"bound {self.name}")

    def _own_keys(self) -> list[str]:
        return []


class JsConstructor(JsFunction):
    """A class of the emulated world, such as `js.Response`: `new`, `name` and its static members.

    `new(*args, **options)` calls the Python class. A function `_static_NAME` of the class is the static method `NAME`,
    a plain value under such a name a constant.
    """

    __slots__ = ("_cls", "_statics", "new")
    constructor: ClassVar[Any] = None
    _cls: type[JsProxy]
    _statics: dict[str, Any]
    new: Callable[..., Any]

    @classmethod
    def _for(cls, target: type[JsProxy]) -> JsConstructor:
        made = object.__new__(cls)
        made.name = target._tag
        made._cls = target
        made._fn = made._refuse
        statics: dict[str, Any] = {}
        for base in reversed(target.__mro__):
            for name, value in base.__dict__.items():
                if name.startswith("_static_"):
                    public = name.removeprefix("_static_")
                    value = getattr(target, name)
                    statics[public] = JsFunction(value, public) if callable(value) else value
        made._statics = statics

        def new(*args: Any, **kwargs: Any) -> Any:
            if kwargs:
                args = fold(args, kwargs)
            return target(*args)

        made.new = new
        return made

    def __getattr__(self, name: str) -> Any:
        try:
            return self._statics[name]
        except KeyError:
            raise AttributeError(name, name=name, obj=self) from None

    def _refuse(self, *_: Any) -> Any:
        call = getattr(self._cls, "_called", None)  # what `Name(...)` without `new` does, where JavaScript allows it
        if call is None:
            _made["throw"]("TypeError", f"Class constructor {self.name} cannot be invoked without 'new'")
            raise AssertionError
        return call(*_)

    def toString(self) -> str:
        return f"function {self.name}() {{ [native code] }}"


for _cls in (JsFunction, JsConstructor):
    _cls._tag = "Function"
_function = JsConstructor._for(JsFunction)
JsFunction.constructor = JsConstructor.constructor = _function


def python_name(name: str) -> str:
    """The JavaScript name behind an attribute: Pyodide drops one underscore behind a Python keyword (`from_`)."""
    if name.endswith("_") and keyword.iskeyword(name.rstrip("_")):
        return name[:-1]
    return name
