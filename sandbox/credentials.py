"""By which names credentials go: in headers, in the query of an address, in the fields of a message.

Two degrees. What is recorded to be replayed keeps all that tells one call from another, so only names that mean nothing
else are taken out (HEADERS, QUERY, FIELDS). What is only looked at (logs, events, errors) goes by the wider ones as
well: an `x-session-id` too much is no loss there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import unquote_plus

from sandbox.ids import MASK

HEADERS = (
    *("*authorization", "*cookie", "*api_key", "*apikey", "*auth", "*access_key", "*subscription_key", "*secret_key"),
    *("token", "*_token", "secret", "*_secret", "password", "*_password", "signature", "*_signature*", "*_credential"),
)
QUERY = (
    *("api_key", "apikey", "key", "token", "access_token", "refresh_token", "id_token", "auth", "auth_token"),
    *("password", "passwd", "pwd", "secret", "client_secret", "signature", "sig", "sas", "session_token"),
    *("x_amz_signature", "x_amz_credential", "x_amz_security_token", "x_goog_signature", "x_goog_credential"),
)
FIELDS = (
    *("api_key", "apikey", "access_token", "refresh_token", "id_token", "auth_token", "bearer_token", "session_token"),
    *("authorization", "password", "passwd", "pwd", "secret", "client_secret", "private_key", "secret_key"),
)
DOUBTFUL = ("key", "token", "signature", "credential", "credentials")
"""Fields that mean other things too: secret where the value looks like a credential, long and without a blank."""
_WIDER = (
    *("*authorization*", "*cookie*", "*token*", "*secret*", "*api_key*", "*apikey*", "*password*", "*credential*"),
    *("*session*", "*signature*", "auth_*", "*_auth", "*oauth*"),
)
_COUNTS = ("*ratelimit*", "*rate_limit*", "max_tokens", "*_max_tokens")
"""Numbers of a model's tokens, not tokens."""
# Wherever an address stands in a text.
_PARAMETER = re.compile(r"[?&]([^=&?#\s\"<>]+)=")
_VALUE = re.compile(r"[^&#\s\"<>]+")
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/?#@\s\"<>]+@", re.IGNORECASE)


def plain_name(name: str) -> str:
    """The form in which names are compared: `Api-Key`, `api_key` and `apiKey` are one."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")


class Names:
    """Names (with `*` for anything), less those to keep. Remembers what it was asked: names repeat, and are few."""

    def __init__(self, patterns: Iterable[str], keep: Iterable[str] = ()) -> None:
        self._patterns = [plain_name(pattern) for pattern in patterns]
        self._keep = [plain_name(pattern) for pattern in keep]
        self._known: dict[str, bool] = {}

    def has(self, name: str) -> bool:
        found = self._known.get(name)
        if found is None:
            plain = plain_name(name)
            found = any(fnmatchcase(plain, one) for one in self._patterns)
            found = found and not any(fnmatchcase(plain, one) for one in self._keep)
            if len(self._known) < 10_000:
                self._known[name] = found
        return found


RECORDED_HEADERS = Names(HEADERS)
RECORDED_QUERY = Names(QUERY)
SHOWN_HEADERS = Names((*HEADERS, *_WIDER), _COUNTS)
SHOWN_QUERY = Names((*QUERY, *_WIDER), _COUNTS)


def without_parameters(text: str, names: Names) -> str:
    """A text with addresses in it, the values of secret parameters masked. Twice is the same as once."""
    if "=" not in text:
        return text
    pieces, done = [], 0
    # One by one, for the value of a harmless parameter may be an address with parameters of its own.
    for found in _PARAMETER.finditer(text):
        value = _VALUE.match(text, found.end())
        if value is not None and found.start() >= done and names.has(unquote_plus(found[1])):
            pieces += [text[done : found.end()], MASK]
            done = value.end()
    return "".join([*pieces, text[done:]])


def without_users(text: str, instead: str = "") -> str:
    """A text with addresses in it, user and password taken out of them."""
    return _USER.sub(rf"\1{instead}", text) if "@" in text else text


def shown_url(url: str) -> str:
    """An address as it may be shown: no user and password, no values of secret parameters."""
    return without_parameters(without_users(url, f"{MASK}@"), SHOWN_QUERY)
