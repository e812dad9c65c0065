"""How a topic is read: what it wants, what it leaves out, quotes, years, comparisons, short forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "ideas", "excluded"),
    [
        ("night trains", ["night", "trains"], []),
        ("rust without games", ["rust"], ["games"]),
        ("AI -crypto", ["AI"], ["crypto"]),
        ('AI -"digital art" -crypto', ["AI"], ["digital art", "crypto"]),
        ("image generation, not video", ["image", "generation"], ["video"]),
        ("chips, but not games, crypto or music", ["chips"], ["games", "crypto", "music"]),
        ("chips not games but phones", ["chips", "phones"], ["games"]),
        ("Bahn ohne Güterverkehr", ["Bahn"], ["Güterverkehr"]),
        ("coches sin diésel", ["coches"], ["diésel"]),
        ("énergie solaire sans batteries", ["énergie", "solaire"], ["batteries"]),
        ("Doctors Without Borders", ["Doctors", "Borders"], []),
        ("original sin", ["original", "sin"], []),
        ('"life without parole"', ["life without parole"], []),
        ("e-bikes in COVID-19 times", ["e-bikes", "COVID-19", "times"], []),
        ("C++ and node.js", ["C++", "node.js"], []),
        ('"open source" maintenance', ["open source", "maintenance"], []),
        ("large language models in schools", ["large language models", "schools"], []),
        ("us elections", ["elections"], []),
        ("US elections", ["US", "elections"], []),
        ("NIGHT TRAINS", ["NIGHT", "TRAINS"], []),
        ("the future of news", ["future", "news"], []),
        ("solid state batteries", ["solid", "state", "batteries"], []),
        ("peer review crisis", ["peer", "review", "crisis"], []),
        ("new york subway", ["new", "york", "subway"], []),
        ("electric cars without Tesla", ["electric cars"], ["Tesla"]),
        ("R programming", ["R", "programming"], []),
    ],
)
def test_what_is_wanted_and_what_is_not(researcher, text, ideas, excluded):
    topic = researcher.topic.parse(text)
    assert [idea.name for idea in topic.ideas] == ideas
    assert [idea.name for idea in topic.excluded] == excluded


@pytest.mark.parametrize(
    ("text", "years", "aspects"),
    [
        ("AI trends 2024", (2024,), ("trends",)),
        ("solar power 2020-2023", (2020, 2021, 2022, 2023), ()),
        ("solar power 2020–2021", (2020, 2021), ()),
        ("COP30 in 2025", (2025,), ()),
        ("the 1,984 pages", (), ()),
        ("2024", (2024,), ()),
        ("history of jazz", (), ("history",)),
        ("Geschichte des Jazz", (), ("Geschichte",)),
        ("trends and predictions for AI", (), ("trends", "predictions")),
        ("latest AI news", (), ("latest", "news")),
        ("history teaching", (), ()),
    ],
)
def test_years_and_aspects_are_kept_apart(researcher, text, years, aspects):
    topic = researcher.topic.parse(text)
    assert (topic.years, topic.aspects) == (years, aspects)
    assert topic.ideas, "there is always something to look for"


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("solar vs wind power", ["solar", "wind power"]),
        ("SQLite vs. Postgres", ["SQLite", "Postgres"]),
        ("heat pumps or gas boilers", ["heat pumps", "gas boilers"]),
        ("difference between REST and GraphQL", ["between REST", "GraphQL"]),
        ("rust and go", ["rust and go"]),
        ("rust vs go", ["rust", "go"]),
        ("R vs Python", ["R", "Python"]),
    ],
)
def test_sides_of_a_comparison(researcher, text, sides):
    topic = researcher.topic.parse(text)
    assert list(topic.names) == sides
    assert (researcher.kinds.kind_of(topic) == "comparison") == (len(sides) > 1)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("night trains", "en"),
        ("AI trends 2024", "en"),
        ("original sin", "en"),
        ("olas de calor", "es"),
        ("énergie solaire", "fr"),
        ("comboios noturnos", "pt"),
        ("mudança climática", "pt"),
        ("Wohnungsbau", "de"),
        ("Künstliche Intelligenz in der Medizin", "de"),
    ],
)
def test_the_language_of_a_few_words(researcher, text, language):
    assert researcher.topic.parse(text).language == language


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("solid state batteries", "technology"),
        ("open source maintainers", "subject"),
        ("Wohnungsbau in Vessen", "subject"),
        ("how do language models learn", "question"),
        ("Wie lernt eine KI?", "question"),
        ("can opener", "subject"),
        ("Ada Lovelace", "person"),
        ("rust vs go", "comparison"),
    ],
)
def test_kinds(researcher, text, kind):
    assert researcher.kinds.kind_of(researcher.topic.parse(text)) == kind


def strength(researcher, topic, title, content="", language="en"):
    text = researcher.matching.read({"title": title, "content": content, "language": language})
    return researcher.matching.Matcher(researcher.topic.parse(topic)).match(text).strength


@pytest.mark.parametrize(
    ("topic", "title", "language", "about"),
    [
        ("night trains", "El tren nocturno volverá a la costa", "es", True),
        ("comboios noturnos", "Der Nachtzug fährt wieder", "de", True),
        ("olas de calor", "Eine Hitzewelle im September", "de", True),
        ("olas de calor", "La primera ola de calor", "es", True),
        ("Künstliche Intelligenz in der Medizin", "AI reads scans in medicine", "en", True),
        ("KI in der Medizin", "AI reads scans in Berlin", "en", False),
        ("self-driving cars", "A self driving car stalls", "en", True),
        ("ai", "An evening of entertainment", "en", False),
        ("art", "Start of the party", "en", False),
        ("open source maintainers", "Open source models", "en", False),
        ("open source maintainers", "Burnout among maintainers of open source", "en", True),
        ("AI regulation in Europe", "Regulating medical AI", "en", False),
        ("AI regulation in Europe", "How the EU regulates AI", "en", True),
        ("electric cars without Tesla", "Electric cars sell well, but not those of Tesla", "en", False),
        ("electric cars without Tesla", "Electric cars sell well", "en", True),
    ],
)
def test_what_is_about_a_topic(researcher, topic, title, language, about):
    assert (strength(researcher, topic, title, language=language) >= researcher.matching.ABOUT) is about


def test_a_small_word_that_is_compared_is_a_name(researcher):
    assert strength(researcher, "rust vs go", "Why we moved", "We rewrote the service in Go last year.") > 0
    assert strength(researcher, "rust vs go", "Where to go", "We go there. Go slowly, and let it go.") == 0


@pytest.mark.parametrize("text", ["", "  ", "-crypto", "?!", '-"digital art"'])
def test_nothing_to_look_for_is_said(researcher, text):
    with pytest.raises(ValueError, match="nothing to look for"):
        researcher.topic.parse(text)


PIECES = st.sampled_from(
    [
        "night",
        "trains",
        "AI",
        "-crypto",
        '"open source"',
        "without",
        "sin",
        ",",
        "or",
        "vs",
        "2024",
        "2020-2024",
        "not",
        "C++",
    ]
)


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=9).map(" ".join)))
def test_any_text_is_read_or_refused_in_words(researcher, text):
    try:
        topic = researcher.topic.parse(text)
    except ValueError as error:
        assert str(error) == "it names nothing to look for"
        return
    assert topic.sides and all(topic.sides) and topic.label and topic.search
    assert len(topic.names) == len(topic.sides)
    assert all(form for idea in (*topic.ideas, *topic.excluded) for form in idea.forms)
    assert all(1900 <= year <= 2099 for year in topic.years)
    again = researcher.topic.parse(text)
    assert again == topic
    # Whatever was read can be looked for.
    matcher = researcher.matching.Matcher(topic)
    assert 0 <= matcher.match(researcher.matching.read({"title": text, "content": text})).strength <= 1
    researcher.kinds.kind_of(topic)


@given(
    st.sampled_from(["night trains", "coral reefs", "AI", '"open source" funding']),
    st.sampled_from(["games", "crypto"]),
)
def test_what_is_left_out_never_counts_as_about(researcher, wanted, unwanted):
    topic = researcher.topic.parse(f"{wanted} -{unwanted}")
    matcher = researcher.matching.Matcher(topic)
    plain = wanted.replace('"', "")
    with_it = researcher.matching.read({"title": f"{plain} and {unwanted}", "language": "en"})
    without = researcher.matching.read({"title": f"{plain} and more", "language": "en"})
    assert not matcher.match(with_it).about and matcher.match(with_it).excluded == (unwanted,)
    assert matcher.match(without).about
