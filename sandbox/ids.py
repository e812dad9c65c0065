"""Ids and tokens: 128 random bits each, so that none repeats and none can be guessed."""

from __future__ import annotations

import hmac
import secrets

MASK = "[secret]"
"""What stands where a secret was taken out of a text."""


def new_id(prefix: str) -> str:
    """A fresh id such as `exec_3f…` (prefix, underscore, 32 hex digits)."""
    return f"{prefix}_{secrets.token_hex(16)}"


def new_token() -> str:
    """A bearer token, 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def new_seed() -> int:
    """A seed for repeatable chance, 128 bits."""
    return secrets.randbits(128)


def same_secret(given: str, expected: str) -> bool:
    """Compare two secrets in constant time. Every comparison of tokens goes through here."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))
