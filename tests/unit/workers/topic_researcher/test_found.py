"""What is found in articles: phrases and sub-topics that say something, questions that can be asked."""

from __future__ import annotations

import asyncio

import pytest


def texts(researcher, *rows, feed="https://x.test/a.xml", language="en"):
    return [
        researcher.matching.read({"title": title, "content": content, "feed_url": feed, "language": language})
        for title, content in rows
    ]


def collect(researcher, topic, about, others=(), titles=()):
    return asyncio.run(researcher.phrases.collect(researcher.topic.parse(topic), about, list(others), dict(titles)))


def test_what_a_feed_writes_around_every_article_is_cut(researcher):
    articles = [
        {
            "feed_url": "a",
            "title": f"The Daily Digest: {word} in the harbour",
            "content": f"{word}. Read it in full.",
        }
        for word in ("Ferries", "Whales", "Cranes", "Storms", "Pilots", "Divers")
    ]
    articles.append({"feed_url": "b", "title": "The Daily Digest: a name of its own", "content": "x"})
    cut = [row for feed in researcher.stock.without_stock(articles) for _, row in feed]
    assert cut[0]["title"] == "Ferries" and cut[0]["content"] == "Ferries"
    assert cut[-1] == articles[-1]
    assert articles[0]["title"].startswith("The Daily Digest"), "what was given stays as it is"


def test_a_text_that_is_nothing_but_stock_keeps_its_words(researcher):
    articles = [{"feed_url": "a", "title": "Weekly Notes", "content": "Nothing new this week"} for _ in range(8)]
    assert list(researcher.stock.without_stock(articles)) == [list(enumerate(articles))]


def test_names_are_known_by_capitals_within_sentences(researcher):
    about = texts(
        researcher,
        ("Night trains return", "A sleeper of Nordbahn left, and track charges fell."),
        ("More night trains", "The plan of Nordbahn needs lower track charges."),
    )
    found = {phrase.name: phrase.proper for phrase in collect(researcher, "night trains", about)}
    assert found["Nordbahn"] is True and found["track charges"] is False


def test_a_number_alone_is_no_phrase(researcher):
    about = texts(
        researcher,
        ("Night trains return", "With the Sleeper IV of Nordbahn they are quiet."),
        ("More night trains", "Nordbahn orders the Sleeper IV."),
    )
    names = {phrase.name for phrase in collect(researcher, "night trains", about)}
    assert "IV" not in names and "Sleeper IV" in names


def test_a_feed_that_names_itself_is_no_phrase(researcher):
    about = texts(
        researcher,
        ("Night trains return", "So the Night Owl says, and track charges fell."),
        ("More night trains", "The Night Owl has heard of lower track charges."),
    )
    titles = {"https://x.test/a.xml": "The Night Owl"}
    assert "Owl" not in " ".join(phrase.name for phrase in collect(researcher, "night trains", about, (), titles))


def test_whole_names_without_owners_and_verbs(researcher):
    about = texts(
        researcher,
        (
            "Night trains: Nordbahn opens sleeper depot",
            "The board of Nordbahn’s Night Travel Trust met to raise the money.",
        ),
        ("Night trains grow", "It was Nordbahn’s Night Travel Trust that paid, to raise the mood."),
    )
    names = [phrase.name for phrase in collect(researcher, "night trains", about)]
    assert "Night Travel Trust" in names
    assert not {"Travel Trust", "Nordbahn opens", "raise", "Nordbahn’s Night Travel"} & set(names)


@pytest.mark.parametrize(
    ("title", "stories"),
    [
        ("Chip Prices Fall, Robots Fold Laundry, New Rules for Self-Driving Cars", 3),
        ("Hermes vs. OpenClaw, Cybersecurity Alarms Ring, Can Agents Do Human Work?", 3),
        ("Authentication, authorization, and security", 0),
        ("Night trains return, after nineteen years, to the northern line", 0),
        ("A house, a garden and a dog", 0),
    ],
)
def test_an_issue_that_tells_several_stories(researcher, title, stories):
    assert len(researcher.digests.stories(title)) == stories


def test_questions_are_grammatical_and_ask_once(researcher):
    def asked(topic, *rows):
        read, about = researcher.topic.parse(topic), texts(researcher, *rows)
        kind = researcher.kinds.kind_of(read, "en", about)
        return researcher.questions.questions(read, kind, "en", about, [], [], 2026)

    assert asked("history of jazz")[0] == "What is new about the history of jazz, and who says so?"
    assert asked("AI trends")[0] == "Who uses AI today, and what do they report?"
    assert asked("how do language models learn")[0] == "How do language models learn?"
    assert "Are night trains safe?" in asked("night trains", ("Are night trains safe?", ""))
    assert asked("night trains", ("Night trains that can't stop?!", "")) == asked("night trains")
    rules = [
        (f"A new law on {what}", f"A regulator wrote rules on {what}.")
        for what in ("night trains", "AI regulation") * 2
    ]
    assert "Which rules apply to night trains, and who wants to change them?" in asked("night trains", *rules)
    assert not any("Which rules" in question for question in asked("AI regulation", *rules))
    assert asked("solar power 2024")[-1] == "What of what was said about solar power in 2024 has come true?"


@pytest.mark.parametrize("topic", ["C++", "node.js", "What?", "R&D", "AI*", "(rust"])
def test_any_sign_in_a_topic_is_a_sign(researcher, topic):
    about = texts(researcher, ("C++ and node.js", "We like C++ and node.js, and R&D of AI in rust."))
    read = researcher.topic.parse(topic)
    assert researcher.kinds.kind_of(read, "en", about) in researcher.kinds.KINDS
