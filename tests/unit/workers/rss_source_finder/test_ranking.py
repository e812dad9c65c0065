"""Which feeds of the catalogue a topic finds, and why."""

from __future__ import annotations

import pytest

# What somebody who knows the catalogue would name first: all of them have to be among the first five.
EXPECTED = {
    "solid state batteries": {"Batteries News", "Green Car Congress"},
    "python web frameworks": {"Django Weblog", "TestDriven.io: Django", "Full Stack Python", "Real Python"},
    "coral reef bleaching": {"Oceanographic Magazine", "Oceana"},
    "Bundesliga": {"kicker", "Sportschau", "sport.de"},
    "privacidade de dados": {"Tecnoblog", "Segurança Legal", "JOTA"},
    "Datenschutz": {"netzpolitik.org", "Kuketz IT-Security Blog"},
    "vie privée": {"Numerama"},
    "night trains": {"Back-on-Track", "International Railway Journal"},
    "Nachtzüge": {"Back-on-Track"},
    "open source maintenance": {"Changelog", "The GitHub Blog"},
    "heat pumps": {"Canary Media"},
    "AI": {"AI Business", "AI News"},
    "large language models": {"LangChain", "Latent Space"},
    "quantum computing": {"Quanta Magazine", "Phys.org"},
    "inflation and interest rates": {"Federal Reserve Press Releases"},
    "constitutional law": {"Verfassungsblog"},
    "human evolution": {"John Hawks"},
    "ransomware attacks on hospitals": {"The Record", "BleepingComputer"},
    "urban cycling": {"Seattle Bike Blog", "The Urbanist"},
    "data journalism": {"FlowingData", "Nieman Lab", "Bellingcat"},
    "deep sea mining": {"Mining Technology", "NOAA Ocean Explorer"},
    "vegan recipes": {"101 Cookbooks", "Green Kitchen Stories"},
    "chess": {"ChessBase", "Chess.com News", "Lichess Blog", "The Week in Chess"},
    "salud mental": {"Psicología y Mente"},
    "immigration policy": {"UNHCR", "ReliefWeb"},
    "bees and pesticides": {"FAO Newsroom", "The Guardian: Environment"},
    "Radverkehr": {"Seattle Bike Blog"},
    "electric planes": {"The Points Guy", "Biofuels Digest"},
    "postgres performance": {"pgcli", "Brandur"},
    "supply chain attacks": {"Seth Michael Larson", "Google Online Security Blog"},
    "central bank digital currency": {"Federal Reserve Press Releases"},
}


@pytest.mark.parametrize("topic", EXPECTED)
def test_what_a_topic_finds_first(finder, topic):
    found = finder.ranking.rank(finder.catalogue.public(), topic)
    first = [one.feed.title for one in found.ranked[:5]]
    assert set(first) >= EXPECTED[topic], first


@pytest.fixture
def ranked(finder):
    """`ranked(topic, {title: topics or row})` is {title: Ranked} of feeds made up for a test."""

    def rank(topic, feeds, **options):
        rows = [
            finder.feeds.feed(
                {"url": f"https://{at}.test/", "title": title, **(row if isinstance(row, dict) else {"topics": row})}
            )
            for at, (title, row) in enumerate(feeds.items())
        ]
        return {one.feed.title: one for one in finder.ranking.rank(rows, topic, **options).ranked}

    return rank


def test_words_are_whole_and_a_part_of_a_label_counts_in_part(ranked):
    found = ranked("cat", {"Category theory": "mathematics", "Cats weekly": "pets", "The Concatenator": "strings"})
    assert set(found) == {"Cats weekly"}
    found = ranked("cats", {"One": ["cats"], "Two": ["big cats"], "Three": ["dogs", "cats"]})
    assert found["One"].score > found["Three"].score > found["Two"].score > 0


def test_a_label_in_a_topic_is_taken_as_a_whole(ranked):
    feeds = {"Oslo": ["united states"], "Cell": ["batteries"], "Deep": ["machine learning"], "School": ["learning"]}
    assert set(ranked("united states", feeds)) == {"Oslo"}
    assert set(ranked("solid state batteries", feeds)) == {"Cell"}
    assert "School" not in ranked("machine learning", feeds)
    apart = ranked("night trains", {"Whole": "night trains", "Trains at night": "trips", "Night life": "bars"})
    assert list(apart) == ["Whole", "Trains at night"] and apart["Trains at night"].matched == ["night trains"]


def test_other_words_for_it_count_less_and_say_so(ranked):
    found = ranked("railways", {"One": "railways", "Two": "eisenbahn", "Three": "public transport"})
    assert list(found) == ["One", "Two", "Three"]
    assert found["Two"].matched == ["railways = eisenbahn"]
    assert found["Three"].matched == ["railways ~ public transport"] and set(found["Three"].parts) == {"related"}
    assert all(one.score == pytest.approx(sum(one.parts.values()), abs=1e-3) for one in found.values())


def test_accents_and_plurals_are_the_same_word(ranked):
    assert set(ranked("Café Zürich", {"Cafes": "coffee", "Zurich": "news"})) == {"Cafes", "Zurich"}


def test_what_the_topic_leaves_out_attracts_nothing(ranked):
    feeds = {"Cars": "cars", "Cats": "jaguar"}
    for topic in ("jaguar, not cars", "jaguar -cars", "Jaguar without cars", "jaguar ohne cars"):
        assert set(ranked(topic, feeds)) == {"Cats"}, topic


def test_keywords_help_and_never_outweigh_the_topic(ranked):
    feeds = {"Rail": ["trains"], "Sea": ["tides"], "Both": ["trains", "tides"]}
    assert list(ranked("trains", feeds, keywords=["tides"]))[:2] == ["Both", "Rail"]
    feeds |= {"Many": ["tides", "cars", "sleeping", "charges"]}
    many = ["tides", "sleeping cars", "track charges", "Moonrail", "Port Ansel", *(f"word{n}" for n in range(20))]
    found = ranked("trains", feeds, keywords=many)
    assert found["Rail"].score > found["Many"].score > 0
    # Another word for the topic counts once, and what nobody says takes nothing from the others.
    alone = ranked("trains", feeds)["Rail"].score
    assert ranked("trains", feeds, keywords=["zug", "bahn", "Moonrail"])["Rail"].score == alone


def test_what_no_feed_says_is_told_of_the_topic_only(finder):
    feeds = [finder.feeds.feed({"url": "https://a.test/", "title": "Rail", "topics": "trains"})]
    notes = finder.ranking.rank(feeds, "trains and moss", keywords=["tides", "Moonrail"]).notes
    assert [note for note in notes if "of itself" in note] == ["No feed says 'moss' of itself."]


def test_words_that_say_a_side_of_the_topic_count_less(ranked):
    feeds = {"Borders": ["migration"], "Policies": ["policy"]}
    assert list(ranked("immigration policy", feeds)) == ["Borders", "Policies"]
    assert list(ranked("policy", feeds)) == ["Policies"]


def test_the_planet_is_no_sea(ranked):
    assert set(ranked("mar", {"Rover": ["mars"], "Tide": ["oceans"]})) == {"Tide"}


def test_languages_are_kept_or_count_less(ranked):
    feeds = {
        "Soccer": {"topics": ["football"], "language": "en"},
        "Kicken": {"topics": ["fußball"], "language": "de"},
        "Nobody": {"topics": ["football"]},
    }
    assert list(ranked("football", feeds)) == ["Soccer", "Nobody", "Kicken"]
    assert list(ranked("Fußball", feeds))[0] == "Kicken"
    assert list(ranked("football", feeds, languages=["de"])) == ["Nobody", "Kicken"]


def test_nothing_is_found_in_nothing(finder):
    found = finder.ranking.rank([], "trains")
    assert (found.ranked, found.searched) == ([], 0)


def test_a_list_that_is_no_xml_is_read_outline_by_outline(finder):
    text = """<opml version="1.0"><body><outline text="Code">
    <outline title="One" description="By <a href="https://x.test" rel="y">X</a>" xmlUrl="https://one.test/?a=1&b=2" />
    <outline title="Two &amp; more" xmlUrl="https://two.test/" htmlUrl="https://www.two.test/blog">
    </outline></outline><outline text="Three" category="cats, /pets/" xmlUrl="nowhere"/></body></opml>"""
    read = finder.lists.of_text(text, "mine")
    assert [(one.url, one.title, one.site, one.topics) for one in read.feeds] == [
        ("https://one.test/?a=1&b=2", "One", "one.test", ("code",)),
        ("https://two.test/", "Two & more", "two.test", ("code",)),
    ]
    assert [row["what"] for row in read.refused] == ["nowhere"]
    assert "read one by one" in read.notes[0] and read.notes[0].startswith("mine: it is not well-formed XML")
    with pytest.raises(finder.opml.Malformed):
        finder.lists.of_text("<html><outline xmlUrl='https://x.test'", "")
