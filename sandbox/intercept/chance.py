"""Repeatable chance: the n-th decision depends on the seed and on n, and on nothing else. Pure."""

from __future__ import annotations

import hashlib

_RANGE = 2**64


def draw(seed: int, number: int) -> tuple[float, float]:
    """Two numbers of [0, 1) for decision `number`: whether, and how much. The same on every machine and Python."""
    digest = hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8]) / _RANGE, int.from_bytes(digest[8:]) / _RANGE
