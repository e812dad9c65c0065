"""A batch of articles -> one analysis each. Pure: no I/O, no clock, so that the same batch always gives the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from classifier.entities import key_entities
from classifier.phrases import key_phrases
from classifier.relevance import Ranker, document
from classifier.sentiment import sentiment
from classifier.summary import summary
from classifier.topics import detected_topics
from classifier.words import language_of, terms


@dataclass(frozen=True, slots=True)
class Article:
    """What the classifier reads of an article of the fetcher."""

    article_url: str
    title: str
    content: str = ""
    author: str | None = None
    pub_date: str | None = None
    language: str | None = None


class Batch:
    """All articles of one job. Building it reads every text once: relevance needs the frequencies of the whole batch."""

    def __init__(self, topic: str, articles: Sequence[Article], keywords: Sequence[str] = ()) -> None:
        self.topic = topic
        self.articles = articles
        self.languages = [language_of(f"{a.title}. {a.content}", a.language) for a in articles]
        self.documents = [
            document(a.title, a.content, language) for a, language in zip(articles, self.languages, strict=True)
        ]
        self.ranker = Ranker(topic, self.documents, keywords)
        self.ranker.spell(f"{a.title} {a.content[:2000]}" for a in articles)
        self.topic_stems = terms(topic)

    def analyse(self, at: int) -> dict[str, Any]:
        """The analysis of one article: the scores, each with what it rests on."""
        article, language = self.articles[at], self.languages[at]
        relevance = self.ranker.rank(self.documents[at])
        feeling = sentiment(f"{article.title}. {article.content[:6000]}", language)
        quality, quality_parts = _quality(article)
        confidence, confidence_parts = _confidence(article, language)
        return {
            "article_url": article.article_url,
            "relevance_score": relevance.score,
            "confidence_score": confidence,
            "sentiment_score": feeling.score,
            "quality_score": quality,
            "language": language,
            "detected_topics": detected_topics(article.title, article.content[:8000], language),
            "key_phrases": key_phrases(
                article.title, article.content, language, self.ranker.frequency, len(self.documents)
            ),
            "key_entities": key_entities(article.title, article.content, language),
            "summary": summary(article.title, article.content, language, self.topic_stems),
            "explanation": {
                "relevance": relevance.parts,
                "sentiment": [list(pair) for pair in feeling.words]
                if language == "en"
                else f"no word list for {language!r}",
                "quality": quality_parts,
                "confidence": confidence_parts,
            },
        }


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
