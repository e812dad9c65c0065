from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")

def relaxed_call(func: Callable[..., _T], *args: Any, **kwargs: Any) -> _T: ...
def relaxed_wrap(func: Callable[..., _T]) -> Callable[..., _T]: ...
