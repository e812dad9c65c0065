"""Numbers and texts of Workers KV, apart from storage.

Where they come from: [docs] developers.cloudflare.com/kv/platform/limits; [seen] recorded from Miniflare's KV behind
real Pyodide; [workerd] `src/workerd/api/kv.c++`; [miniflare] its KV service. A refusal reaches worker code as
`Error: KV <OPERATION> failed: <status> <text>`, apart from those marked TypeError.
"""

from __future__ import annotations

import math
import re
from http import HTTPStatus

from sandbox.errors import UserError

MAX_KEY_BYTES = 512  # [docs, seen]
MAX_VALUE_BYTES = 25 * 1024 * 1024  # [docs, seen]
MAX_METADATA_BYTES = 1024  # of its JSON [docs, seen]
MIN_EXPIRATION_TTL_S = 60  # [docs, seen]
MIN_CACHE_TTL_S = 30  # [seen]
MAX_LIST_KEYS = 1000  # [docs, seen]
MAX_BULK_KEYS = 100  # [docs, seen]
MAX_BULK_CHARACTERS = 25 * 1024 * 1024  # of all values of a bulk get together, as JavaScript counts them [miniflare]
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1  # what an integer option may hold [workerd]

VALUE_TYPES = "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values."  # [seen]
RESPONSE_TYPES = 'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".'  # [seen]
NOT_JSON = "At least one of the requested keys corresponds to a non-json value"  # [seen]
TOO_MANY_OPERATIONS = "Too many API requests by single Worker invocation."
INT_RANGE = f"Value out of range. Must be between {INT32_MIN} and {INT32_MAX} (inclusive)."  # [workerd]

NAMESPACE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class KvRefused(UserError):
    """KV does not accept this. `status` is what the service answers, `message` its text."""

    code = "kv_refused"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, status=status)


class KeyNameRefused(KvRefused):
    """A key name that cannot be (a TypeError in worker code)."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


def utf8(text: str) -> bytes:
    """As JavaScript encodes a string: a lone surrogate becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def key_bytes(key: str) -> bytes:
    """The key as it is stored. Raises `KeyNameRefused`, or `KvRefused` (414) where it is too long. [seen]"""
    if key in ("", ".", ".."):
        raise KeyNameRefused(f'"{key}" is not allowed as a key name.' if key else "Key name cannot be empty.")
    return within_key_length(utf8(key))


def checked_key(key: str) -> str:
    """The key itself, where `key_bytes` accepts it."""
    key_bytes(key)
    return key


def bulk_key_bytes(key: str) -> bytes:
    """A key of a bulk get, which only the service checks. [miniflare]"""
    if key == "":
        raise KvRefused(400, "Key names must not be empty")
    if key in (".", ".."):
        raise KvRefused(400, f'Illegal key name "{key}". Please use a different name.')
    return within_key_length(utf8(key))


def within_key_length(encoded: bytes) -> bytes:
    """The key or prefix itself, where it is not too long. [seen]"""
    if len(encoded) > MAX_KEY_BYTES:
        raise KvRefused(414, f"UTF-8 encoded length of {len(encoded)} exceeds key length limit of {MAX_KEY_BYTES}.")
    return encoded


def expires_at(now: float, expiration: int | None, ttl: int | None) -> int | None:
    """When an entry put at `now` expires, in seconds since the epoch. A TTL wins over a time. [seen]"""
    second = math.floor(now)
    if ttl is not None:
        if ttl <= 0:
            raise KvRefused(400, f"Invalid expiration_ttl of {ttl}. Please specify integer greater than 0.")
        if ttl < MIN_EXPIRATION_TTL_S:
            raise KvRefused(
                400, f"Invalid expiration_ttl of {ttl}. Expiration TTL must be at least {MIN_EXPIRATION_TTL_S}."
            )
        return second + ttl
    if expiration is not None:
        invalid = f"Invalid expiration of {expiration}."
        if expiration <= second:
            raise KvRefused(
                400,
                f"{invalid} Please specify integer greater than the current number of seconds since the UNIX epoch.",
            )
        if expiration < second + MIN_EXPIRATION_TTL_S:
            raise KvRefused(
                400, f"{invalid} Expiration times must be at least {MIN_EXPIRATION_TTL_S} seconds in the future."
            )
    return expiration


def check_metadata(json_text: str | None) -> str | None:
    """Metadata as JSON, where it is not too long. [seen]"""
    if json_text is not None and (length := len(utf8(json_text))) > MAX_METADATA_BYTES:
        raise KvRefused(413, f"Metadata length of {length} exceeds limit of {MAX_METADATA_BYTES}.")
    return json_text


def value_too_long(length: int) -> KvRefused:
    """[seen]"""
    return KvRefused(413, f"Value length of {length} exceeds limit of {MAX_VALUE_BYTES}.")


def check_cache_ttl(ttl: int | None) -> None:
    """`cacheTtl` is checked and has no effect: there is one place only. [seen]"""
    if ttl is not None and ttl < MIN_CACHE_TTL_S:
        raise KvRefused(400, f"Invalid cache_ttl of {ttl}. Cache TTL must be at least {MIN_CACHE_TTL_S}.")


def list_limit(limit: int | None) -> int:
    """Keys a page holds; zero and less mean the greatest number. [seen]"""
    if limit is None or limit <= 0:
        return MAX_LIST_KEYS
    if limit > MAX_LIST_KEYS:
        raise KvRefused(
            400, f"Invalid key_count_limit of {limit}. Please specify an integer less than {MAX_LIST_KEYS}."
        )
    return limit


def check_bulk(count: int, value_type: str) -> None:
    """What a bulk get may ask for. [seen]"""
    if value_type not in ("text", "json"):
        raise KvRefused(400, f'"{value_type}" is not a valid type. Use "json" or "text"')
    if count > MAX_BULK_KEYS:
        raise KvRefused(400, f"You can request a maximum of {MAX_BULK_KEYS} keys")
    if count < 1:
        raise KvRefused(400, "You must request a minimum of 1 key")


def bulk_too_long() -> KvRefused:
    """[miniflare]"""
    return KvRefused(413, f"Total size of request exceeds the limit of {MAX_BULK_CHARACTERS // 1024 // 1024}MB")


def int32(number: float) -> int | None:
    """A JavaScript number as an integer option takes it: truncated, 0 for what is no finite number; None where it is
    out of range (a TypeError with the text `INT_RANGE`). [workerd, seen]"""
    if not math.isfinite(number):
        return 0
    whole = math.trunc(number)
    return whole if INT32_MIN <= whole <= INT32_MAX else None


def reason(status: int) -> str:
    """What stands after the status of a refusal that names no cause: `429 Too Many Requests`."""
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Unknown Error"
