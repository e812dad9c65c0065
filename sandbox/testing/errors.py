"""A test that asks for what is not there."""

from __future__ import annotations

from sandbox.errors import UsageError


class Misuse(UsageError):
    """Raised in a test, where nobody prints the hint but the exception itself."""

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message
