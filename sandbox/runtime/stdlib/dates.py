"""`datetime.now`, `utcnow` and `today` of worker code, by the worker's clock.

The class `datetime` itself must stay the real one: libraries compare types by identity (pydantic, singledispatch), and
its values travel. So it is the three calls that are led here: the loader compiles `X.now` in worker code as
`__sandbox_clock__(X, "now")`, which is `X.now` unless that is the built-in method of a date class.
"""

from __future__ import annotations

import ast
import re
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from types import BuiltinFunctionType
from typing import Any

from sandbox.runtime.context import real_time, time_ns

NAME = "__sandbox_clock__"
_CALLS = frozenset({"now", "utcnow", "today"})
_MENTIONED = re.compile(rb"\.\s*(?:now|utcnow|today)\b")


def clock_attribute(owner: Any, name: str) -> Any:
    """`owner.name`, or what reads the worker's clock in its place."""
    found = getattr(owner, name)
    if type(found) is BuiltinFunctionType and isinstance(found.__self__, type) and issubclass(found.__self__, date):
        return partial(_READ[name], found)
    return found


def mentions_clock(source: bytes) -> bool:
    """Whether `by_clock` would change anything of this source; most files need not be parsed for it."""
    return _MENTIONED.search(source) is not None


def by_clock(source: bytes, path: str) -> ast.Module:
    """The source as a tree in which the three calls ask `clock_attribute`; lines and columns are those written."""
    tree = ast.parse(source, path)
    return ast.fix_missing_locations(_Lead().visit(tree))  # type: ignore[no-any-return]


class _Lead(ast.NodeTransformer):
    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        return node  # `case Kind.now:` must stay a name

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr not in _CALLS or not isinstance(node.ctx, ast.Load):
            return node
        name = ast.Name(NAME, ast.Load())
        call = ast.Call(name, [node.value, ast.Constant(node.attr)], [])
        for made in (call, name, call.args[1]):
            ast.copy_location(made, node)
        return call


def _seconds() -> float:
    # whole microseconds, rounded down as the real one does
    return time_ns() // 1000 / 1_000_000


def _now(real: Any, tz: tzinfo | None = None) -> datetime:
    return real(tz) if real_time() else real.__self__.fromtimestamp(_seconds(), tz)  # type: ignore[no-any-return]


def _utcnow(real: Any) -> datetime:
    if real_time():
        return real()  # type: ignore[no-any-return]
    return real.__self__.fromtimestamp(_seconds(), UTC).replace(tzinfo=None)  # type: ignore[no-any-return]


def _today(real: Any) -> date:
    return real() if real_time() else real.__self__.fromtimestamp(_seconds())  # type: ignore[no-any-return]


_READ = {"now": _now, "utcnow": _utcnow, "today": _today}
