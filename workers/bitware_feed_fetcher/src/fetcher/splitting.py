"""A feed document cut into small documents of a few items each.

feedparser reads a whole document in one go, and a worker has one thread: while it parses, nothing else of the isolate
runs. Parsed in pieces, the loop gets its turn between them. A piece is the document's own opening tags (namespaces,
xml:base, xml:lang), some items, and the closing tags; the frame is the document without its items.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

GROUP_CHARS = 32_000
"""Size of a piece unless one item alone is larger: about 10 ms of feedparser on a laptop, 40 ms in Pyodide."""

# Quoted values hold no "<" in XML; a scan that stops there is linear on any input. What opens and never closes is broken.
_REST = r"(?P<rest>(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>"
_OTHER = r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|(?P<broken><!--|<!\[CDATA\[|<\?)"
_MARKUP = re.compile(rf"{_OTHER}|<(?P<close>/?)(?P<name>(?:[A-Za-z_][\w.-]*:)?(?:item|entry))(?=[\s/>]){_REST}", re.S)
_TAG = re.compile(rf"{_OTHER}|<(?P<close>/?)(?P<name>[A-Za-z_][^\s/><\"']*){_REST}", re.S)
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?(?:rss|rdf|feed)[\s/>]", re.I)
_CONTAINERS = {("rss", "channel"), ("rdf",), ("feed",)}


@dataclass(frozen=True)
class Split:
    opening: str
    """The doctype, if any, and the start tags that every item stands in."""
    closing: str
    frame: str
    items: tuple[str, ...]
    cut_off: bool = False
    """The document ends inside an item (or before its closing tags); that last piece of an item is left out."""

    def documents(self, size: int = GROUP_CHARS) -> Iterator[str]:
        """Complete small documents, together holding every item once and in order."""
        group: list[str] = []
        length = 0
        for item in self.items:
            if group and length + len(item) > size:
                yield self.opening + "".join(group) + self.closing
                group, length = [], 0
            group.append(item)
            length += len(item)
        if group:
            yield self.opening + "".join(group) + self.closing


def split(text: str) -> Split | None:
    """`text` begins with its doctype or root element (`documents.check` sees to it).

    Cuts at the items' own tags, which in well-formed XML a scan can see: `<` starts markup everywhere but in comments,
    CDATA and processing instructions. A document that breaks off gives its complete items. None when anything else is
    unusual (no items, items in items, two spellings of the item element, a container that is not RSS, RDF or Atom):
    then the document has to be parsed whole.
    """
    items: list[str] = []
    gaps: list[str] = []
    name = ""
    start, done, end = -1, 0, len(text)
    for mark in _MARKUP.finditer(text):
        if mark["broken"]:
            end = mark.start()
            break
        found = mark["name"]
        if found is None:
            continue
        if name and found != name:
            return None
        name = found
        if mark["close"]:
            if start < 0:
                return None
            gaps.append(text[done:start])
            items.append(text[start : mark.end()])
            start, done = -1, mark.end()
        elif start >= 0:
            return None
        elif mark["rest"].endswith("/"):
            gaps.append(text[done : mark.start()])
            items.append(mark[0])
            done = mark.end()
        else:
            start = mark.start()
    root = _ROOT.search(gaps[0]) if items else None
    if root is None:
        return None
    doctype, gaps[0] = gaps[0][: root.start()], gaps[0][root.start() :]
    gaps.append(text[done : start if start >= 0 else end])
    containers = _containers(gaps)
    if containers is None:
        return None
    opened, left_open = containers
    opening = doctype + "".join(tag for _, tag in opened)
    closing = "".join(f"</{tag_name}>" for tag_name, _ in reversed(opened))
    frame = doctype + "".join(gaps) + "".join(f"</{tag_name}>" for tag_name, _ in reversed(left_open))
    return Split(opening, closing, frame, tuple(items), start >= 0 or bool(left_open))


def _containers(gaps: list[str]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]] | None:
    """Names and start tags of the elements that are open around the items, and those of them the document leaves open;
    None when they differ between items or are not those of a feed."""
    stack: list[tuple[str, str]] = []
    around: list[tuple[str, str]] | None = None
    for number, gap in enumerate(gaps):
        if number:
            around = around if around is not None else list(stack)
            if stack != around:
                return None
        for mark in _TAG.finditer(gap) if "<" in gap else ():
            if mark["broken"]:
                return None
            if mark["name"] is None:
                continue
            if mark["close"]:
                if not stack or stack[-1][0] != mark["name"]:
                    return None
                stack.pop()
            elif not mark["rest"].endswith("/"):
                stack.append((mark["name"], mark[0]))
    local = tuple(name.rpartition(":")[2].lower() for name, _ in around or ())
    if around is None or local not in _CONTAINERS or stack != around[: len(stack)]:
        return None
    return around, stack
