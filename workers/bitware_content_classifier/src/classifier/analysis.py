"""A batch of articles -> one analysis each. Pure: no I/O, no clock, so that the same batch always gives the same answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from classifier.digests import parts_of
from classifier.entities import key_entities
from classifier.phrases import key_phrases
from classifier.relevance import Document, Ranker, Relevance, document
from classifier.sentiment import sentiment
from classifier.stock import without_stock
from classifier.summary import summary
from classifier.topics import detected_topics
from classifier.words import language_of, terms

BESIDES = 0.7
"""What the score of a whole issue is worth, and that of its text: a newsletter on AI need not say so in each headline."""
SLICE = 20
"""Articles read between two turns of the event loop."""


@dataclass(frozen=True, slots=True)
class Article:
    """What the classifier reads of an article of the fetcher."""

    article_url: str
    title: str
    content: str = ""
    author: str | None = None
    pub_date: str | None = None
    language: str | None = None
    feed_url: str = ""


@dataclass(slots=True)
class _Text:
    """An article's text without what its feed writes around every one, and, where it tells several stories, each of them."""

    title: str
    content: str
    language: str
    document: Document
    stories: list[tuple[str, str, Document]]
    """(title, content, document)."""


class Batch:
    """All articles of one job. Building it reads every text once: relevance needs the frequencies of the whole batch."""

    def __init__(self, topic: str, articles: Sequence[Article], keywords: Sequence[str] = ()) -> None:
        self.topic, self.articles = topic, articles
        self.texts: list[_Text] = []
        for _ in self._read(keywords):
            pass

    @classmethod
    async def gathered(cls, topic: str, articles: Sequence[Article], keywords: Sequence[str] = ()) -> Batch:
        """The same, with turns of the event loop in between."""
        batch = cls(topic, ())
        batch.articles = articles
        for _ in batch._read(keywords):
            await asyncio.sleep(0)
        return batch

    def _read(self, keywords: Sequence[str]) -> Iterator[None]:
        found: dict[int, _Text] = {}
        given = [{"feed_url": a.feed_url, "title": a.title, "content": a.content} for a in self.articles]
        for rows in without_stock(given):
            for number, (at, row) in enumerate(rows):
                found[at] = _text(row["title"], row["content"], self.articles[at].language)
                if number % SLICE == SLICE - 1:
                    yield
            yield
        self.texts = [found[at] for at in range(len(self.articles))]
        self.documents = [text.document for text in self.texts]
        self.ranker = Ranker(self.topic, self.documents, keywords)
        yield
        for start in range(0, len(self.texts), SLICE):
            self.ranker.spell(f"{text.title} {text.content[:2000]}" for text in self.texts[start : start + SLICE])
            yield
        self.topic_stems = terms(self.topic)

    def relevance(self, at: int) -> tuple[Relevance, str | None, str]:
        """(how much an article is about the topic, which of its stories is, the text of that); the story is None where the
        article tells one, "" where it is in the text and not in the title."""
        text = self.texts[at]
        whole = self.ranker.rank(text.document)
        if not text.stories:
            return whole, None, text.content
        ranked = [(self.ranker.rank(document), named, told) for named, told, document in text.stories]
        # The text, an editor's letter, and the issue as a whole are not what one looks for.
        ranked = [(one if named else one.times(BESIDES), named, told) for one, named, told in ranked]
        best, story, content = max(ranked, key=lambda row: row[0].score)
        return max(best, whole.times(BESIDES), key=lambda one: one.score), story, content

    def analyse(self, at: int) -> dict[str, Any]:
        """The analysis of one article: the scores, each with what it rests on. Of an article that tells several stories
        it is that of the one which is most about the topic, named in `story`."""
        article, text = self.articles[at], self.texts[at]
        relevance, story, content = self.relevance(at)
        title, language = text.title if story is None else story, text.language
        feeling = sentiment(f"{title}. {content[:6000]}", language)
        quality, quality_parts = _quality(article)
        confidence, confidence_parts = _confidence(article, language)
        return {
            "article_url": article.article_url,
            "relevance_score": relevance.score,
            "confidence_score": confidence,
            "sentiment_score": feeling.score,
            "quality_score": quality,
            "language": language,
            "story": story or None,
            "detected_topics": detected_topics(title, content[:8000], language),
            "key_phrases": key_phrases(title, content, language, self.ranker.frequency, len(self.documents)),
            "key_entities": key_entities(title, content, language),
            "summary": summary(title, content, language, self.topic_stems),
            "explanation": {
                "relevance": relevance.parts,
                "sentiment": [list(pair) for pair in feeling.words]
                if language == "en"
                else f"no word list for {language!r}",
                "quality": quality_parts,
                "confidence": confidence_parts,
            },
        }


def _text(title: str, content: str, declared: str | None) -> _Text:
    language = language_of(f"{title}. {content}", declared)
    parts = [(p["title"], p["content"]) for p in parts_of({"title": title, "content": content}) if p]
    stories = [(named, told, document(named, told, language)) for named, told in parts]
    return _Text(title, content, language, document(title, content, language), stories)


def _quality(article: Article) -> tuple[float, dict[str, float]]:
    """How much there is to read and to cite: length (to 300 words), author, date, a title of some words."""
    length = len(article.content.split())
    parts = {
        "length": round(0.55 * min(1.0, length / 300), 3),
        "author": 0.15 if article.author else 0.0,
        "date": 0.15 if article.pub_date else 0.0,
        "title": 0.15 if len(article.title.split()) >= 3 else 0.05 if article.title else 0.0,
    }
    return round(sum(parts.values()), 3), parts


def _confidence(article: Article, language: str) -> tuple[float, dict[str, float]]:
    """How far the other scores can be trusted: a short text or a language without word lists tells little."""
    length = len(article.content.split())
    parts = {
        "text": round(0.25 + 0.5 * min(1.0, length / 80), 3),
        "language": 0.25 if language == "en" else 0.1 if language != "und" else 0.0,
    }
    return round(sum(parts.values()), 3), parts
