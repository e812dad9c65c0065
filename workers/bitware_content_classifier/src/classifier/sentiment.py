"""Sentiment of English text by a word list, with negation ("not good"), intensifiers and "but". Other languages: none."""

from __future__ import annotations

from dataclasses import dataclass

from classifier.words import fold, sentences, words

POSITIVE = frozenset(
    """accurate achieve achieved achievement admire advance advances advantage affordable agree agreed amazing appreciate
    award awarded beautiful benefit benefits best better boost boosted boosts breakthrough bright calm celebrate celebrated
    cheaper clean cleaner clear comfort confident cure cured delight delighted dependable easier easy effective efficient
    encouraging enjoy enjoyed excellent exciting fair fast faster favourable favorable fine flourish flourishing free fresh
    friendly gain gained gains generous gentle glad good grateful great growth happy healthier healthy help helped helpful
    helps hope hopeful ideal impressive improve improved improvement improvements improves improving innovative inspiring
    joy kind lead leading love loved lovely lucky milestone nice optimistic outperform outperforms peace peaceful perfect
    pleased pleasure popular positive praise praised precise pride progress promising proud quick quiet rapid recover
    recovered recovery record reliable remarkable rescue rescued resilient reward robust safe safer satisfied save saved
    saves secure simple simpler smart smooth solid solution solutions solve solved stable strength strong stronger succeed
    succeeded success successful superb support supported thrive thriving top triumph trust trusted useful valuable victory
    vital welcome welcomed win winner winning wins won wonderful worth""".split()
)
NEGATIVE = frozenset(
    """abandon abandoned abuse accident accused afraid alarming anger angry anxious attack attacked attacks awful bad ban
    banned bankrupt bankruptcy blame blamed bleak bleaching block blocked breach breached broke broken bug bugs burden
    cancel cancelled cancels catastrophe chaos collapse collapsed complain complained complaint complaints complicated
    concern concerned concerns condemn confusing controversial corrupt corruption costly crash crashed crisis critical
    criticism criticised criticized cruel cut cuts damage damaged damages danger dangerous dead deadly death deaths decline
    declined declines deficit delay delayed delays deny denied destroy destroyed die died difficult dirty disappoint
    disappointed disappointing disaster disease dismal doubt doubtful drop dropped drought error errors fail failed failing
    fails failure failures fake fall fatal fault fear feared fears fell fire fires flaw flawed flaws flood
    flooded fraud frustrated frustrating guilty hack hacked harm harmed harmful harms hate horrible hostile hurt hurts ill
    illegal illness inaccurate injured injury insecure kill killed kills lack lacks late lawsuit leak leaked lose loses
    losing loss losses lost mess misleading miss missed mistake mistakes negative neglect outage outages outrage overdue
    pain panic penalty pessimistic pollute polluted pollution poor poorly problem problems protest recall recession reject
    rejected risk risks risky ruin sad scandal scare scarce shortage shortages shut sick slow slower slump stolen strain
    strike struggle struggled struggles struggling sue sued suffer suffered suffering suspect terrible theft threat
    threaten threatened threats toxic tragedy tragic trouble troubled ugly unable unfair unhappy unreliable unsafe unstable
    upset useless victim victims violence violent vulnerability vulnerable war warn warned warning warnings waste wasted
    weak weaker weakness wildfire worried worry worse worst wound wrong""".split()
)
NEGATIONS = frozenset(
    "no not never none nobody nothing neither nor without hardly barely scarcely cannot can't won't don't doesn't didn't isn't aren't wasn't weren't wouldn't shouldn't couldn't hasn't haven't hadn't ain't fails failed unlikely".split()
)
INTENSIFIERS = {
    "very": 1.5,
    "extremely": 1.8,
    "highly": 1.5,
    "really": 1.3,
    "deeply": 1.5,
    "sharply": 1.4,
    "hugely": 1.6,
    "so": 1.2,
    "slightly": 0.5,
    "somewhat": 0.6,
    "fairly": 0.8,
    "mildly": 0.6,
    "less": 0.5,
    "barely": 0.5,
}
NEGATION_REACH = 3
NEGATED = -0.75


@dataclass(frozen=True, slots=True)
class Sentiment:
    """`score` lies in -1..1 (0 where nothing speaks); `words` tells what counted, with its sign after negation."""

    score: float
    words: tuple[tuple[str, float], ...]


def _weight(tokens: list[str], at: int) -> float:
    """The signed weight of the word at `at`: its list's sign, turned by a negation up to three words before it."""
    word = tokens[at]
    value = 1.0 if word in POSITIVE else -1.0
    before = tokens[max(0, at - NEGATION_REACH) : at]
    for token in before[-2:]:
        value *= INTENSIFIERS.get(token, 1.0)
    negations = sum(token in NEGATIONS or token.endswith("n't") for token in before)
    # "hardly", "failed" and their like are negations and evaluations at once: as a negation they turn what follows.
    return value * NEGATED if negations % 2 else value


def sentiment(text: str, language: str) -> Sentiment:
    """Score a text. What follows a "but" counts more than what stands before it."""
    if language != "en":
        return Sentiment(0.0, ())
    found: list[tuple[str, float]] = []
    for sentence in sentences(text):
        tokens = [fold(word) for word in words(sentence)]
        turn = max((i for i, token in enumerate(tokens) if token in ("but", "however", "yet")), default=-1)
        for at, token in enumerate(tokens):
            if token in POSITIVE or token in NEGATIVE:
                if token in NEGATIONS and any(
                    t in POSITIVE or t in NEGATIVE for t in tokens[at + 1 : at + 1 + NEGATION_REACH]
                ):
                    continue  # it acts on the word that follows
                factor = 1.0 if turn < 0 else (1.3 if at > turn else 0.7)
                found.append((token, round(_weight(tokens, at) * factor, 3)))
    if not found:
        return Sentiment(0.0, ())
    total = sum(value for _, value in found)
    strength = sum(abs(value) for _, value in found)
    # Two words of one mind are weaker evidence than ten: shrink towards 0.
    return Sentiment(round(total / (strength + 1.5), 3), tuple(found[:20]))
