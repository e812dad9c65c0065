"""Feed addresses out of an OPML list, with what the list says of each."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 50
_BARE_AMPERSAND = re.compile(r"&(?!(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);)")
"""Many lists have one in their titles; it is read as what it means."""


class Refused(Exception):
    """It cannot be read or reached; the text says why."""


def read_opml(text: str) -> list[dict[str, Any]]:
    """{url, title, site, description, topics, language} of every outline with an `xmlUrl`, in the list's order. Topics
    are its `category`, else the outlines it lies under.

    Raises Refused for what is no OPML, and for a document type: an OPML list needs none, an entity bomb does.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if "<!DOCTYPE" in text.upper():
        raise Refused("an OPML list with a document type declaration is not read")
    try:
        # Without a document type there are no entities to expand.
        root = ET.fromstring(_BARE_AMPERSAND.sub("&amp;", text))  # noqa: S314
    except (ET.ParseError, ValueError) as error:
        raise Refused(f"it is not well-formed XML ({error})") from error
    if root.tag.rpartition("}")[2].lower() != "opml":
        raise Refused(f"it is no OPML: the document's element is <{root.tag}>")
    return list(_outlines(root, (), 0))


def _outlines(element: ET.Element, above: tuple[str, ...], depth: int) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH:
        raise Refused(f"its outlines are nested more than {MAX_DEPTH} deep")
    for child in element:
        values = {name.lower(): " ".join(value.split()) for name, value in child.attrib.items()}
        title = values.get("title") or values.get("text") or ""
        url = values.get("xmlurl")
        if url:
            labels = [part for label in values.get("category", "").split(",") for part in label.split("/")]
            yield {
                "url": url,
                "title": title,
                "site": values.get("htmlurl", ""),
                "description": values.get("description", ""),
                "topics": [label.strip() for label in labels if label.strip()] or list(above),
                "language": values.get("language", ""),
            }
        yield from _outlines(child, above if url or not title else (title, *above), depth + 1)
