"""`random`, `secrets`, `uuid` and `os.urandom` as worker code sees them: drawn from the tape of the packet at work,
where there is none from the real ones."""

from __future__ import annotations

import base64
import os as real_os
import random as real_random
import secrets as real_secrets
import uuid as real_uuid
from collections.abc import Callable
from typing import Any

from sandbox.runtime.context import current_worker, time_ns
from sandbox.runtime.stdlib.environ import environ, environb, getenv, getenvb
from sandbox.runtime.stdlib.module import StandIn, named
from sandbox.runtime.tape import Tape, current_tape

_GREGORIAN = 0x01B21DD213814000
"""100 ns steps from 1582, where the time of a UUID begins, to the epoch."""
_DEFAULT_BYTES = 32
RANDOMNESS = "Randomness is not allowed while a Worker is starting"


def _tape() -> Tape | None:
    """The tape to draw from. Raises OSError where a worker is being imported, and what fails on Cloudflare fails here."""
    worker = current_worker.get()
    # What a library does for itself while it is imported is not seen: it has the real modules.
    if (
        worker is not None
        and worker.importing
        and worker.checks is not None
        and worker.checks.found("import-randomness", "chance is asked for while the module is imported")
    ):
        raise OSError(29, RANDOMNESS)
    return current_tape.get()


def random_bytes(count: int) -> bytes:
    """`os.urandom` as worker code sees it."""
    tape = _tape()
    return real_os.urandom(count) if tape is None else tape.entropy.randbytes(count)


def random_number() -> float:
    """`random.random` as worker code sees it."""
    tape = _tape()
    return real_random.random() if tape is None else tape.random.random()  # noqa: S311


def new_uuid4() -> real_uuid.UUID:
    """`uuid.uuid4` as worker code sees it."""
    tape = _tape()
    return real_uuid.uuid4() if tape is None else real_uuid.UUID(bytes=tape.entropy.randbytes(16), version=4)


# -- random ----------------------------------------------------------------------------------------------------------


class _AlsoReal(type):
    """The real class and its instances count as this one's, for libraries hold those."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return super().__instancecheck__(instance) or (cls in _STAND_FOR and isinstance(instance, _STAND_FOR[cls]))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return super().__subclasscheck__(subclass) or (cls in _STAND_FOR and issubclass(subclass, _STAND_FOR[cls]))


_STAND_FOR: dict[type, type] = {}


class Random(real_random.Random, metaclass=_AlsoReal):
    """A generator that nobody seeds takes its seed from the packet's chance."""

    def seed(self, a: Any = None, version: int = 2) -> None:
        tape = _tape() if a is None else None
        super().seed(a if tape is None else tape.entropy.getrandbits(256), version)

    def __reduce__(self) -> tuple[Any, ...]:
        # by the real name, under which pickle finds the class again
        return real_random.Random if type(self) is Random else type(self), (), self.getstate()


class SystemRandom(real_random.SystemRandom, metaclass=_AlsoReal):
    def random(self) -> float:
        tape = _tape()
        return super().random() if tape is None else tape.entropy.random()

    def getrandbits(self, k: int, /) -> int:
        tape = _tape()
        return super().getrandbits(k) if tape is None else tape.entropy.getrandbits(k)

    def randbytes(self, n: int) -> bytes:
        return random_bytes(n)


_STAND_FOR |= {Random: real_random.Random, SystemRandom: real_random.SystemRandom}
for _class in _STAND_FOR:
    _class.__module__, _class.__doc__ = "random", _STAND_FOR[_class].__doc__


_STATE = ("seed", "getstate", "setstate")


def _drawn(name: str) -> Callable[..., Any]:
    def draw(*args: Any, **kwargs: Any) -> Any:
        tape = current_tape.get() if name in _STATE else _tape()
        return getattr(real_random if tape is None else tape.random, name)(*args, **kwargs)

    draw.__name__ = draw.__qualname__ = name
    draw.__module__, draw.__doc__ = "random", getattr(real_random, name).__doc__
    return draw


_FUNCTIONS = [name for name in real_random.__all__ if not isinstance(getattr(real_random, name), type)]
random = StandIn(
    real_random, {**{name: _drawn(name) for name in _FUNCTIONS}, "Random": Random, "SystemRandom": SystemRandom}
)


# -- secrets and os --------------------------------------------------------------------------------------------------

_system = SystemRandom()


def _token_bytes(nbytes: int | None = None) -> bytes:
    return random_bytes(_DEFAULT_BYTES if nbytes is None else nbytes)


def _token_hex(nbytes: int | None = None) -> str:
    return _token_bytes(nbytes).hex()


def _token_urlsafe(nbytes: int | None = None) -> str:
    return base64.urlsafe_b64encode(_token_bytes(nbytes)).rstrip(b"=").decode("ascii")


def _randbelow(exclusive_upper_bound: int) -> int:
    if exclusive_upper_bound <= 0:
        raise ValueError("Upper bound must be positive.")
    return _system.randrange(exclusive_upper_bound)


_SECRETS: dict[str, Callable[..., Any]] = {
    "token_bytes": _token_bytes,
    "token_hex": _token_hex,
    "token_urlsafe": _token_urlsafe,
    "randbelow": _randbelow,
    "choice": lambda seq: _system.choice(seq),
    "randbits": lambda k: _system.getrandbits(k),
}
secrets = StandIn(
    real_secrets,
    {
        **{name: named(own, getattr(real_secrets, name)) for name, own in _SECRETS.items()},
        "SystemRandom": SystemRandom,
    },
)


def _urandom(size: int, /) -> bytes:
    return random_bytes(size)


def _getrandom(size: int, flags: int = 0) -> bytes:
    return real_os.getrandom(size, flags) if _tape() is None else random_bytes(size)


_OS: dict[str, Callable[..., Any]] = {
    "urandom": _urandom,
    "getrandom": _getrandom,
    "getenv": getenv,
    "getenvb": getenvb,
}
os = StandIn(
    real_os,
    {
        **{name: named(own, getattr(real_os, name)) for name, own in _OS.items() if hasattr(real_os, name)},
        "environ": environ,
        "environb": environb,
    },
)


# -- uuid ------------------------------------------------------------------------------------------------------------


def _uuid1(node: int | None = None, clock_seq: int | None = None) -> real_uuid.UUID:
    tape = _tape()
    if tape is None:
        return real_uuid.uuid1(node, clock_seq)
    # A node of chance, marked as such (RFC 9562, 6.10): the machine's own address is not repeatable elsewhere.
    node = tape.entropy.getrandbits(48) | 1 << 40 if node is None else node
    clock_seq = tape.entropy.getrandbits(14) if clock_seq is None else clock_seq
    steps = time_ns() // 100 + _GREGORIAN
    low, mid, high = steps & 0xFFFFFFFF, steps >> 32 & 0xFFFF, steps >> 48 & 0x0FFF
    return real_uuid.UUID(fields=(low, mid, high, clock_seq >> 8 & 0x3F, clock_seq & 0xFF, node), version=1)


def _uuid6(node: int | None = None, clock_seq: int | None = None) -> real_uuid.UUID:
    if _tape() is None:
        return real_uuid.uuid6(node, clock_seq)  # type: ignore[attr-defined, no-any-return]
    first = _uuid1(node, clock_seq)
    steps = first.time
    head = (steps >> 12 & 0xFFFFFFFFFFFF) << 16 | 0x6000 | steps & 0x0FFF
    return real_uuid.UUID(int=head << 64 | first.int & 0xFFFFFFFFFFFFFFFF)


def _uuid7() -> real_uuid.UUID:
    tape = _tape()
    if tape is None:
        return real_uuid.uuid7()  # type: ignore[attr-defined, no-any-return]
    drawn = tape.entropy.getrandbits(74)
    head = (time_ns() // 1_000_000 & 0xFFFFFFFFFFFF) << 16 | 0x7000 | drawn >> 62
    return real_uuid.UUID(int=head << 64 | 0b10 << 62 | drawn & 0x3FFFFFFFFFFFFFFF)


def _uuid8(a: int | None = None, b: int | None = None, c: int | None = None) -> real_uuid.UUID:
    tape = _tape()
    if tape is not None:
        a = tape.entropy.getrandbits(48) if a is None else a
        b = tape.entropy.getrandbits(12) if b is None else b
        c = tape.entropy.getrandbits(62) if c is None else c
    return real_uuid.uuid8(a, b, c)  # type: ignore[attr-defined, no-any-return]


_UUID: dict[str, Callable[..., Any]] = {
    "uuid1": _uuid1,
    "uuid4": lambda: new_uuid4(),
    "uuid6": _uuid6,
    "uuid7": _uuid7,
    "uuid8": _uuid8,
}
uuid = StandIn(
    real_uuid, {name: named(own, getattr(real_uuid, name)) for name, own in _UUID.items() if hasattr(real_uuid, name)}
)
