"""A message as it is shown (secrets masked) and as it comes back edited (those that were left alone put back). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sandbox.errors import UserError

T = TypeVar("T")


class BadEdit(UserError):
    """An edited message that cannot be sent; each problem begins with the field's path, and the message is still held."""

    code = "bad_edit"


class Wrong:
    """What is wrong with an edited message, gathered so that all of it is said at once."""

    def __init__(self) -> None:
        self._found: list[BadEdit] = []

    def add(self, message: str, hint: str | None = None) -> None:
        self._found.append(BadEdit(message, hint=hint))

    def take(self, read: Callable[..., T], *given: Any) -> T | None:
        """What `read` makes of what is given; None where it raises BadEdit, which is noted."""
        try:
            return read(*given)
        except BadEdit as error:
            self._found.append(error)
            return None

    def end(self) -> None:
        """Raises BadEdit with everything that was noted."""
        if self._found:
            hints = dict.fromkeys(error.hint for error in self._found if error.hint)
            messages = dict.fromkeys(error.message for error in self._found)
            raise BadEdit("; ".join(messages), hint="; ".join(hints) or None)


def masked(value: Any, redact: Callable[[str], str]) -> Any:
    """A JSON value with the secrets of its texts taken out."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: masked(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, redact) for item in value]
    return value


def restored(original: Any, shown: Any, edited: Any, mask: str) -> Any:
    """`edited`, where each text that is still as it was `shown` is again as in `original`. Raises BadEdit for masks in
    other places: what they hide is not known there."""
    wrong = Wrong()
    whole = _restored(original, shown, edited, mask, "message", wrong)
    wrong.end()
    return whole


def _restored(original: Any, shown: Any, edited: Any, mask: str, path: str, wrong: Wrong) -> Any:
    if isinstance(edited, str):
        if edited == shown:
            return original
        if mask in edited:
            wrong.add(f"{path}: holds {mask} in place of a secret", "leave such a text as it is, or write all of it")
        return edited
    if isinstance(edited, dict):
        before, seen = (value if isinstance(value, dict) else {} for value in (original, shown))
        return {
            k: _restored(before.get(k), seen.get(k), item, mask, f"{path}.{k}", wrong) for k, item in edited.items()
        }
    if isinstance(edited, list):
        known: list[tuple[Any, Any]] = [(None, None)] * len(edited)
        # one more or one less: which was which is not known any more
        if isinstance(original, list) and isinstance(shown, list) and len(original) == len(edited):
            known = list(zip(original, shown, strict=True))
        return [_restored(*known[at], item, mask, f"{path}[{at}]", wrong) for at, item in enumerate(edited)]
    return edited
