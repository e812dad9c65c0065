"""A feed document from bytes to text, and the refusals that come before any parser sees it."""

import re
import zlib

_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]*?\?>", re.I)
_DECLARED_BYTES = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._-]{1,40})", re.I)
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_BARE_WIDE = ((b"<\x00?\x00", "utf-16-le"), (b"\x00<\x00?", "utf-16-be"))
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# Atomic groups: comments in the prolog must not be tried in all their combinations.
_MISC = re.compile(r"(?>\s+|<!--.*?-->|<\?.*?\?>)*+", re.S)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.I)
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?(?:rss|rdf|feed|channel)[\s/>]", re.I)
_DOCTYPE_START = re.compile(r"<!DOCTYPE\b", re.I)
_DOCTYPE_PART = re.compile(r"\"[^\"]*\"|'[^']*'|<!--.*?-->|[\[\]>]", re.S)
_ENTITY = re.compile(r"<!ENTITY\s+(%\s*)?([^\s\"'>]+)\s+(?:(SYSTEM|PUBLIC)\b|(\"[^\"]*\"|'[^']*'))?", re.I)
_CHAR_REFERENCE = re.compile(r"&#\w{1,8};")

MAX_DOCTYPE = 20_000
MAX_PROLOG = 65_536
MAX_ENTITIES = 300
MAX_ENTITY_TEXT = 32
"""Characters one declared entity may stand for: enough for `&nbsp;` and `&hellip;`, too few for a bomb."""


class Refused(Exception):
    """This document cannot be used as a feed; the text says why, for the feed's line in the summary."""


def inflate(data: bytes, limit: int) -> bytes:
    """A gzip file (a `.xml.gz`, or a body whose Content-Encoding was lost) unpacked, up to `limit` bytes; other bytes as
    they are. Raises Refused when it grows past the limit or is damaged from its start."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise Refused(f"the gzip body is damaged ({error})") from error
    if len(unpacked) > limit:
        raise Refused(f"the document is larger than {limit:,} bytes once unpacked")
    return unpacked


def decode(data: bytes, content_type: str = "") -> str:
    """The document's text, with its XML declaration removed (the text has no encoding any more).

    A byte order mark wins, then the charset of the Content-Type, then the XML declaration, then UTF-8 (RFC 7303); a charset
    that does not fit the bytes is passed over. Windows-1252 takes what is left, since it is what such feeds mean.
    """
    names = []
    for mark, name in _BOMS:
        if data.startswith(mark):
            data = data[len(mark) :]
            names.append(name)
            break
    else:
        names += [name for start, name in _BARE_WIDE if data.startswith(start)]
        from_header = _CHARSET.search(content_type)
        from_document = _DECLARED_BYTES.match(data)
        names += [from_header[1]] if from_header else []
        names += [from_document[1].decode("ascii")] if from_document else []
    for name in [*names, "utf-8"]:
        try:
            # Pages that say Latin-1 mean Windows-1252, as every browser assumes.
            text = data.decode("cp1252" if name.lower() in ("iso-8859-1", "latin-1", "latin1", "us-ascii") else name)
            break
        except (UnicodeDecodeError, LookupError):
            continue
    else:
        text = data.decode("cp1252", "replace")
    return _DECLARATION.sub("", _NOT_XML.sub("", text.lstrip("\ufeff")), count=1).strip()


def check(text: str) -> str:
    """The text from its doctype or root element on. Raises Refused for what is no feed at all, and for documents made to
    blow up a parser."""
    if not text:
        raise Refused("the document is empty")
    at = _after_misc(text, 0)
    doctype = ""
    if _HTML.match(text, at):
        raise Refused("this is an HTML page, not a feed")
    if _DOCTYPE_START.match(text, at):
        doctype = _doctype(text, at)
        _check_entities(doctype)
        at = _after_misc(text, at + len(doctype))
    root = _ROOT.search(text, at, at + MAX_PROLOG)
    if root is None:
        start = text[:60].splitlines()[0]
        raise Refused(f"no RSS or Atom element in it (it begins with {start!r})")
    return doctype + text[root.start() :]


def _after_misc(text: str, at: int) -> int:
    found = _MISC.match(text, at)
    return found.end() if found else at


def _doctype(text: str, at: int) -> str:
    depth = 0
    for part in _DOCTYPE_PART.finditer(text, at, at + MAX_DOCTYPE):
        depth += {"[": 1, "]": -1}.get(part[0], 0)
        if part[0] == ">" and depth <= 0:
            return text[at : part.end()]
    raise Refused(f"its document type declaration does not end within {MAX_DOCTYPE:,} characters")


def _check_entities(doctype: str) -> None:
    declarations = list(_ENTITY.finditer(doctype))
    for declared in declarations:
        parameter, name, external, quoted = declared.groups()
        value = (quoted or "")[1:-1]
        # An external parameter entity is how RSS 0.91 names HTML's characters: ignored, and nothing is fetched for it.
        if external and not parameter:
            raise Refused(f"its entity {name!r} points to another document")
        if parameter and not external:
            raise Refused(f"its parameter entity {name!r} writes declarations of its own")
        if "&" in _CHAR_REFERENCE.sub("", value):
            raise Refused(f"its entity {name!r} is built from other entities, as in an entity bomb")
        if len(_CHAR_REFERENCE.sub("x", value)) > MAX_ENTITY_TEXT:
            raise Refused(f"its entity {name!r} is longer than {MAX_ENTITY_TEXT} characters")
    if len(declarations) > MAX_ENTITIES:
        raise Refused(f"it declares {len(declarations)} entities; {MAX_ENTITIES} is the limit")
