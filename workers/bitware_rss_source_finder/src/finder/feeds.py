"""A feed as the catalogue has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from finder.addresses import address, key, site_of
from finder.opml import Outline
from finder.refusals import Refused
from finder.words import fold

ADDED = "added by you"
"""The list of what users add and import."""
MAX_TITLE, MAX_DESCRIPTION, MAX_TOPICS, MAX_TOPIC = 160, 300, 12, 60


@dataclass(frozen=True)
class Feed:
    url: str
    title: str = ""
    site: str = ""
    description: str = ""
    topics: tuple[str, ...] = ()
    language: str = ""
    """The primary subtag, as `en`; empty where nobody says."""
    list: str = ""
    """The public list that names it."""
    key: str = field(default="", repr=False)

    def told(self) -> dict[str, Any]:
        """The row of an answer. `topic` is the first of the topics."""
        row = asdict(self)
        del row["key"]
        return {**row, "topics": list(self.topics), "topic": self.topics[0] if self.topics else ""}


def feed(row: Mapping[str, Any], of_list: str = ADDED) -> Feed:
    """A feed of a row that someone gave, cut to what a catalogue can hold. Raises Refused in words."""
    given = row.get("url") or row.get("xmlUrl")
    if not isinstance(given, str) or not given.strip():
        raise Refused("it has no `url`")
    url = address(given)
    if url is None:
        raise Refused("it is no http(s) address")
    topics = row.get("topics")
    if topics is None or topics == [] or topics == "":
        topics = row.get("topic") or []
    if isinstance(topics, str):
        topics = topics.split(",")
    return Feed(
        url,
        line(row.get("title"), MAX_TITLE),
        _site(row.get("site")) or site_of(url),
        line(row.get("description"), MAX_DESCRIPTION),
        labels(topics if isinstance(topics, list | tuple) else ()),
        language(row.get("language")),
        line(row.get("list"), MAX_TITLE) or of_list,
        key(url),
    )


def _site(given: Any) -> str:
    """The host of an address, since a list may name a site by either."""
    text = line(given, MAX_TITLE)
    return site_of(text) if "://" in text else text


def of_outline(outline: Outline, of_list: str) -> Feed:
    """A feed of an OPML list's outline. Raises Refused in words."""
    return feed(asdict(outline), of_list)


def line(text: Any, most: int) -> str:
    """Text on one line; what is no text is empty."""
    if not isinstance(text, str):
        return ""
    one = " ".join(text.split())
    return one if len(one) <= most else one[: most - 1].rstrip() + "…"


def labels(given: Iterable[Any]) -> tuple[str, ...]:
    """Topic labels in lower case, each once."""
    every = (line(label, MAX_TOPIC).lower() for label in given)
    return tuple(label for label in dict.fromkeys(every) if label)[:MAX_TOPICS]


def language(given: Any) -> str:
    """`de-AT`, `de_AT` and `German` are `de`; what is no language is empty."""
    text = fold(given).strip() if isinstance(given, str) else ""
    text = text.replace("_", "-").partition("-")[0]
    text = _NAMES.get(text, text)
    return text if 2 <= len(text) <= 3 and text.isascii() and text.isalpha() else ""


_NAMES = {
    "english": "en",
    "german": "de",
    "deutsch": "de",
    "french": "fr",
    "francais": "fr",
    "spanish": "es",
    "espanol": "es",
    "portuguese": "pt",
    "portugues": "pt",
    "italian": "it",
    "italiano": "it",
    "japanese": "ja",
    "polish": "pl",
    "dutch": "nl",
    "russian": "ru",
}
