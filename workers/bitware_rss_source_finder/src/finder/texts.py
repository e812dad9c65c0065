"""What a feed says of itself, as words by field, and how much of a phrase is in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from finder.feeds import Feed
from finder.topic import Form
from finder.words import words

FIELDS = ("title", "topics", "description", "site")
FURTHER_LABEL = 0.15
"""How much less each further topic label counts than the one before it."""
_NO_NAME = frozenset("blog feeds rss com co org net edu gov www".split())


@dataclass(frozen=True)
class Text:
    title: tuple[str, ...]
    labels: tuple[Form, ...]
    description: tuple[str, ...]
    site: tuple[str, ...]
    every: frozenset[str]

    def length(self, field: str) -> int:
        return sum(map(len, self.labels)) if field == "topics" else len(getattr(self, field))

    def says(self, form: Form, field: str) -> float:
        """How often a field says a word or phrase. Of a topic label that says more than this, only a part counts: `state`
        is half of `united states`."""
        if field != "topics":
            return _times(form, getattr(self, field))
        return max(
            (
                min(1, _times(form, label)) * len(form) / len(label) / (1 + FURTHER_LABEL * at)
                for at, label in enumerate(self.labels)
            ),
            default=0.0,
        )


@lru_cache(maxsize=4096)
def text_of(feed: Feed) -> Text:
    """A feed's words; kept, since the catalogue is asked again and again."""
    title, description = tuple(words(feed.title)), tuple(words(feed.description))
    labels = tuple(form for label in feed.topics if (form := tuple(words(label))))
    # The end of a host is a country or a kind: `.ai` and `.cc` name no topic.
    host = feed.site.partition("://")[2] or feed.site
    parts = host.partition("/")[0].split(".")[:-1]
    site = tuple(word for part in parts if part not in _NO_NAME for word in words(part))
    every = frozenset((*title, *description, *site, *(word for label in labels for word in label)))
    return Text(title, labels, description, site, every)


def _times(form: Form, said: Sequence[str]) -> int:
    if len(form) == 1:
        return said.count(form[0])
    return sum(tuple(said[at : at + len(form)]) == form for at in range(len(said) - len(form) + 1))
