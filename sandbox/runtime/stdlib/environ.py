"""`os.environ` as worker code sees it: nothing of the shell that the sandbox was started in."""

from __future__ import annotations

import os as real
from collections.abc import Iterator, MutableMapping

from sandbox.runtime.context import current_worker


class Environ(MutableMapping[str, str]):
    """What workers have put in themselves. Libraries see that, too: it goes to the real one as well."""

    def __init__(self) -> None:
        self._own: dict[str, str] = {}
        self._before: dict[str, str | None] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._own and name in real.environ:
            worker = current_worker.get()
            if worker is not None and worker.checks is not None:
                worker.checks.found("os-environ", f"{name} of os.environ is read")
        return self._own[name]

    def __setitem__(self, name: str, value: str) -> None:
        before = real.environ.get(name)
        real.environ[name] = value
        self._before.setdefault(name, before)
        self._own[name] = value

    def __delitem__(self, name: str) -> None:
        del self._own[name]
        before = self._before.pop(name)
        if before is None:
            real.environ.pop(name, None)
        else:
            real.environ[name] = before

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._own))

    def __len__(self) -> int:
        return len(self._own)

    def __repr__(self) -> str:
        return f"environ({self._own!r})"

    def copy(self) -> dict[str, str]:
        return dict(self._own)

    def __or__(self, other: object) -> dict[str, str]:
        return {**self._own, **other} if isinstance(other, dict | MutableMapping) else NotImplemented

    def __ror__(self, other: object) -> dict[str, str]:
        return {**other, **self._own} if isinstance(other, dict | MutableMapping) else NotImplemented


environ = Environ()


def getenv(key: str, default: str | None = None) -> str | None:
    """`os.getenv` as worker code sees it."""
    return environ.get(key, default)


class EnvironBytes(MutableMapping[bytes, bytes]):
    """`os.environb` as worker code sees it: the same in bytes."""

    def __getitem__(self, name: bytes) -> bytes:
        try:
            return real.fsencode(environ[real.fsdecode(name)])
        except KeyError:
            raise KeyError(name) from None

    def __setitem__(self, name: bytes, value: bytes) -> None:
        environ[real.fsdecode(name)] = real.fsdecode(value)

    def __delitem__(self, name: bytes) -> None:
        del environ[real.fsdecode(name)]

    def __iter__(self) -> Iterator[bytes]:
        return iter([real.fsencode(name) for name in environ])

    def __len__(self) -> int:
        return len(environ)


environb = EnvironBytes()


def getenvb(key: bytes, default: bytes | None = None) -> bytes | None:
    """`os.getenvb` as worker code sees it."""
    return environb.get(key, default)
