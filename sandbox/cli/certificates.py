"""A faster start: certificates are read when the sandbox is up, not while it starts.

aiohttp makes a TLS context when it is imported, and reading the machine's certificates for it takes about 45 ms, a tenth
of a start. Nothing needs them before the first outbound call to an https address.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def read_later() -> Iterator[Callable[[], None]]:
    """Within the block no context reads certificates; call what it yields afterwards, in a thread if you like, to make
    up for it. Contexts made before or after are not concerned."""
    original = ssl.SSLContext.load_default_certs
    waiting: list[tuple[ssl.SSLContext, tuple[Any, ...], dict[str, Any]]] = []

    def remember(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
        waiting.append((self, args, kwargs))

    def make_up() -> None:
        while waiting:
            context, args, kwargs = waiting.pop()
            original(context, *args, **kwargs)

    ssl.SSLContext.load_default_certs = remember  # type: ignore[method-assign]
    try:
        yield make_up
    finally:
        ssl.SSLContext.load_default_certs = original  # type: ignore[method-assign]
