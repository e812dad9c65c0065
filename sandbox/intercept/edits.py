"""A message as it is shown (secrets masked) and as it comes back edited (those that were left alone put back). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.errors import UserError


class BadEdit(UserError):
    """An edited message that cannot be sent; it begins with the field's path, and the message is still held."""

    code = "bad_edit"


def masked(value: Any, redact: Callable[[str], str]) -> Any:
    """A JSON value with the secrets of its texts taken out."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: masked(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, redact) for item in value]
    return value


def restored(original: Any, shown: Any, edited: Any, mask: str, path: str = "message") -> Any:
    """`edited`, where each text that is still as it was `shown` is again as in `original`. Raises BadEdit for a mask in
    another place: what it hides is not known there."""
    if isinstance(edited, str):
        if edited == shown:
            return original
        if mask in edited:
            raise BadEdit(
                f"{path}: holds {mask} in place of a secret", hint="leave such a text as it is, or write all of it"
            )
        return edited
    if isinstance(edited, dict):
        before, seen = (value if isinstance(value, dict) else {} for value in (original, shown))
        return {k: restored(before.get(k), seen.get(k), item, mask, f"{path}.{k}") for k, item in edited.items()}
    if isinstance(edited, list):
        known: list[tuple[Any, Any]] = [(None, None)] * len(edited)
        # one more or one less: which was which is not known any more
        if isinstance(original, list) and isinstance(shown, list) and len(original) == len(edited):
            known = list(zip(original, shown, strict=True))
        return [restored(*known[at], item, mask, f"{path}[{at}]") for at, item in enumerate(edited)]
    return edited
