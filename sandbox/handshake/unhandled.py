"""Who is told of an exception that `process` let through, before it becomes the packet's error: a debugger's way in."""

from __future__ import annotations

from collections.abc import Callable

watchers: list[Callable[[BaseException], None]] = []
"""Empty in production, and wherever no debugger asked."""
