"""What the items say together. Each sentence is made from a set of items, and carries their ids: without them it goes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from report.items import Item, stories
from report.wording import capital, count, day, listed, sentence, span, spelled

MOST_INSIGHTS, FEWEST_INSIGHTS = 6, 3
GENERIC = frozenset(
    """advance agent analysi announcing discover explore inside introducing launching learn meet releasing today using application approach area article assisted available based benefit best better blog build building
    business capability case challenge change code common company complex customer data deep developer development different
    early easy easier effective efficient engineering enterprise example experience fast feature first framework free full
    future general good great group growth guide hard high idea impact important improvement industry information innovation
    insight integration intelligence issue key knowledge large latest learning level light local long major market method model
    modern month multiple need new news number open option order people performance piece place plan platform policy popular
    possible powerful practice private problem process product production program project public quality question quick ready
    real recent release report research resource result review robust scale scope search series service simple single size
    small software solution special specific standard state step strategy strong structure study style support system task
    team technique technology test time tip tool top topic training transparency type update use useful user value version way
    week work workflow world year""".split()
)
"""Words that name nothing by themselves, without a plural's s."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A claim of the report and the ids of the articles it rests on (never none)."""

    text: str
    articles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Insight:
    """A theme several items share, or a story: a heading and its sentences."""

    title: str
    sentences: tuple[Sentence, ...]


def claim(text: str, items: Sequence[Item]) -> Sentence:
    return Sentence(sentence(text), tuple(dict.fromkeys(item.id for item in items)))


def executive_summary(topic: str, items: Sequence[Item], passed: int = 0) -> list[Sentence]:
    """Three to five sentences a reader in a hurry should have. `passed` is how many articles are relevant, where the items
    are only the closest of them."""
    if not items:
        return []
    sources = Counter(item.source for item in items)
    dates = sorted(item.date for item in items if item.date)
    when = f", published {span(dates[0], dates[-1])}" if dates else ""
    verb = "is" if len(items) == 1 else "are"
    first = f"{capital(count(len(items), 'article'))} from {count(len(sources), 'source')} {verb} about {topic}{when}."
    if passed > len(items):
        closest = f"The {spelled(len(items))} closest of {passed:,} articles about {topic}"
        first = f"{closest} are from {count(len(sources), 'source')}{when}."
    told = [claim(first, items)]
    lead = items[0]
    several_years = bool(dates) and dates[0].year != dates[-1].year
    stated = f" on {day(lead.date, year=several_years)}" if lead.date else ""
    told.append(
        claim(f"The closest to the topic is “{lead.title.rstrip('.')}”, which {lead.source} published{stated}", [lead])
    )
    latest = max((item for item in items if item.date), key=lambda item: item.date or NEVER, default=lead)
    if latest is not lead:
        stated = day(latest.date, year=several_years) if latest.date else ""
        told.append(claim(f"The latest is “{latest.title.rstrip('.')}” ({latest.source}, {stated})", [latest]))
    shared = shared_phrases(topic, items)[:3]
    if len(shared) >= 2:
        names = [phrase for phrase, _ in shared]
        told.append(
            claim(f"What comes up again and again: {listed(names)}", [item for _, group in shared for item in group])
        )
    most, number = sources.most_common(1)[0]
    if number >= 3 and number * 2 >= len(items) and len(sources) > 1:
        told.append(
            claim(
                f"{most} alone wrote {count(number, 'of them', 'of them')}, so the picture leans on one source",
                [item for item in items if item.source == most],
            )
        )
    told.extend(_tone(items))
    return told


def _tone(items: Sequence[Item]) -> list[Sentence]:
    """One sentence about the tone where at least four English items with a clear one lean to a side, or are split."""
    clear = [item for item in items if abs(item.analysis.sentiment_score) >= 0.25]
    good = [item for item in clear if item.analysis.sentiment_score > 0]
    bad = [item for item in clear if item.analysis.sentiment_score < 0]
    if len(clear) < 4:
        return []
    if len(good) >= 2 * len(bad):
        return [
            claim(
                f"The tone is mostly hopeful: {spelled(len(good))} of the {count(len(clear), 'article')} with a clear tone are",
                clear,
            )
        ]
    if len(bad) >= 2 * len(good):
        return [
            claim(
                f"The tone is mostly worried: {spelled(len(bad))} of the {count(len(clear), 'article')} with a clear tone are",
                clear,
            )
        ]
    return [
        claim(f"Opinion is divided: {count(len(good), 'article')} sound hopeful and {spelled(len(bad))} worried", clear)
    ]


def shared_phrases(topic: str, items: Sequence[Item]) -> list[tuple[str, list[Item]]]:
    """Phrases and names that at least two items of different sources use, the most widely shared first.

    The topic's own words do not count, nor a phrase inside another one that as many share."""
    own = {word.casefold()[:5] for word in re.split(r"[\s-]", topic) if word} | _initials(topic)
    users: dict[str, list[Item]] = {}
    shown: dict[str, str] = {}
    for item in items:
        names = [*item.analysis.key_phrases, *(str(entity.get("name", "")) for entity in item.analysis.key_entities)]
        for phrase in {name.casefold(): name for name in names if len(name) > 3}.values():
            key = phrase.casefold().removesuffix("s")
            parts = re.split(r"[\s-]", key)
            # `AI systems` says no more of AI than `systems` does.
            if all(word[:5] in own or word.removesuffix("s") in GENERIC or word in GENERIC for word in parts if word):
                continue
            shown.setdefault(key, phrase)
            users.setdefault(key, []).append(item)
    found = [
        (shown[key], group)
        for key, group in users.items()
        if len(group) >= (2 if _telling(shown[key]) else 3) and len({item.source for item in group}) >= 2
    ]
    found.sort(key=lambda pair: (-len(pair[1]), -len(pair[0]), pair[0]))
    kept: list[tuple[str, list[Item]]] = []
    for phrase, group in found:
        ids = {item.id for item in group}
        if not any(ids <= {item.id for item in other} and _inside(phrase, longer) for longer, other in kept):
            kept.append((phrase, group))
    return kept


def _telling(phrase: str) -> bool:
    """Several words, or a name: one common word may stand in two articles by chance."""
    return " " in phrase or any(letter.isupper() for letter in phrase)


def _inside(one: str, other: str) -> bool:
    a, b = one.casefold(), other.casefold()
    return a in b or b in a


def _initials(topic: str) -> set[str]:
    """The acronyms the topic may be written as: the initials of three or more neighbouring words, `llm` for
    large language model."""
    letters = [word[0].casefold() for word in topic.split() if word[0].isalpha()]
    return {"".join(letters[a:b]) for a in range(len(letters)) for b in range(a + 3, len(letters) + 1)}


def key_insights(topic: str, items: Sequence[Item]) -> list[Insight]:
    """Stories that several sources tell, then themes that several items share, then the strongest single items."""
    insights: list[Insight] = []
    used: set[str] = set()
    for group in stories(items):
        outlets = list(dict.fromkeys(item.source for item in group))
        if len(group) < 2 or len(outlets) < 2 or len(insights) == MOST_INSIGHTS:
            continue
        lead = group[0]
        insights.append(
            Insight(
                lead.title,
                (
                    claim(_stated(lead), [lead]),
                    claim(f"{capital(count(len(outlets), 'source'))} tell this story: {listed(outlets[:4])}", group),
                ),
            )
        )
        used.update(item.id for item in group)
    for phrase, group in shared_phrases(topic, items):
        fresh = [item for item in group if item.id not in used and says_more(item)]
        if len(fresh) < 2 or (" " not in phrase and len(group) < 3) or len(insights) >= MOST_INSIGHTS - 1:
            continue
        lead, second = fresh[0], fresh[1]
        insights.append(Insight(capital(phrase), (claim(_stated(lead), [lead]), claim(_stated(second), [second]))))
        used.update(item.id for item in fresh[:2])
    for item in items:
        if len(insights) >= MOST_INSIGHTS or len(insights) >= len(items):
            break
        if item.id not in used and says_more(item):
            insights.append(Insight(item.title, (claim(_stated(item), [item]),)))
            used.add(item.id)
    left = [item for item in items if item.id not in used]
    return insights + _bare(left, min(FEWEST_INSIGHTS, len(items)) - len(insights))


def _bare(items: Sequence[Item], most: int) -> list[Insight]:
    """Where no article says more than its title, the titles, with where and when."""
    found = []
    for item in items[: max(0, most)]:
        when = f" on {day(item.date, year=True)}" if item.date else ""
        where = f"tells of it in “{item.issue}”" if item.issue else "published it"
        found.append(Insight(item.title, (claim(f"{item.source} {where}{when}", [item]),)))
    return found


def says_more(item: Item) -> bool:
    """Whether the article's summary tells something its title does not."""
    told = item.analysis.summary.strip().casefold()
    return len(told.split()) >= 8 and not told.startswith(item.title.strip().rstrip(".").casefold())


def _stated(item: Item) -> str:
    """What the item itself says, with who says it."""
    said = item.analysis.summary.strip() or item.title
    return f"{item.source}: {said}"
