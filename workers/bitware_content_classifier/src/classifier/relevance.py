"""How much an article is about a topic: BM25 over stems with a title boost, coverage of the topic's concepts and phrases.

Every part of the score is reported, so that a reader can see why an article stands where it stands."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from classifier.concepts import concept as known_as
from classifier.words import PLAIN, fold, stem, terms, words

K1 = 1.2
B = 0.6
TITLE_BOOST = 2.5
PHRASE_BOOST = 0.6
APART = 0.35  # what the words of one idea count for where they do not stand together
FIXED_DOCUMENTS = 3
FIXED_SHARE = 0.75  # of the articles with two words of the topic, which have them side by side where they are one idea
EXPANSION_WEIGHT = 0.35
FEEDBACK_DOCUMENTS = 12
FEEDBACK_TERMS = 6
ACRONYM = re.compile(r"\b([A-Z][A-Z0-9]{1,5})s?\b")
NEGATION = re.compile(
    # A capital is no negation: Doctors Without Borders.
    r"(?:^|[\s,;]+)(?:but\s+not|not|without|except(?:\s+for)?|ohne|sans|sin|sem|senza|zonder)\s+|\s-(?=\w)"
)
LOOK = re.compile(
    r"^(?:the\s+)?(?:latest\s+|recent\s+)?(?:history|future|state|impact|effects?|basics|overview|geschichte|zukunft|historia"
    r"|história|futuro|histoire|avenir)\s+(?:of|on|der|des|von|del?|da|do|du|de\s+la|de\s+l['’])\s*(?:the\s+)?(?=\w)"
    r"|\s+(?:trends?|news|updates?|history|applications|use\s+cases)(?:\s+(?:19|20)\d\d)?$",
    re.I,
)
"""How one looks at a topic is not what it is about: `history of jazz`, `AI trends 2024`."""
UNWANTED = 0.1  # what is left of the score of an article that has a word the topic excludes


# Short forms that people write for a long word, by the stem of the long one.
CLIPPED = {
    stem(long): tuple(stem(short) for short in shorts.split())
    for long, shorts in {
        "evaluation": "eval evals",
        "application": "app apps",
        "specification": "spec specs",
        "repository": "repo repos",
        "documentation": "docs",
        "configuration": "config configs",
        "laboratory": "lab labs",
        "examination": "exam exams",
        "bicycle": "bike bikes",
        "advertisement": "ad ads",
        "administrator": "admin admins",
        "infrastructure": "infra",
    }.items()
}


DULL = frozenset(stem(word) for word in PLAIN)


@dataclass(slots=True)
class Document:
    """One article as stems. `acronyms` are its words in capitals (`LLMs` counts as `LLM`)."""

    title: list[str]
    body: list[str]
    acronyms: frozenset[str]
    language: str = "en"
    counts: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = Counter(self.body)
        for term in self.title:
            self.counts[term] += TITLE_BOOST  # type: ignore[assignment]

    @property
    def length(self) -> float:
        return len(self.body) + TITLE_BOOST * len(self.title)


def document(title: str, content: str, language: str) -> Document:
    return Document(
        terms(title, language),
        terms(content, language),
        frozenset(ACRONYM.findall(f"{title} {content[:4000]}")),
        language,
    )


def wanted_and_not(topic: str) -> tuple[str, str]:
    """`image generation, not video` -> (`image generation`, `video`); `without`, `except` and a leading minus say the same."""
    bare = LOOK.sub("", topic.strip())
    parts = NEGATION.split(bare if bare.strip() else topic)
    return (parts[0], " ".join(parts[1:])) if parts[0].strip(" ,;") else (topic, "")


def topic_language(topic: str, documents: Sequence[Document]) -> str:
    """The language in which most documents have every word of the topic in that same language; English where none has."""
    best, most = "en", 0
    for language in sorted({d.language for d in documents} | {"en"}, key=lambda code: (code != "en", code)):
        stems = set(terms(topic, language))
        count = sum(d.language == language and stems <= d.counts.keys() for d in documents) if stems else 0
        if count > most:
            best, most = language, count
    return best


def _has_run(d: Document, run: Sequence[str]) -> bool:
    """Whether the words stand together, in this order, in the title or the text."""
    size = len(run)
    first = run[0]
    for text in (d.title, d.body):
        for at, term in enumerate(text):
            if term == first and tuple(text[at : at + size]) == tuple(run):
                return True
    return False


@dataclass(slots=True)
class Concept:
    """One idea of the topic: a word, or several that an acronym stands for. `forms` are stems that count for it."""

    name: str
    stems: tuple[str, ...]
    forms: frozenset[str]


@dataclass(slots=True)
class Relevance:
    """`score` lies in 0..1; `parts` explains it."""

    score: float
    parts: dict[str, object]

    def times(self, factor: float) -> Relevance:
        return Relevance(round(self.score * factor, 4), {**self.parts, "times": factor})


class Ranker:
    """Ranks documents for one topic. The statistics (document frequencies, mean length) come from the whole batch."""

    def __init__(
        self, topic: str, documents: Sequence[Document], keywords: Iterable[str] = (), language: str | None = None
    ) -> None:
        topic, unwanted = wanted_and_not(topic)
        language = language or topic_language(topic, documents)
        self.documents = documents
        self.language = language
        self.unwanted = frozenset(terms(unwanted, language))
        self.mean_length = sum(d.length for d in documents) / len(documents) if documents else 1.0
        self.frequency: Counter[str] = Counter()
        for d in documents:
            self.frequency.update(d.counts.keys())
        self.topic_stems = list(dict.fromkeys(terms(topic, language)))
        self.concepts = self._concepts(topic)
        self.called = self._called(topic)
        """(the places of some concepts, the stems of another name of them together)."""
        self.fixed = [at for at in range(len(self.concepts) - 1) if self._is_fixed(at)]
        """The places of concepts that make one idea with the next: `open source`."""
        self.expansion: dict[str, float] = {}
        self._seen: dict[str, Counter[str]] = {}
        for keyword in keywords:
            for term in terms(keyword, language):
                if term not in self.topic_stems:
                    self.expansion[term] = EXPANSION_WEIGHT
        self._feedback()

    def _concepts(self, topic: str) -> list[Concept]:
        """The topic's words; a run of words whose initials the batch writes as an acronym is one concept with it."""
        plain = [word for word in words(topic) if stem(word, self.language) in self.topic_stems]
        known = Counter(acronym for d in self.documents for acronym in d.acronyms)
        concepts: list[Concept] = []
        at = 0
        while at < len(plain):
            for size in range(min(5, len(plain) - at), 1, -1):
                run = plain[at : at + size]
                acronym = "".join(word[0] for word in run).upper()
                stems = tuple(stem(word, self.language) for word in run)
                # Two letters stand for many things: some article must have both, the letters and the words.
                if known[acronym] >= 2 and (size > 2 or self._spelled_out(acronym, stems)):
                    forms = {fold(acronym), stem(acronym, self.language), stem(acronym + "s", self.language)}
                    concepts.append(Concept(" ".join(run), stems, frozenset(forms)))
                    at += size
                    break
            else:
                word_stem = stem(plain[at], self.language)
                forms = {word_stem, *CLIPPED.get(word_stem, ())}
                concepts.append(Concept(plain[at], (word_stem,), frozenset(forms)))
                at += 1
        return concepts

    def _called(self, topic: str) -> list[tuple[range, tuple[str, ...]]]:
        """Other names, in the topic's language, of what a word or several stand for: `driverless car`."""
        names = tuple(concept.name for concept in self.concepts)
        found = []
        for at in range(len(names)):
            known = known_as(names[at:], self.language)
            if known is None or known[2] != self.language:
                continue
            row, size, _ = known
            own = tuple(stem(word, self.language) for word in names[at : at + size])
            others = (tuple(stem(w, self.language) for w in name) for spoken, name in row if spoken == self.language)
            found += [(range(at, at + size), other) for other in others if other != own]
        return found

    def _pair(self, at: int) -> tuple[str, ...]:
        return self.concepts[at].stems + self.concepts[at + 1].stems

    def _is_fixed(self, at: int) -> bool:
        """Whether the batch writes this concept and the next as one: where an article has both, they stand together."""
        pair = self._pair(at)
        both = [d for d in self.documents if all(term in d.counts for term in pair)]
        together = sum(_has_run(d, pair) for d in both)
        return together >= FIXED_DOCUMENTS and together >= FIXED_SHARE * len(both)

    def _covered(self, values: Sequence[float]) -> float:
        """How much of the topic a document has, 0..1, by what it gets for each concept: each idea weighs the same, of
        however many words it is."""
        ideas: list[list[bool]] = []
        for at, value in enumerate(values):
            if at - 1 in self.fixed:
                ideas[-1].append(bool(value))
            else:
                ideas.append([bool(value)])
        return sum(sum(idea) / len(idea) for idea in ideas) / len(ideas) if ideas else 0.0

    def _scores(self, d: Document) -> list[tuple[float, str | None]]:
        """For each concept what the document gets for it, and the form in which it has it."""
        scores = [self._concept_score(d, concept) for concept in self.concepts]
        for at in self.fixed:
            if not _has_run(d, self._pair(at)):
                # Apart they are other words: the better of them counts, as where it were alone.
                scores[min(at, at + 1, key=lambda place: scores[place][0])] = (0.0, None)
        for places, other in self.called:
            if not all(term in d.counts for term in other) or not (len(other) == 1 or _has_run(d, other)):
                continue
            value = sum(self._bm25(d, term) for term in other) / max(len(other), len(places))
            for at in places:
                if value > scores[at][0]:
                    scores[at] = (value, " ".join(other))
        return scores

    def _spelled_out(self, acronym: str, stems: Sequence[str]) -> bool:
        return any(acronym in d.acronyms and _has_run(d, stems) for d in self.documents)

    def _idf(self, term: str) -> float:
        n = self.frequency[term]
        return math.log(1 + (len(self.documents) - n + 0.5) / (n + 0.5))

    def _bm25(self, d: Document, term: str) -> float:
        tf = d.counts.get(term, 0)
        if not tf:
            return 0.0
        return self._idf(term) * tf * (K1 + 1) / (tf + K1 * (1 - B + B * d.length / self.mean_length))

    def _concept_score(self, d: Document, concept: Concept) -> tuple[float, str | None]:
        """The better of the concept's own words (as a share of all of them) and its other forms."""
        own = [self._bm25(d, term) for term in concept.stems]
        whole = sum(own)
        if len(own) > 1 and not (all(own) and _has_run(d, concept.stems)):
            whole *= APART * sum(map(bool, own)) / len(own)
        best, form = whole, " ".join(concept.stems) if whole else None
        for other in concept.forms:
            value = self._bm25(d, other) * max(1.0, len(concept.stems) * 0.8)
            if value > best:
                best, form = value, other
        return best, form

    def _feedback(self) -> None:
        """Words that mark the articles which plainly match (Rocchio on the top few): related, at a low weight."""
        base = [(self._base(d), d) for d in self.documents]
        top = sorted((pair for pair in base if pair[0] > 0), key=lambda pair: -pair[0])[:FEEDBACK_DOCUMENTS]
        if len(top) < 4 or len(self.documents) < 40:
            return
        own = {f for c in self.concepts for f in (*c.stems, *c.forms)}
        support: Counter[str] = Counter()
        for _, d in top:
            support.update({term for term in d.counts if term not in own and len(term) > 2 and term not in DULL})
        weights = {
            term: count / len(top) * self._idf(term)
            for term, count in support.items()
            if count >= max(3, len(top) // 4) and self.frequency[term] <= len(self.documents) * 0.1
        }
        for term, _ in sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:FEEDBACK_TERMS]:
            self.expansion.setdefault(term, EXPANSION_WEIGHT * support[term] / len(top))

    def _base(self, d: Document) -> float:
        scored = [value for value, _ in self._scores(d)]
        return sum(scored) * self._covered(scored) ** 2

    def _phrases(self, d: Document) -> list[str]:
        """Neighbouring words of the topic that stand next to each other in the article, too."""
        return [f"{first} {second}" for first, second in pairwise(self.topic_stems) if _has_run(d, (first, second))]

    @property
    def spelling(self) -> dict[str, str]:
        """How the batch spells a related word, by its stem; whoever holds the texts fills it (see `spell`)."""
        return {term: counts.most_common(1)[0][0] for term, counts in self._seen.items() if counts}

    def spell(self, texts: Iterable[str]) -> None:
        """Count the spellings of each related word in some of the batch's texts."""
        for text in texts if self.expansion else ():
            for word in words(text):
                term = stem(word, self.language)
                if term in self.expansion:
                    self._seen.setdefault(term, Counter())[fold(word)] += 1

    def rank(self, d: Document) -> Relevance:
        """Score one document of the batch."""
        if not self.concepts:
            return Relevance(0.0, {"reason": "the topic has no word to look for"})
        matched = []
        total = 0.0
        possible = 0.0
        scores = self._scores(d)
        for concept, (value, form) in zip(self.concepts, scores, strict=True):
            ceiling = max((self._idf(t) for t in (*concept.stems, *concept.forms)), default=0.0) * len(concept.stems)
            possible += ceiling * (K1 + 1) * 0.75
            total += value
            if value:
                in_title = any(t in d.title for t in (*concept.stems, *concept.forms, *(form or "").split()))
                matched.append({"concept": concept.name, "as": form, "in_title": in_title, "bm25": round(value, 3)})
        covered = self._covered([value for value, _ in scores])
        phrases = self._phrases(d)
        related = {t: self._bm25(d, t) * w for t, w in self.expansion.items() if t in d.counts}
        raw = total * covered**2 * (1 + PHRASE_BOOST * len(phrases) / max(1, len(self.topic_stems) - 1))
        raw += sum(related.values()) * (0.3 + 0.7 * covered)
        score = 1 - math.exp(-1.5 * raw / possible) if possible else 0.0
        spelling = self.spelling
        excluded = sorted(term for term in self.unwanted if term in d.counts)
        if excluded:
            score *= UNWANTED
        return Relevance(
            round(score, 4),
            {
                "matched": matched,
                "coverage": round(covered, 3),
                "phrases": phrases,
                "related": {
                    spelling.get(term, term): round(value, 3)
                    for term, value in sorted(related.items(), key=lambda i: -i[1])
                },
                "raw": round(raw, 3),
                **({"excluded": excluded} if excluded else {}),
            },
        )
