"""The classifier's judgement, part by part, on texts whose right answer a person can see."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st


def batch(classifier, topic, *texts, keywords=()):
    articles = [
        classifier.analysis.Article(article_url=f"https://x.test/{at}", title=title, content=content)
        for at, (title, content) in enumerate(texts)
    ]
    made = classifier.analysis.Batch(topic, articles, keywords)
    return [made.analyse(at) for at in range(len(articles))]


def scores(classifier, topic, *texts):
    return [row["relevance_score"] for row in batch(classifier, topic, *texts)]


def test_words_not_letters(classifier):
    inside, whole = scores(
        classifier,
        "ai",
        ("An evening of entertainment", "The entertainer said the train to Mainz waited in the rain."),
        ("What AI can do", "Engineers tried an AI in the field."),
    )
    assert inside == 0
    assert whole > 0.3


def test_forms_of_a_word_count_for_it(classifier):
    one, two, none = scores(
        classifier,
        "recycling batteries",
        ("A battery is recycled", "The plant recycles each battery."),
        ("Recycling of batteries", "Batteries go to recycling."),
        ("Cycling uphill", "A cyclist battered by wind."),
    )
    assert one > 0.3 and two > 0.3
    assert none == 0


def test_an_acronym_stands_for_its_words(classifier):
    rows = batch(
        classifier,
        "large language model evaluation",
        ("LLM evaluation in practice", "How an LLM is evaluated."),
        ("Why LLMs need evaluation", "Evaluation of LLMs is hard."),
        ("The LLM on the train", "It ran on a train."),
        ("A large model of a ship", "It was evaluated by visitors. The language was Dutch."),
    )
    assert [c["concept"] for c in rows[0]["explanation"]["relevance"]["matched"]] == [
        "large language model",
        "evaluation",
    ]
    assert min(rows[0]["relevance_score"], rows[1]["relevance_score"]) > rows[3]["relevance_score"]


def test_title_counts_more_than_body(classifier):
    title, body = scores(
        classifier,
        "coral reefs",
        ("Coral reefs return", "Divers were glad about what they saw on the sea floor this week."),
        ("Divers were glad about what", "they saw on the sea floor this week. Coral reefs return."),
    )
    assert title > body > 0


def test_all_ideas_of_the_topic_beat_one_of_them_often(classifier):
    both, one = scores(
        classifier,
        "night trains",
        ("Sleeping on rails", "The night train left on time. Trains at night are back."),
        ("Night over the city", "Night, night and again night: the museums open at night, all night."),
        ("Other news", "The council met."),
    )[:2]
    assert both > 2 * one


def test_words_that_a_batch_writes_as_one_count_apart_as_one_of_them(classifier):
    together = [(f"Open source project {n}", "It is open source. For years nobody read the licence.") for n in range(4)]
    apart = ("Source of the river opened", "The licence of the ferry at the source, open again, is old.")
    *whole, river = batch(classifier, "open source licence", *together, apart)
    assert min(row["relevance_score"] for row in whole) > 2 * river["relevance_score"]
    matched = [c["concept"] for c in river["explanation"]["relevance"]["matched"]]
    assert len(matched) == 2 and "licence" in matched
    # Two words that make one idea weigh as one: without the other idea half of the topic is missing, not a third.
    *_, half = batch(classifier, "open source licence", *together, ("Open source", "It is open source, and new."))
    assert half["explanation"]["relevance"]["coverage"] == 0.5
    # Where articles write them apart as well, they are two words.
    loose = [("Source code opened", "The source is open, under a licence.") for _ in range(4)]
    *_, river = batch(classifier, "open source licence", *together, *loose, apart)
    assert len(river["explanation"]["relevance"]["matched"]) == 3


def test_every_score_says_what_it_rests_on(classifier):
    (row,) = batch(classifier, "night trains", ("A night train", "The train is not late and the staff are friendly."))
    relevance = row["explanation"]["relevance"]
    assert {match["concept"] for match in relevance["matched"]} == {"night", "trains"}
    assert relevance["coverage"] == 1
    assert sum(row["explanation"]["quality"].values()) == pytest.approx(row["quality_score"], abs=1e-3)
    assert sum(row["explanation"]["confidence"].values()) == pytest.approx(row["confidence_score"], abs=1e-3)
    assert ["friendly", 1.0] in row["explanation"]["sentiment"]


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("The service is good.", 1),
        ("The service is not good.", -1),
        ("The service isn't very good.", -1),
        ("Nobody was hurt.", 1),
        ("There is no risk of failure.", 1),
        ("It failed to improve.", -1),
        ("The plan was praised, but the bridge collapsed and people died.", -1),
        ("The bridge collapsed, but everyone was rescued and the rebuilt one is safe and beautiful.", 1),
        ("The committee met on Tuesday.", 0),
        ("Goodwill Street is closed.", 0),
    ],
)
def test_sentiment_with_negation(classifier, text, sign):
    score = classifier.sentiment.sentiment(text, "en").score
    assert (score > 0) - (score < 0) == sign, score


def test_sentiment_of_other_languages_is_not_guessed(classifier):
    assert classifier.sentiment.sentiment("Das war ein großer Fehler, die war is bad", "de").score == 0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The council said that it would not close the street before the summer.", "en"),
        ("Der Stadtrat hat beschlossen, dass die Straße nicht vor dem Sommer gesperrt wird.", "de"),
        ("Le conseil a décidé de ne pas fermer la rue avant l'été pour les habitants.", "fr"),
        ("El ayuntamiento decidió que no se cerrará la calle hasta el verano para los vecinos.", "es"),
        ("A câmara decidiu que não vai fechar a rua até ao verão para os moradores.", "pt"),
        ("De gemeenteraad heeft besloten dat de straat niet voor de zomer wordt gesloten.", "nl"),
    ],
)
def test_language(classifier, text, language):
    assert classifier.words.language_of(text) == language


def test_a_short_text_keeps_its_declared_language(classifier):
    assert classifier.words.language_of("Nachtzug", "de-AT") == "de"


def test_sentences_keep_abbreviations_and_initials_whole(classifier):
    text = "Dr. Ada M. Berg spoke. She said: “It works.” The U.S. team, e.g. the divers, agreed! Why not?"
    assert classifier.words.sentences(text) == [
        "Dr. Ada M. Berg spoke.",
        "She said: “It works.”",
        "The U.S. team, e.g. the divers, agreed!",
        "Why not?",
    ]


@given(st.text(max_size=400))
def test_sentences_lose_no_word(classifier, text):
    assert " ".join(classifier.words.sentences(text)).split() == text.split()


def test_summary_is_made_of_whole_sentences_of_the_text(classifier):
    text = (
        "The ferry line reopened on Monday after two years. Commuters cheered. The electric ferry carries 300 people "
        "and charges in ten minutes at the pier. A band played on the quay. Officials expect the ferry to replace 900 "
        "car trips each day. Ice cream was sold."
    )
    made = classifier.summary.summary("Electric ferry reopens", text, "en")
    assert set(classifier.words.sentences(made)) <= set(classifier.words.sentences(text))
    assert "electric ferry" in made
    assert len(made.split()) <= 60


def test_entities_are_names_with_a_guess_of_their_kind(classifier):
    text = (
        "The ferry was built by Nordhaven Shipyards Group in Port Ellis. Director Mara Lind said it was overdue. "
        "Monday was busy. Mara Lind praised Nordhaven Shipyards Group again."
    )
    found = {row["name"]: row["type"] for row in classifier.entities.key_entities("Ferry", text, "en")}
    assert found["Nordhaven Shipyards Group"] == "organisation"
    assert found.get("Mara Lind", found.get("Director Mara Lind")) == "person"
    assert found["Port Ellis"] == "place"
    assert "Monday" not in found and "The" not in found


def test_topics_need_evidence(classifier):
    found = classifier.topics.detected_topics(
        "Battery plant", "The grid will store solar power in recycled batteries.", "en"
    )
    assert found[0]["topic"] == "energy"
    assert classifier.topics.detected_topics("Notes", "She put the cup on the table.", "en") == []


def test_key_phrases_do_not_repeat_each_other(classifier):
    (row, *_) = batch(
        classifier,
        "reef",
        ("Coral nurseries", "Coral nurseries grow fragments. Volunteers tie coral fragments to steel frames."),
        ("Other", "The council met."),
    )
    folded = [phrase.casefold() for phrase in row["key_phrases"]]
    assert "coral nurseries" in folded
    assert not any(a != b and a in b for a in folded for b in folded)


def test_the_same_batch_gives_the_same_answer(classifier):
    texts = [(f"Item {n}", f"The reef number {n % 7} and the coral of day {n}.") for n in range(60)]
    assert json.dumps(batch(classifier, "coral reef", *texts)) == json.dumps(batch(classifier, "coral reef", *texts))


def test_an_empty_article_and_an_empty_topic_are_answered(classifier):
    (row,) = batch(classifier, "", ("", ""))
    assert row["relevance_score"] == 0
    assert row["summary"] == ""


def test_what_a_topic_excludes_is_left_out(classifier):
    stills, films, mixed = batch(
        classifier,
        "image generation, not video",
        ("Image generation for everyone", "A model of image generation paints."),
        ("Video models", "They make video."),
        ("Image generation and video generation", "Image generation, and video."),
    )
    assert stills["relevance_score"] > 0.3 and films["relevance_score"] == 0
    assert mixed["relevance_score"] < stills["relevance_score"] / 3
    assert mixed["explanation"]["relevance"]["excluded"] == ["video"]
    assert "excluded" not in stills["explanation"]["relevance"]


@pytest.mark.parametrize("topic", ["not video", "state-of-the-art models", "notes on nothing", "without"])
def test_only_a_word_of_its_own_between_two_things_excludes(classifier, topic):
    assert classifier.relevance.wanted_and_not(topic) == (topic, "")


def test_a_topic_in_another_language_finds_its_inflected_words(classifier):
    german = "Die Stadt und die Hitzewelle: so war es in den Freibädern, als die Sonne auf der Wiese nicht mehr wich."
    english = "The baths of the city were open for longer, and it was warm."
    found, other = scores(classifier, "Hitzewellen", ("Eine Hitzewelle", german), ("Open longer", english))
    assert found > 0.3 and other == 0


def test_two_letters_stand_for_words_only_where_an_article_has_both(classifier):
    known = ("The squeeze", "Venture capital is changing. A VC wants a board seat.")
    short = ("What a VC does", "VCs meet founders.")
    assert scores(classifier, "venture capital", known, short, ("Cheese", "Dairies met."))[1] > 0
    assert scores(classifier, "venture capital", ("Venture capital", "It changes."), short, short)[1] == 0


ISSUE = "Chip Prices Fall, Robots Fold Laundry, New Rules for Self-Driving Cars"


def test_an_issue_counts_for_the_story_that_fits(classifier):
    letter = "Dear friends, this week I thought about how people learn to write, and why they should."
    rows = batch(
        classifier,
        "self-driving cars",
        (ISSUE, letter),
        ("Robots fold, chips fall", "Cars wait."),
        *(("Other", "News.") for _ in range(8)),
    )
    assert rows[0]["story"] == "New Rules for Self-Driving Cars" and rows[1]["story"] is None
    assert rows[0]["relevance_score"] > 0.5
    assert rows[0]["summary"] == rows[0]["story"], "the letter is about something else"
    assert "laundry" not in " ".join(rows[0]["key_phrases"]).casefold()


def test_two_stories_of_an_issue_make_no_third(classifier):
    both, apart = scores(
        classifier,
        "robot laundry",
        ("Robot Laundry Opens, Chip Prices Fall, New Rules for Cars", ""),
        ("A Robot Paints, Laundry Prices Fall, New Rules for Cars", ""),
    )
    assert both > 1.5 * apart


def test_what_an_issue_leaves_out_is_asked_of_each_story(classifier):
    (row,) = batch(classifier, "chip prices without laundry", (ISSUE, ""))
    assert row["story"] == "Chip Prices Fall" and "excluded" not in row["explanation"]["relevance"]


def test_what_a_feed_writes_around_every_article_does_not_count(classifier):
    articles = [
        classifier.analysis.Article(
            f"https://x.test/{at}",
            f"Night Notes: {word} again",
            f"The train of thought, weekly: {word} came.",
            feed_url="f",
        )
        for at, word in enumerate(("ferries", "whales", "cranes", "storms", "pilots", "divers", "night trains"))
    ]
    made = classifier.analysis.Batch("night trains", articles)
    scores = [made.analyse(at)["relevance_score"] for at in range(len(articles))]
    assert scores[-1] > 0.3 and not any(scores[:-1])


@pytest.mark.parametrize(
    ("topic", "about", "other"),
    [
        ("embeddings", "A model of text embeddings", "Embedded analytics for your app"),
        ("night trains", "Night trains return", "Training at night"),
        ("universities", "The university opens", "The universe expands"),
        ("experiments", "An experiment with sound", "Thirty years of experience"),
    ],
)
def test_words_that_only_share_a_stem_are_kept_apart(classifier, topic, about, other):
    found, not_found = scores(classifier, topic, (about, ""), (other, ""))
    assert found > 2 * not_found


@pytest.mark.parametrize(
    ("topic", "title"),
    [
        ("self-driving cars", "Robotaxis face headwinds"),
        ("AI in healthcare", "Doctors wary of medical AI"),
        ("vivienda", "Más viviendas para la ciudad"),
    ],
)
def test_another_name_of_the_same_thing_counts(classifier, topic, title):
    found, other = scores(classifier, topic, (title, ""), ("Cheese prices fall", ""))
    assert found > 0.2 and other == 0


@pytest.mark.parametrize(
    ("topic", "wanted"),
    [
        ("history of jazz", "jazz"),
        ("AI trends 2024", "AI"),
        ("RAG applications", "RAG"),
        ("history", "history"),
        ("Geschichte des Jazz", "Jazz"),
        ("art history museum", "art history museum"),
        ("Doctors Without Borders", "Doctors Without Borders"),
    ],
)
def test_how_one_looks_at_a_topic_is_not_what_it_is_about(classifier, topic, wanted):
    assert classifier.relevance.wanted_and_not(topic) == (wanted, "")


def test_a_plain_word_alone_is_no_key_phrase(classifier):
    (row, *_) = batch(
        classifier,
        "tide gates",
        ("Tide gates made easy", "It is easy. Operators say the new gates are easy, fast, and ready today."),
        ("Other", "The council met."),
    )
    assert not {"easy", "fast", "ready", "today"} & {phrase.casefold() for phrase in row["key_phrases"]}


async def test_a_batch_gathered_in_turns_is_the_same(classifier):
    articles = [classifier.analysis.Article(str(n), f"Reef {n}", f"Coral of day {n % 5}.") for n in range(90)]
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    made = await classifier.analysis.Batch.gathered("coral reef", articles)
    counting.cancel()
    assert turns >= 8, "the loop had its turn while the articles were read"
    whole = classifier.analysis.Batch("coral reef", articles)
    assert [made.analyse(at) for at in range(90)] == [whole.analyse(at) for at in range(90)]
