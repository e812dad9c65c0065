"""Feeds out of an OPML list."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field

from finder.refusals import Refused

MAX_DEPTH = 50
MAX_CHARACTERS = 2 * 1024 * 1024
_BARE_AMPERSAND = re.compile(r"&(?!(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);)")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class Malformed(Refused):
    """It is no XML."""


@dataclass
class Outline:
    """One feed as a list names it. `url` is as it stands there, checked by nobody yet."""

    url: str
    title: str = ""
    site: str = ""
    description: str = ""
    language: str = ""
    topics: list[str] = field(default_factory=list)
    """The names of the outlines around it, the nearest first, then its own `category`."""


def read_opml(text: str) -> list[Outline]:
    """Every outline with an `xmlUrl`, in the list's order.

    Raises Malformed for what is no XML, Refused for what is no OPML, and for a document type: an OPML list needs none, an entity bomb does. A bare `&`,
    which many lists have in their titles, is read as what it means.
    """
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"it has more than {MAX_CHARACTERS:,} characters")
    text = _NOT_XML.sub("", text.lstrip("\ufeff \t\r\n"))
    if "<!DOCTYPE" in text.upper():
        raise Refused("an OPML list with a document type declaration is not read")
    try:
        # Without a document type there are no entities to expand.
        root = ET.fromstring(_BARE_AMPERSAND.sub("&amp;", text))  # noqa: S314
    except (ET.ParseError, ValueError) as error:
        raise Malformed(f"it is not well-formed XML ({error})") from error
    if _name(root) != "opml":
        raise Refused(f"it is no OPML: the document's element is <{_name(root)}>")
    return list(_outlines(root, (), 0))


def _outlines(element: ET.Element, around: tuple[str, ...], depth: int) -> Iterator[Outline]:
    if depth > MAX_DEPTH:
        raise Refused(f"its outlines are nested more than {MAX_DEPTH} deep")
    for child in element:
        values = {name.lower(): " ".join(value.split()) for name, value in child.attrib.items()}
        title = values.get("title") or values.get("text") or ""
        url = values.get("xmlurl")
        if url:
            own = [part.strip("/ ") for part in values.get("category", "").split(",")]
            topics = [label for label in dict.fromkeys([*around, *own]) if label]
            site, description = values.get("htmlurl", ""), values.get("description", "")
            yield Outline(url, title, site, description, values.get("language", ""), topics)
            yield from _outlines(child, around, depth + 1)
        else:
            inside = (title, *around) if title and _name(child) == "outline" else around
            yield from _outlines(child, inside, depth + 1)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2].lower()
