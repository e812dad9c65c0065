"""Outlines of an OPML list that is no XML: some are written with bare `<` and quotes in their descriptions, and read by many."""

from __future__ import annotations

import re
from html import unescape
from itertools import zip_longest

from finder.opml import MAX_DEPTH, Outline

_TOKEN = re.compile(r"<(?P<end>/?)outline\b", re.I)
_NAMES = "xmlUrl|htmlUrl|title|text|description|language|category|type|version"
# A value ends where the next attribute or the tag's end follows: its own quotes do not end it.
_VALUE = re.compile(rf'\s({_NAMES})\s*=\s*"(.*?)"(?=\s+(?:{_NAMES})\s*=|\s*/?>|\s*$)', re.S | re.I)
MAX_OUTLINE = 20_000
"""Characters of one outline that are looked at."""


def loose_outlines(text: str) -> list[Outline]:
    """Every outline with an `xmlUrl`, one by one; empty for what is no OPML at all."""
    if not re.search(r"<opml\b", text[:10_000], re.I):
        return []
    found: list[Outline] = []
    around: list[str] = []
    tokens = list(_TOKEN.finditer(text))
    for token, following in zip_longest(tokens, tokens[1:]):
        if token["end"]:
            around[:1] = []
            continue
        tag = text[token.end() : following.start() if following else len(text)][:MAX_OUTLINE]
        values = {name.lower(): " ".join(unescape(value).split()) for name, value in _VALUE.findall(tag)}
        title = values.get("title") or values.get("text") or ""
        if values.get("xmlurl"):
            own = [part.strip("/ ") for part in values.get("category", "").split(",")]
            topics = [label for label in dict.fromkeys([*around, *own]) if label]
            site, description = values.get("htmlurl", ""), values.get("description", "")
            found.append(Outline(values["xmlurl"], title, site, description, values.get("language", ""), topics))
        if not tag.rstrip().endswith("/>") and len(around) < MAX_DEPTH:
            around.insert(0, "" if values.get("xmlurl") else title)
    return found
