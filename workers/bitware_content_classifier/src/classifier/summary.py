"""A short extractive summary: the sentences that say most of what the text and the topic are about, in their own order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from classifier.words import sentences, terms

MOST_WORDS = 60


def summary(title: str, content: str, language: str, topic_stems: Iterable[str] = ()) -> str:
    """One to three whole sentences of the text, at most about 60 words; the title where there is no text."""
    all_sentences = sentences(content)[:60]
    if not all_sentences:
        return title.strip()
    stems = [terms(sentence, language) for sentence in all_sentences]
    counts = Counter(term for row in stems for term in set(row))
    in_title = set(terms(title, language))
    topic = set(topic_stems)
    scored = []
    for at, (sentence, row) in enumerate(zip(all_sentences, stems, strict=True)):
        unique = set(row)
        length = len(sentence.split())
        if not unique or length < 4:
            continue
        centrality = sum(counts[term] - 1 for term in unique) / (len(unique) ** 0.5 * len(all_sentences))
        own = len(unique & in_title) / (len(in_title) or 1) + 1.5 * len(unique & topic) / (len(topic) or 1)
        position = 1.0 if at == 0 else 0.4 / (1 + at)
        scored.append((centrality + own + position - (0.3 if length > 45 else 0.0), at))
    chosen: list[int] = []
    used = 0
    for _, at in sorted(scored, key=lambda pair: (-pair[0], pair[1])):
        length = len(all_sentences[at].split())
        if chosen and used + length > MOST_WORDS:
            continue
        if any(_alike(stems[at], stems[other]) for other in chosen):
            continue
        chosen.append(at)
        used += length
        if used >= MOST_WORDS * 0.6 or len(chosen) == 3:
            break
    if not chosen:
        return _clip(all_sentences[0])
    return _clip(" ".join(all_sentences[at] for at in sorted(chosen)))


def _alike(one: list[str], other: list[str]) -> bool:
    a, b = set(one), set(other)
    return bool(a and b) and len(a & b) / min(len(a), len(b)) > 0.7


def _clip(text: str) -> str:
    """A single sentence may be longer than the limit: cut at a word, and say so with an ellipsis."""
    parts = text.split()
    return text if len(parts) <= MOST_WORDS + 20 else " ".join(parts[: MOST_WORDS + 20]).rstrip(",;:") + " …"
