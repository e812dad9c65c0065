"""Feed addresses out of an OPML list."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 50


class Refused(Exception):
    """This way cannot be gone; the text says why."""


def read_opml(text: str) -> list[dict[str, Any]]:
    """{url, title, topic, language} of every outline with an `xmlUrl`, in the list's order.

    Raises Refused for what is no OPML, and for a document type: an OPML list needs none, an entity bomb does.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if "<!DOCTYPE" in text.upper():
        raise Refused("an OPML list with a document type declaration is not read")
    try:
        # Without a document type there are no entities to expand.
        root = ET.fromstring(text)  # noqa: S314
    except (ET.ParseError, ValueError) as error:
        raise Refused(f"it is not well-formed XML ({error})") from error
    if root.tag.rpartition("}")[2].lower() != "opml":
        raise Refused(f"it is no OPML: the document's element is <{root.tag}>")
    return list(_outlines(root, "", 0))


def _outlines(element: ET.Element, topic: str, depth: int) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH:
        raise Refused(f"its outlines are nested more than {MAX_DEPTH} deep")
    for child in element:
        values = {name.lower(): " ".join(value.split()) for name, value in child.attrib.items()}
        title = values.get("title") or values.get("text") or ""
        url = values.get("xmlurl")
        if url:
            yield {"url": url, "title": title, "topic": topic, "language": values.get("language", "")}
        yield from _outlines(child, topic if url else title or topic, depth + 1)
