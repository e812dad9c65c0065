"""Feed addresses out of an OPML document."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from fetcher.cleaning import one_line
from fetcher.documents import Refused
from fetcher.schemas import FeedRef

MAX_DEPTH = 50


def read_opml(text: str) -> list[FeedRef]:
    """Every outline with an `xmlUrl`, in the document's order. The name of the outline around it is its topic.

    Raises Refused when the text is no OPML, or declares entities (an OPML file has no use for them).
    """
    text = text.lstrip("\ufeff \t\r\n")
    if "<!DOCTYPE" in text.upper():
        raise Refused("an OPML document with a document type declaration is not read")
    try:
        # Without a document type there are no entities to expand.
        root = ET.fromstring(text)  # noqa: S314
    except (ET.ParseError, ValueError) as error:
        raise Refused(f"it is not well-formed XML ({error})") from error
    if _local(root.tag) != "opml":
        raise Refused(f"it is no OPML: the document's element is <{_local(root.tag)}>")
    return list(_feeds(root, "", 0))


def _feeds(element: ET.Element, topic: str, depth: int) -> Iterator[FeedRef]:
    if depth > MAX_DEPTH:
        raise Refused(f"its outlines are nested more than {MAX_DEPTH} deep")
    for child in element:
        values = {name.lower(): one_line(value) for name, value in child.attrib.items()}
        title = values.get("title") or values.get("text") or ""
        if values.get("xmlurl"):
            yield FeedRef(url=values["xmlurl"], title=title, topic=topic, language=values.get("language", ""))
            yield from _feeds(child, topic, depth + 1)
        else:
            yield from _feeds(child, title if _local(child.tag) == "outline" and title else topic, depth + 1)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].lower()
