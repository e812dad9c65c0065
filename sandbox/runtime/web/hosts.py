"""Hosts of URLs by the URL standard: domains (IDNA), IPv4 in all its spellings, IPv6."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from sandbox.runtime.web import percent

_FORBIDDEN = re.compile(r"[\x00-\x20\"#%/:<>?@\[\\\]^`{|}\x7f]").search
_FORBIDDEN_OPAQUE = re.compile(r"[\x00\t\n\r #/:<>?@\[\\\]^|]").search
_PLAIN = re.compile(r"[a-z0-9.\-_]+\Z").match


def parse_host(text: str, *, special: bool) -> str | None:
    """The host as it is serialised, or None where it is not valid."""
    if text.startswith("["):
        if not text.endswith("]"):
            return None
        pieces = _ipv6(text[1:-1])
        return None if pieces is None else f"[{_write_ipv6(pieces)}]"
    if not special:
        return None if _FORBIDDEN_OPAQUE(text) else percent.encode(text, percent.C0_CONTROL)
    domain = _domain(text)
    if not domain or _FORBIDDEN(domain):
        return None
    labels = domain.removesuffix(".").split(".")
    if re.fullmatch(r"\d+|0[xX][0-9a-fA-F]*", labels[-1]):
        number = _ipv4(domain)
        return None if number is None else ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    return domain


def _domain(text: str) -> str | None:
    lowered = text.lower()
    if _PLAIN(lowered) and "xn--" not in lowered:
        return lowered
    decoded = unquote_to_bytes(text).decode("utf-8", "replace")
    lowered = decoded.lower()
    if lowered.isascii() and "xn--" not in lowered:
        return lowered
    import idna  # loaded for international names only: its tables take a while to import

    try:
        mapped = idna.uts46_remap(decoded, std3_rules=False)
        labels = mapped.split(".")
        return ".".join(
            label if label.isascii() and not label.startswith("xn--") else _label(label) for label in labels
        )
    except (idna.IDNAError, UnicodeError):
        return None


def _label(label: str) -> str:
    import idna

    if label.isascii():
        decoded = label.removeprefix("xn--").encode().decode("punycode")  # UnicodeError where it is none
        if idna.uts46_remap(decoded, std3_rules=False) != decoded:
            raise idna.IDNAError(f"characters that are not allowed: {label}")
        if decoded.isascii() or "xn--" + decoded.encode("punycode").decode() != label:
            raise idna.IDNAError(f"not the punycode of a label: {label}")
        return label
    try:
        return idna.alabel(label).decode()
    except idna.IDNAError:
        # The URL standard allows symbols (emoji) that IDNA 2008 refuses.
        return "xn--" + label.encode("punycode").decode()


def _ipv4(text: str) -> int | None:
    parts = text.removesuffix(".").split(".")
    if len(parts) > 4:
        return None
    numbers = []
    for part in parts:
        try:
            if part[:2].lower() == "0x":
                numbers.append(int(part[2:] or "0", 16))
            elif len(part) > 1 and part[0] == "0":
                numbers.append(int(part, 8))
            elif part.isdecimal():
                numbers.append(int(part))
            else:
                return None
        except ValueError:
            return None
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
        return None
    return numbers[-1] + sum(number << 8 * (3 - index) for index, number in enumerate(numbers[:-1]))


def _ipv6(text: str) -> list[int] | None:
    head, gap, tail = text.partition("::")
    if "::" in tail or (gap and (tail.startswith(":") or head.endswith(":"))):
        return None
    front = _pieces(head, last=not gap)
    back = _pieces(tail, last=True) if gap else []
    if front is None or back is None:
        return None
    missing = 8 - len(front) - len(back)
    if (gap and missing < 1) or (not gap and missing != 0):
        return None
    return front + [0] * missing + back


def _pieces(text: str, *, last: bool) -> list[int] | None:
    if not text:
        return []
    made: list[int] = []
    parts = text.split(":")
    for index, part in enumerate(parts):
        if "." in part and last and index == len(parts) - 1:
            if not re.fullmatch(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}", part) or re.search(
                r"(^|\.)0\d", part
            ):
                return None
            a, b, c, d = (int(number) for number in part.split("."))
            made += [a << 8 | b, c << 8 | d]
        elif re.fullmatch(r"[0-9a-fA-F]{1,4}", part):
            made.append(int(part, 16))
        else:
            return None
    return made


def _write_ipv6(pieces: list[int]) -> str:
    best, length, index = -1, 1, 0
    while index < 8:
        end = index
        while end < 8 and pieces[end] == 0:
            end += 1
        if end - index > length:
            best, length = index, end - index
        index = max(end, index + 1)
    if best < 0:
        return ":".join(f"{piece:x}" for piece in pieces)
    front = ":".join(f"{piece:x}" for piece in pieces[:best])
    back = ":".join(f"{piece:x}" for piece in pieces[best + length :])
    return f"{front}::{back}"
