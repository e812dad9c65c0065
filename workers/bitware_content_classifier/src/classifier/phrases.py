"""Key phrases: runs of words between stop words, weighed by how rare they are in the batch and where they stand."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping

from classifier.words import PLAIN, STOPWORDS, WORD, fold, sentences, stem

BREAK = re.compile(r"[,;:()\[\]\"“”„«»!?…–—|/]|\s-\s|\.\s")


def candidates(text: str, language: str) -> list[tuple[str, ...]]:
    """Runs of one to three content words within one clause, in their own spelling."""
    stop = STOPWORDS.get(language, frozenset())
    runs: list[tuple[str, ...]] = []
    for sentence in sentences(text):
        for clause in BREAK.split(sentence):
            run: list[str] = []
            for word in [*WORD.findall(clause), ""]:
                if word and fold(word) not in stop and len(word) > 1 and not word.isdigit():
                    run.append(word)
                    continue
                if 1 <= len(run) <= 3:
                    runs.append(tuple(run))
                elif len(run) > 3:
                    runs.extend(tuple(run[i : i + 2]) for i in range(len(run) - 1))
                run = []
    return runs


def key_phrases(
    title: str, content: str, language: str, frequency: Mapping[str, int], documents: int, most: int = 6
) -> list[str]:
    """The strongest phrases, none of which lies inside another. `frequency` counts the documents of the batch by stem."""
    counts: Counter[tuple[str, ...]] = Counter()
    shown: dict[tuple[str, ...], str] = {}
    for text, weight in ((title, 2), (content[:6000], 1)):
        for run in candidates(text, language):
            if language == "en" and all(fold(word) in PLAIN for word in run):
                continue
            key = tuple(stem(word, language) for word in run)
            counts[key] += weight
            shown.setdefault(key, " ".join(run))
    scored = []
    for key, count in counts.items():
        rarity = sum(math.log(1 + documents / (1 + frequency.get(term, 0))) for term in key) / len(key)
        scored.append((count**0.7 * rarity * (1 + 0.35 * (len(key) - 1)), key))
    scored.sort(key=lambda row: (-row[0], row[1]))
    chosen: list[tuple[str, ...]] = []
    for _, key in scored:
        if any(set(key) <= set(other) or set(other) <= set(key) for other in chosen):
            continue
        chosen.append(key)
        if len(chosen) == most:
            break
    return [shown[key] for key in chosen]
