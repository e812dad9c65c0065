"""HTML of a feed item to plain text that is safe to show anywhere."""

import re
import unicodedata
from collections.abc import Iterator
from html import unescape

MAX_HTML = 200_000
"""Characters of one item's HTML that are read; what comes after is cut before any parsing."""

# Elements whose content is never prose. SVG and MathML are here because their payloads run in browsers.
_DROPPED = frozenset(
    "script style svg math template noscript noframes iframe object applet head title textarea select button "
    "audio video canvas map frameset xml xmp plaintext".split()
)
_RAW = frozenset("script style iframe noscript noframes textarea title xmp plaintext".split())
"""Elements in which a browser looks for nothing but their own end tag."""
_BLOCKS = frozenset(
    "address article aside blockquote br center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 "
    "h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_MARK = re.compile(r"<(?:(?P<comment>!--)|(?P<other>[!?])|(?P<close>/?)(?P<name>[A-Za-z][^\s/><\"'=]*))")
_TAG_END = re.compile(r"(?:[^>\"']|\"[^\"]*\"|'[^']*')*+>")
_LONG_REFERENCE = re.compile(r"&#[xX]?[0-9A-Fa-f]{9,};?")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[\s]*")
_WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*")


def html_to_text(html: str) -> str:
    """The words a reader would see, one line per block. Scripts, styles, SVG, frames and every attribute (and with them
    `javascript:` links) are gone; entities are resolved once. Takes time in proportion to the text, whatever the text."""
    html = html[:MAX_HTML]
    html = "".join(_texts(html)) if "<" in html else html.replace("\n", " ")
    if "&" in html:
        # The reference of no character: too long for any, and for Python's own int() when very long.
        html = unescape(_LONG_REFERENCE.sub("\ufffd", html))
    return tidy(html)


def _texts(html: str) -> Iterator[str]:
    """The text between tags, with a line break for each block. html.parser would do, were it linear in hostile input."""
    at = 0
    dropping, depth = "", 0
    quotes = True
    while True:
        mark = _MARK.search(html, at)
        if not dropping:
            # A line break in HTML source is a space.
            yield html[at : mark.start() if mark else None].replace("\n", " ")
        if mark is None:
            return
        if mark["comment"]:
            end = html.find("-->", mark.end())
            at = end + 3 if end >= 0 else len(html)
            continue
        closed = _TAG_END.match(html, mark.end()) if quotes and mark["name"] else None
        if closed:
            at = closed.end()
        else:
            # A quote that never closes would be looked for again and again: from here on ">" ends a tag, quoted or not.
            quotes = quotes and not mark["name"]
            end = html.find(">", mark.end())
            at = end + 1 if end >= 0 else len(html)
        name = (mark["name"] or "").lower()
        if dropping:
            if name == dropping and not html.endswith("/>", mark.start(), at):
                depth += -1 if mark["close"] else 1
                dropping = dropping if depth else ""
        elif name in _BLOCKS:
            yield "\n"
        elif name in _DROPPED and not mark["close"]:
            if name in _RAW:
                raw_end = re.compile(rf"</{name}(?=[\s/>])", re.I).search(html, at)
                at = raw_end.start() if raw_end else len(html)
            elif not html.endswith("/>", mark.start(), at):
                dropping, depth = name, 1


def tidy(text: str) -> str:
    """NFC, no control or invisible characters (bidirectional overrides included), single spaces, no empty lines."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    return _LINES.sub("\n", _SPACES.sub(" ", _UNSEEN.sub("", text))).strip()


def one_line(text: str) -> str:
    return " ".join(text.split())


def count_words(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words and marked with an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = max(cut.rfind(" "), cut.rfind("\n"))
    return (cut[:space] if space > limit // 2 else cut).rstrip() + "…"
