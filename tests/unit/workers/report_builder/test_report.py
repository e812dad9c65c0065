"""The report: what it claims rests on the articles it names, it is safe to open, and it stays readable at the edges."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TITLES = [
    "Sleeper to the sea returns",
    "Who pays for empty berths",
    "Three capitals by morning",
    "Old carriages find new owners",
    "Cyclists want a bunk and a hook",
    "A conductor remembers the nineties",
    "Ticket sites learn to speak to each other",
    "Freight keeps the tracks busy after dark",
    "Breakfast is part of the fare again",
]
VOID = {"meta", "br", "img", "link", "line", "rect"}


def made(report, topic="night trains", count=9, **changes):
    """A report over `count` articles of four sources, one a week, every third of which tells a shared theme."""
    articles, analyses = [], []
    for at in range(count):
        url = f"https://news.test/{at}"
        day = MOMENT - timedelta(days=7 * at)
        articles.append(
            report.items.Article(
                article_url=url,
                title=TITLES[at],
                feed_title=f"Source {at % 4}",
                pub_date=day.isoformat(),
                **changes,
            )
        )
        analyses.append(
            report.items.Analysis(
                article_url=url,
                relevance_score=0.9 - at * 0.01,
                sentiment_score=0.5 if at % 2 else -0.5,
                language="en",
                summary=f"Sentence number {at} says something the headline does not say about beds and breakfast.",
                key_phrases=["sleeper carriages"] if at % 3 == 0 else [f"phrase {at}"],
                detected_topics=[{"topic": "transport", "score": 0.9}],
            )
        )
    feeds = [report.feeds.FeedSummary(feed_url="https://news.test/feed", title="Source 0", items_read=count)]
    return report.build.build(topic, articles, analyses, feeds, MOMENT), articles, analyses, feeds


def all_sentences(result):
    yield from result.executive_summary_sentences
    for insight in result.key_insights:
        yield from insight["sentences"]
    yield from result.trend_analysis["sentences"]


def test_every_sentence_goes_when_its_articles_go(report):
    result, articles, analyses, feeds = made(report)
    sentences = list(all_sentences(result))
    assert len(sentences) >= 9
    for sentence in sentences:
        assert sentence["articles"], sentence
        left = [a for a in articles if report.items.item_id(a.article_url) not in sentence["articles"]]
        without = report.build.build("night trains", left, analyses, feeds, MOMENT)
        assert sentence["text"] not in {other["text"] for other in all_sentences(without)}, sentence
        assert sentence["text"] not in without.html


def test_every_cited_article_is_listed_and_linked(report):
    result, *_ = made(report)
    listed = {article["id"] for article in result.articles}
    for sentence in all_sentences(result):
        assert set(sentence["articles"]) <= listed
    targets = set(re.findall(r'href="#(a[0-9a-f]{8})"', result.html))
    assert targets <= set(re.findall(r'id="(a[0-9a-f]{8})"', result.html))


def test_every_summary_on_the_page_names_its_article(report):
    result, *_ = made(report)
    for at in range(9):
        identity = report.items.item_id(f"https://news.test/{at}")
        assert f'data-articles="{identity}">Sentence number {at} says' in result.html


def test_texts_are_escaped_and_only_web_links_are_links(report):
    payload = '<script>alert(1)</script><svg onload=x>" onmouseover="y'
    articles = [
        report.items.Article(article_url="javascript:alert(1)", title=payload, feed_title=payload, author=payload),
        report.items.Article(article_url="https://x.test/<b>?a=1&b=2", title="b", feed_title="s", author=payload),
    ]
    analyses = [
        report.items.Analysis(article_url=a.article_url, relevance_score=0.9, summary=payload, key_phrases=[payload])
        for a in articles
    ]
    feeds = [report.feeds.FeedSummary(feed_url=payload, title=payload, status="failed", reason=payload)]
    html = report.build.build(payload, articles, analyses, feeds, MOMENT).html
    assert "<script" not in html
    assert "<svg onload" not in html
    assert 'href="javascript:' not in html
    parser = Attributes()
    parser.feed(html)
    assert not [name for name in parser.names if name.startswith("on")]


class Attributes(HTMLParser):
    """Collects attribute names, and checks that elements close in the order they opened."""

    def __init__(self):
        super().__init__()
        self.names, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.names += [name for name, _ in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_needs_nothing_from_outside(report):
    result, *_ = made(report)
    parser = Attributes()
    parser.feed(result.html)
    assert parser.open == []
    assert "src=" not in result.html
    assert "@import" not in result.html and "url(" not in result.html
    assert "default-src 'none'" in result.html


def test_nothing_relevant_is_said_plainly(report):
    article = report.items.Article(article_url="https://x.test/1", title="Cheese", feed_title="S")
    analysis = report.items.Analysis(article_url="https://x.test/1", relevance_score=0.01)
    result = report.build.build("night trains", [article], [analysis], [], MOMENT)
    assert result.executive_summary == "" and result.key_insights == [] and result.articles == []
    assert "none is about night trains" in result.html


def test_an_empty_input_still_gives_a_page(report):
    result = report.build.build("", [], [], [], MOMENT)
    assert result.totals["articles_read"] == 0
    assert result.html.startswith("<!doctype html>")


def test_a_broken_feed_is_named_with_its_reason(report):
    feeds = [
        report.feeds.FeedSummary(
            feed_url="https://x.test/f", title="Harbour Post", status="failed", reason="the server answered 404"
        )
    ]
    result = report.build.build("x", [], [], feeds, MOMENT)
    assert "Harbour Post could not be read: the server answered 404." in result.notes
    assert result.totals["feeds_failed"] == 1


def test_what_earlier_stages_did_not_reach_is_told_once(report):
    feeds = [report.feeds.FeedSummary(feed_url="https://x.test/f", title="Harbour Post", status="failed", reason="404")]
    unreachable = [
        {"what": "https://x.test/f", "way": "opml", "reason": "the server answered 404"},
        {"what": "https://far.test/", "way": "discovery", "reason": "it answers 500"},
        {"what": "https://far.test/", "way": "opml", "reason": "it answers 500"},
        {"what": "https://mute.test/"},
        {"reason": "of nothing"},
        "no row",
    ]
    told = report.feeds.with_unreachable(feeds, unreachable)
    assert [(feed.name, feed.outcome) for feed in told] == [
        ("Harbour Post", "404"),
        ("https://far.test/", "it answers 500"),
        ("https://mute.test/", "it could not be reached"),
    ]
    result = report.build.build("x", [], [], told, MOMENT)
    assert "https://far.test/ could not be read: it answers 500." in result.notes
    assert result.totals["feeds_failed"] == 3


def test_one_story_of_several_sources_stands_together(report):
    items = [
        report.items.Item(
            str(n), report.items.Article(f"https://x.test/{n}", title), report.items.Analysis("u"), s, None
        )
        for n, (title, s) in enumerate(
            [
                ("Coral nursery off Palau doubles in size", "A"),
                ("Coral nursery off Palau has doubled in size", "B"),
                ("Bus drivers vote on new contract", "A"),
            ]
        )
    ]
    assert [[item.id for item in group] for group in report.items.stories(items)] == [["0", "1"], ["2"]]


@pytest.mark.parametrize(
    ("days", "unit"),
    [(0, "day"), (14, "day"), (15, "week"), (180, "week"), (400, "month"), (1500, "quarter"), (5000, "year")],
)
def test_the_trend_chooses_its_unit_and_loses_no_item(report, days, unit):
    items = [
        report.items.Item(
            str(n),
            report.items.Article("u", "t"),
            report.items.Analysis("u"),
            "S",
            MOMENT - timedelta(days=days * n / 9),
        )
        for n in range(10)
    ]
    found, row = report.trend.buckets(items)
    assert found == unit
    assert sum(len(bucket.items) for bucket in row) == 10
    assert [b.start for b in row] == sorted({b.start for b in row})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60), st.floats(0, 1)), max_size=12), st.text(max_size=20)
)
def test_any_text_makes_a_report(report, rows, topic):
    articles = [
        report.items.Article(article_url=f"https://x.test/{n}", title=title, feed_title=f"S{n % 3}")
        for n, (title, _, _) in enumerate(rows)
    ]
    analyses = [
        report.items.Analysis(
            article_url=f"https://x.test/{n}", relevance_score=score, summary=text, key_phrases=[text]
        )
        for n, (_, text, score) in enumerate(rows)
    ]
    result = report.build.build(topic, articles, analyses, [], MOMENT)
    for sentence in all_sentences(result):
        assert sentence["articles"]


def test_the_same_input_gives_the_same_report(report):
    first, *_ = made(report)
    second, *_ = made(report)
    assert first == second and first.report_id == second.report_id


def test_what_is_just_below_the_threshold_is_listed_apart_and_nothing_rests_on_it(report):
    urls = [f"https://x.test/{at}" for at in range(4)]
    articles = [report.items.Article(article_url=url, title=f"Title {url[-1]}", feed_title="S") for url in urls]
    scores = (0.9, 0.3, 0.2, 0.05)
    analyses = [report.items.Analysis(article_url=url, relevance_score=s) for url, s in zip(urls, scores, strict=True)]
    result = report.build.build("night trains", articles, analyses, [], MOMENT)
    assert [row["title"] for row in result.articles] == ["Title 0"]
    assert [row["title"] for row in result.near] == ["Title 1", "Title 2"]
    cited = {identity for sentence in all_sentences(result) for identity in sentence["articles"]}
    assert cited == {result.articles[0]["id"]}
    assert "Near the topic" in result.html and "Title 3" not in result.html


def test_the_latest_article_is_named_where_another_is_closer_to_the_topic(report):
    result, articles, analyses, feeds = made(report)
    assert "The latest is" not in result.executive_summary  # the first is both
    analyses[0].relevance_score, analyses[4].relevance_score = 0.5, 0.95
    again = report.build.build("night trains", articles, analyses, feeds, MOMENT)
    assert f"The closest to the topic is “{TITLES[4]}”" in again.executive_summary
    assert f"The latest is “{TITLES[0]}” (Source 0, 20 November)." in again.executive_summary


def test_angles_say_which_articles_speak_to_a_sub_topic_and_to_which_none_does(report):
    _, articles, analyses, feeds = made(report)
    articles[3].content = "The coach has a séparé, and the sleeping cars are full."
    sub_topics = [
        {"name": "Sleeping car", "keywords": ["separe"]},
        {"name": "Freight", "keywords": []},
        "tickets",
        "rid",  # no word of its own anywhere, though inside `bridge` and the like
        "Freight",
        {"name": 7},
        {"no": "name"},
    ]
    result = report.build.build(
        "night trains",
        articles,
        analyses,
        feeds,
        MOMENT,
        sub_topics=sub_topics,
        asked=["Who pays?", {"question": "When?"}, 3],
    )
    ids = [report.items.item_id(article.article_url) for article in articles]
    assert result.angles == [
        {"name": "Sleeping car", "articles": [ids[3]]},
        {"name": "Freight", "articles": [ids[7]]},
        {"name": "tickets", "articles": [ids[6]]},
        {"name": "rid", "articles": []},
    ]
    assert result.questions == ["Who pays?", "When?"]
    assert "speaks to: rid." in result.html and "Who pays?" in result.html
    alone = report.build.build("night trains", articles, analyses, feeds, MOMENT, asked=["Who pays?"]).html
    assert '<h2 id="angles">Questions to take further</h2>' in alone and "<summary>Questions" not in alone
    assert 'id="angles"' not in made(report)[0].html


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.dictionaries(
                st.sampled_from(["name", "keywords", "question"]),
                st.one_of(st.text(max_size=20), st.lists(st.text(max_size=9), max_size=3), st.none()),
            ),
            st.integers(),
            st.none(),
        ),
        max_size=6,
    )
)
def test_whatever_the_research_says_the_report_is_made_and_stays_safe(report, rows):
    _, articles, analyses, feeds = made(report)
    result = report.build.build("night trains", articles, analyses, feeds, MOMENT, sub_topics=rows, asked=rows)
    listed = {article["id"] for article in result.articles}
    assert all(set(angle["articles"]) <= listed and angle["name"] for angle in result.angles)
    assert "<script" not in result.html


def analysed(report, rows):
    """A report over (title, score, coverage, changes of the analysis) rows."""
    articles, analyses = [], []
    for at, (title, score, coverage, changes) in enumerate(rows):
        url = f"https://news.test/{at}"
        articles.append(report.items.Article(article_url=url, title=title, feed_title=f"Source {at % 3}"))
        explanation = {"relevance": {"coverage": coverage, "matched": [{"concept": "trains"}]}}
        analyses.append(report.items.Analysis(url, score, explanation=explanation, **changes))
    return report.build.build("night trains", articles, analyses, [], MOMENT)


def test_a_part_of_the_topic_must_score_higher_than_the_whole(report):
    rows = [("A", 0.8, 1.0, {}), ("B", 0.17, 1.0, {}), ("C", 0.27, 0.5, {}), ("D", 0.31, 0.5, {})]
    result = analysed(report, rows)
    assert [row["title"] for row in result.articles] == ["A", "D", "B"]
    assert [row["title"] for row in result.near] == ["C"]


def test_more_than_the_report_can_hold_is_said(report):
    result = analysed(report, [(f"Title {at}", 0.9 - at / 1000, 1.0, {}) for at in range(75)])
    assert len(result.articles) == 60 and result.totals["articles_passed"] == 75
    assert result.executive_summary.startswith(
        "The 60 closest of 75 articles about night trains are from three sources"
    )
    assert "The report rests on the 60 closest to the topic." in result.notes


def test_a_story_of_an_issue_stands_by_its_own_name(report):
    issue = "Chips Fall, Night Trains Return, Robots Fold"
    result = analysed(report, [(issue, 0.8, 1.0, {"story": "Night Trains Return", "summary": "Night Trains Return"})])
    (row,) = result.articles
    assert (row["title"], row["issue"]) == ("Night Trains Return", issue)
    (insight,) = result.key_insights
    assert insight["title"] == "Night Trains Return"
    assert insight["sentences"][0]["text"] == f"Source 0 tells of it in “{issue}”."
    assert f"in “{issue}”" in result.html and "Night Trains Return</a>" in result.html


@pytest.mark.parametrize("phrase", ["easy", "trains systems", "new approach", "Introducing", "night-train services"])
def test_what_comes_up_again_says_something(report, phrase):
    rows = [
        (f"Title {at}", 0.8, 1.0, {"key_phrases": [phrase, "sleeper carriages", "track charges"]}) for at in range(4)
    ]
    (told,) = [s for s in analysed(report, rows).executive_summary_sentences if "again" in s["text"]]
    assert told["text"] == "What comes up again and again: sleeper carriages and track charges."
