"""Articles and analyses in, the report and its HTML page out. Pure: the same input and moment give the same report."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader

from report.angles import Angle, angles, questions
from report.angles import told as told_angles
from report.charts import columns, rows
from report.feeds import FeedSummary
from report.insights import Sentence, claim, executive_summary, key_insights
from report.items import Analysis, Article, Item, choose
from report.trend import buckets, describe
from report.wording import capital, count, day, spelled

SHOWN_ARTICLES = 30


@dataclass
class Report:
    """The report as data; `html` is the same as a page. Every sentence carries the ids of the articles it rests on."""

    report_id: str
    title: str
    topic: str
    generated_at: str
    executive_summary: str
    executive_summary_sentences: list[dict[str, Any]]
    key_insights: list[dict[str, Any]]
    trend_analysis: dict[str, Any]
    articles: list[dict[str, Any]]
    near: list[dict[str, Any]]
    """Articles just below the relevance threshold, {title, url, source, date, relevance_score, why}; no sentence rests on them."""
    sources: list[dict[str, Any]]
    topics: list[dict[str, Any]]
    angles: list[dict[str, Any]]
    """The research's sub-topics, {name, articles}: ids of the articles that speak to it, none where no article does."""
    questions: list[str]
    notes: list[str]
    totals: dict[str, Any]
    html: str = field(default="", repr=False)


def build(
    topic: str,
    articles: Sequence[Article],
    analyses: Sequence[Analysis],
    feeds: Sequence[FeedSummary],
    moment: datetime,
    told: Sequence[Sentence] = (),
    more_notes: Sequence[str] = (),
    sub_topics: Sequence[Any] = (),
    asked: Sequence[Any] = (),
) -> Report:
    """Make the report. `moment` (UTC) is when it is made; it stands on the page and in the id. `told` takes the place of the
    executive summary made here; sentences that cite no article of the report are left out. `sub_topics` and `asked` (questions) are the research's."""
    items, near, passed = choose(articles, analyses)
    numbers = {item.id: at for at, item in enumerate(items, 1)}
    told = [sentence for sentence in told if sentence.articles and set(sentence.articles) <= numbers.keys()]
    summary = told or executive_summary(topic, items, passed)
    insights = key_insights(topic, items)
    unit, row = buckets(items)
    trend = [claim(text, group) for text, group in describe(unit, row)]
    sources = Counter(item.source for item in items).most_common()
    topics = [(t, n) for t, n in Counter(name for i in items for name in _topics(i)).most_common(8) if n > 1]
    notes = [*_notes(topic, articles, items, passed, feeds), *more_notes]
    viewed = angles(sub_topics, items) if items else []
    identity = hashlib.sha256("\n".join([topic, moment.isoformat(), *numbers]).encode()).hexdigest()[:16]
    report = Report(
        report_id=f"report_{identity}",
        title=capital(topic) or "Report",
        topic=topic,
        generated_at=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        executive_summary=" ".join(s.text for s in summary),
        executive_summary_sentences=[asdict(s) for s in summary],
        key_insights=[asdict(insight) for insight in insights],
        trend_analysis={
            "unit": unit,
            "text": " ".join(s.text for s in trend),
            "sentences": [asdict(s) for s in trend],
            "buckets": [{"start": b.start.strftime("%Y-%m-%d"), "articles": [i.id for i in b.items]} for b in row],
        },
        articles=[_listed(item, numbers[item.id]) for item in items],
        near=[_near(item) for item in near],
        sources=[{"source": name, "articles": number} for name, number in sources],
        topics=[{"topic": name, "articles": number} for name, number in topics],
        angles=[{"name": angle.name, "articles": [item.id for item in angle.items]} for angle in viewed],
        questions=questions(asked),
        notes=notes,
        totals={
            "articles_read": len(articles),
            "articles_relevant": len(items),
            "articles_passed": passed,
            "sources": len(sources),
            "feeds": len(feeds),
            "feeds_failed": sum(feed.failed for feed in feeds),
        },
    )
    report.html = _page(
        report, items, numbers, summary, insights, trend, row, sources, topics, feeds, moment, told_angles(viewed)
    )
    return report


def _topics(item: Item) -> list[str]:
    return [str(topic["topic"]) for topic in item.analysis.detected_topics[:3] if float(topic.get("score", 0)) >= 0.5]


def _listed(item: Item, number: int) -> dict[str, Any]:
    return {
        "id": item.id,
        "number": number,
        "title": item.title,
        "issue": item.issue,
        "url": item.link,
        "source": item.source,
        "author": item.article.author,
        "date": item.date.strftime("%Y-%m-%d") if item.date else None,
        "relevance_score": item.relevance,
        "sentiment_score": item.analysis.sentiment_score,
        "language": item.analysis.language,
        "summary": item.analysis.summary,
        "why": why(item),
    }


def _near(item: Item) -> dict[str, Any]:
    return {
        "title": item.title,
        "url": item.link,
        "source": item.source,
        "date": item.date.strftime("%Y-%m-%d") if item.date else None,
        "relevance_score": item.relevance,
        "why": why(item),
    }


def why(item: Item) -> str:
    """In words, what the relevance rests on."""
    parts = item.analysis.explanation.get("relevance")
    if not isinstance(parts, dict) or not parts.get("matched"):
        return ""
    words = []
    for match in parts["matched"]:
        told = f"“{match['concept']}”"
        words.append(f"{told} in the title" if match.get("in_title") else told)
    text = ", ".join(words)
    related = list(parts.get("related") or {})[:3]
    return text + (f"; also {', '.join(related)}" if related else "")


def _notes(
    topic: str, articles: Sequence[Article], items: Sequence[Item], passed: int, feeds: Sequence[FeedSummary]
) -> list[str]:
    """How the report came about and what it could not see. These speak of the reading, not of the world."""
    read = f"{capital(count(len(articles), 'article'))} from {count(len(feeds), 'feed')} were read; "
    notes = [
        read + (f"{count(passed, 'article')} passed the relevance threshold." if items else f"none is about {topic}.")
    ]
    if passed > len(items):
        notes.append(f"The report rests on the {spelled(len(items))} closest to the topic.")
    repeated = sum(feed.duplicates_by_url + feed.duplicates_by_content for feed in feeds)
    if repeated:
        notes.append(f"{capital(count(repeated, 'item'))} told again what another feed had told and were left out.")
    notes += [
        f"{feed.name} could not be read: {feed.reason.rstrip('.') or 'no reason given'}."
        for feed in feeds
        if feed.failed
    ]
    undated = sum(item.date is None for item in items)
    if undated:
        notes.append(f"{capital(count(undated, 'article'))} had no date and stand outside the trend.")
    foreign = sorted({item.analysis.language for item in items} - {"en", "und"})
    if foreign:
        notes.append(f"Articles in other languages ({', '.join(foreign)}) are counted, but their tone is not judged.")
    return notes


_environment: Environment | None = None


def _template() -> Any:
    global _environment
    if _environment is None:
        _environment = Environment(
            loader=PackageLoader("report", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
    return _environment.get_template("report.html")


def _page(
    report: Report,
    items: Sequence[Item],
    numbers: dict[str, int],
    summary: Sequence[Sentence],
    insights: Sequence[Any],
    trend: Sequence[Sentence],
    row: Sequence[Any],
    sources: Sequence[tuple[str, int]],
    topics: Sequence[tuple[str, int]],
    feeds: Sequence[FeedSummary],
    moment: datetime,
    covered: Sequence[tuple[Angle, Sentence]],
) -> str:
    dates = sorted(item.date for item in items if item.date)
    shown = [
        {
            "item": item,
            "number": numbers[item.id],
            "date": day(item.date, year=True) if item.date else "undated",
            "why": why(item),
            "percent": round(item.relevance * 100),
            "tone": _tone(item),
        }
        for item in items[:SHOWN_ARTICLES]
    ]
    html = _template().render(
        report=report,
        numbers=numbers,
        summary=summary,
        insights=insights,
        trend=trend,
        shown=shown,
        more=[(numbers[item.id], item) for item in items[SHOWN_ARTICLES:]],
        feeds=feeds,
        covered=covered,
        uncovered=[angle["name"] for angle in report.angles if not angle["articles"]],
        made=f"{day(moment, year=True)}, {moment:%H:%M} UTC",
        period=(day(dates[0], year=True), day(dates[-1], year=True)) if dates else None,
        trend_chart=columns(row, "Relevant articles over time") if len(row) > 1 else None,
        source_chart=rows(sources[:8], "Relevant articles by source") if sources else None,
        topic_chart=rows(topics, "Topics the relevant articles touch") if topics else None,
    )
    return str(html)


def _tone(item: Item) -> str | None:
    score = item.analysis.sentiment_score
    return "hopeful" if score >= 0.25 else "worried" if score <= -0.25 else None
