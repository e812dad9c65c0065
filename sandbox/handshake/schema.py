"""Checking JSON data against annotated classes. Standard library only, because it ships beside a worker.

A schema is an ordinary annotation: a dataclass, a `TypedDict`, any class with annotated attributes, or a list, dict,
union, literal or number of those. Checking answers the value (dataclasses and annotated classes become instances, with
defaults filled in; everything else stays plain data) or raises `ProtocolError` with the path of the first wrong field.
Fields the schema does not name pass: they stay in plain data and are left out of instances.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
Check = Callable[[Any], Any]


class ProtocolError(ValueError):
    """A value that does not fit. `path` is the field's (`articles[3].title`, empty for the whole), `message` says why."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message

    def under(self, parent: str) -> ProtocolError:
        """The same error seen from outside: `title` under `articles[3]` is `articles[3].title`."""
        if not self.path:
            return ProtocolError(parent, self.message)
        joint = "" if self.path.startswith("[") or not parent else "."
        return ProtocolError(f"{parent}{joint}{self.path}", self.message)


@dataclasses.dataclass(frozen=True)
class Synonyms:
    """Other names a field may come under: `topic: Annotated[str, Synonyms("query")]`. The first one present is taken."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


class Schema(Generic[T]):
    """The compiled form of an annotation.

    With `lenient`, a null where a field has a default counts as absent; the protocol's own messages are read so.
    Raises TypeError for an annotation that has no meaning in JSON, naming it.
    """

    def __init__(self, annotation: type[T] | Any, *, lenient: bool = False) -> None:
        self.annotation = annotation
        self._check = _Compiler(lenient).compile(annotation)

    def check(self, value: Any, path: str = "") -> T:
        """The value in the schema's form. Raises `ProtocolError`; its path begins with `path`."""
        try:
            return cast(T, self._check(value))
        except ProtocolError as error:
            raise (error.under(path) if path else error) from None


def describe(value: Any) -> str:
    """What a JSON value is, in words for an error: `null`, `a string`, `the number 3`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "an array"
    return f"a Python {type(value).__name__}"


def to_plain(value: Any) -> Any:
    """Plain JSON data of what a worker returned: dataclasses and annotated objects become dicts, tuples lists.

    Raises `ProtocolError` with the path of the first value that JSON cannot hold (a date, a set, NaN, a key that is no
    string).
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ProtocolError("", f"{value} is no JSON number")
        return value
    if isinstance(value, Mapping):
        plain = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise ProtocolError("", f"expected keys to be strings, got {key!r}")
            plain[key] = _plain_at(key, item)
        return plain
    if isinstance(value, list | tuple):
        return [_plain_at(f"[{index}]", item) for index, item in enumerate(value)]
    if isinstance(value, type) or not (dataclasses.is_dataclass(value) or _annotated(type(value))):
        raise ProtocolError("", f"a Python {type(value).__name__} cannot be written as JSON")
    names = [name for name in typing.get_type_hints(type(value)) if hasattr(value, name)]
    return {name: _plain_at(name, getattr(value, name)) for name in names}


def _plain_at(part: str, value: Any) -> Any:
    try:
        return to_plain(value)
    except ProtocolError as error:
        raise error.under(part) from None


def _annotated(cls: type) -> bool:
    return any(inspect.get_annotations(base) for base in cls.__mro__[:-1])


_MISSING = object()
_WORDS = {str: "a string", bool: "true or false", int: "an integer", float: "a number", type(None): "null"}


@dataclasses.dataclass(frozen=True)
class _Field:
    name: str
    names: tuple[str, ...]
    check: Check
    required: bool
    expected: str
    default: Callable[[], Any] | None


class _Compiler:
    """Turns annotations into check functions. Classes are compiled once, so that they may contain themselves."""

    def __init__(self, lenient: bool) -> None:
        self._lenient = lenient
        self._classes: dict[type, Check] = {}

    def compile(self, annotation: Any) -> Check:
        if annotation is Any or annotation is object:
            return lambda value: value
        if annotation is None or annotation in _WORDS:
            return _scalar(type(None) if annotation is None else annotation)
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in (typing.Annotated, typing.Required, typing.NotRequired):
            return self.compile(arguments[0])
        if origin is typing.Union or origin is types.UnionType:
            return self._union(arguments)
        if origin is typing.Literal:
            return _literal(arguments)
        base = origin or annotation
        if isinstance(base, type):
            if issubclass(base, dict) and typing.is_typeddict(base):
                return self._class(base)
            if base in (list, tuple) or base is Sequence:
                return self._list(arguments[0] if arguments else Any)
            if base is dict or base is Mapping:
                return self._dict(arguments[1] if arguments else Any)
            if hasattr(base, "from_json") or dataclasses.is_dataclass(base) or _annotated(base):
                return self._class(base)
        raise TypeError(
            f"a schema cannot hold {annotation!r}: use JSON's types, lists, dicts, unions, annotated classes"
        )

    def _list(self, item: Any) -> Check:
        check_item = self.compile(item)

        def check(value: Any) -> list[Any]:
            if not isinstance(value, list | tuple):
                raise ProtocolError("", f"expected an array, got {describe(value)}")
            checked = []
            for element in value:
                try:
                    checked.append(check_item(element))
                except ProtocolError as error:
                    raise error.under(f"[{len(checked)}]") from None
            return checked

        return check

    def _dict(self, item: Any) -> Check:
        check_item = self.compile(item)

        def check(value: Any) -> dict[str, Any]:
            if not isinstance(value, Mapping):
                raise ProtocolError("", f"expected an object, got {describe(value)}")
            checked: dict[str, Any] = {}
            for key, element in value.items():
                try:
                    checked[key] = check_item(element)
                except ProtocolError as error:
                    raise error.under(str(key)) from None
            return checked

        return check

    def _union(self, members: tuple[Any, ...]) -> Check:
        checks = [(member, self.compile(member)) for member in members]
        expected = " or ".join(_words(member) for member in members)

        def check(value: Any) -> Any:
            inner: ProtocolError | None = None
            for member, check_member in checks:
                try:
                    return check_member(value)
                except ProtocolError as error:
                    # An error from inside a member of the right kind says more than "none of these".
                    if error.path or _is_kind(member, value):
                        inner = inner or error
            raise inner or ProtocolError("", f"expected {expected}, got {describe(value)}")

        return check

    def _class(self, cls: type) -> Check:
        if cls in self._classes:
            return self._classes[cls]
        compiled: list[Check] = []
        self._classes[cls] = lambda value: compiled[0](value)
        reader = getattr(cls, "from_json", None)
        compiled.append(reader if reader is not None else self._fields_check(cls))
        return compiled[0]

    def _fields_check(self, cls: type) -> Check:
        fields = [self._field(cls, name, hint) for name, hint in _hints(cls).items()]
        plain, lenient = typing.is_typeddict(cls), self._lenient

        def check(value: Any) -> Any:
            if not plain and isinstance(value, cls):
                return value
            if not isinstance(value, Mapping):
                raise ProtocolError("", f"expected an object, got {describe(value)}")
            checked: dict[str, Any] = dict(value) if plain else {}
            for field in fields:
                found, given = field.name, _MISSING
                for found in field.names:
                    given = value.get(found, _MISSING)
                    if given is not _MISSING:
                        break
                if given is _MISSING or (given is None and lenient and not field.required):
                    if field.required:
                        raise ProtocolError(field.name, f"missing, expected {field.expected}")
                    if field.default is not None:
                        checked[field.name] = field.default()
                    continue
                try:
                    checked[field.name] = field.check(given)
                except ProtocolError as error:
                    raise error.under(found) from None
            return checked if plain else _build(cls, checked)

        return check

    def _field(self, cls: type, name: str, hint: Any) -> _Field:
        names, annotation = [name], hint
        required, default = _default_of(cls, name)
        while typing.get_origin(annotation) in (typing.Annotated, typing.Required, typing.NotRequired):
            for extra in getattr(annotation, "__metadata__", ()):
                if isinstance(extra, Synonyms):
                    names += extra.names
            # A TypedDict does not see these words itself where annotations are strings.
            if typing.get_origin(annotation) is not typing.Annotated:
                required = typing.get_origin(annotation) is typing.Required
            annotation = typing.get_args(annotation)[0]
        return _Field(name, tuple(names), self.compile(annotation), required, _words(annotation), default)


def _hints(cls: type) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"the annotations of {cls.__qualname__} cannot be read: {error}. Define what they name at the module's top level"
        ) from error
    return {name: hint for name, hint in hints.items() if typing.get_origin(hint) is not typing.ClassVar}


def _default_of(cls: type, name: str) -> tuple[bool, Callable[[], Any] | None]:
    """Whether the field must be there, and what makes its default."""
    if typing.is_typeddict(cls):
        return name in cast(Any, cls).__required_keys__, None
    if dataclasses.is_dataclass(cls):
        spec = cls.__dataclass_fields__[name]
        if spec.default is not dataclasses.MISSING:
            return False, lambda: spec.default
        if spec.default_factory is not dataclasses.MISSING:
            return False, spec.default_factory
        return True, None
    if hasattr(cls, name):
        value = getattr(cls, name)
        # A mutable default is copied, so that one request's data is never seen by the next.
        return False, (lambda: to_plain(value)) if isinstance(value, list | dict) else (lambda: value)
    return True, None


def _build(cls: type, fields: dict[str, Any]) -> Any:
    if dataclasses.is_dataclass(cls):
        try:
            return cls(**fields)
        except ProtocolError:
            raise
        except ValueError as error:
            raise ProtocolError("", str(error)) from error
    instance: Any = object.__new__(cls)
    for name, value in fields.items():
        setattr(instance, name, value)
    return instance


def _scalar(kind: type) -> Check:
    expected = _WORDS[kind]

    def check(value: Any) -> Any:
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if kind is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ProtocolError("", f"expected {expected}, got {describe(value)}")
        return value

    return check


def _literal(values: tuple[Any, ...]) -> Check:
    expected = _words(typing.Literal[values])

    def check(value: Any) -> Any:
        for allowed in values:
            if value == allowed and isinstance(value, bool) == isinstance(allowed, bool):
                return allowed
        got = repr(value) if isinstance(value, str) and len(value) <= 40 else describe(value)
        raise ProtocolError("", f"expected {expected}, got {got}")

    return check


def _words(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in _WORDS:
        return _WORDS[annotation]
    if annotation is None:
        return "null"
    if annotation is Any or annotation is object:
        return "any value"
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return _words(arguments[0])
    if origin is typing.Union or origin is types.UnionType:
        return " or ".join(_words(member) for member in arguments)
    if origin is typing.Literal:
        return " or ".join(repr(value) for value in arguments)
    return "an array" if (origin or annotation) in (list, tuple, Sequence) else "an object"


def _is_kind(member: Any, value: Any) -> bool:
    words = _words(member)
    return (words == "an object" and isinstance(value, Mapping)) or (words == "an array" and isinstance(value, list))
