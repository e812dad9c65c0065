"""Names in a text: runs of capitalised words and acronyms, with a guess of what they name from the words around them."""

from __future__ import annotations

import re
from collections import Counter

from classifier.words import STOPWORDS, fold, sentences

NAME = r"[A-ZÀ-ÖØ-Þ][\w’'&.-]*[\w]|[A-ZÀ-ÖØ-Þ]{2,}"
RUN = re.compile(rf"(?:{NAME})(?:\s+(?:(?:of|de|da|van|von|del|la|du|for|and|&)\s+(?={NAME}))?(?:{NAME}))*")
ORGANISATION = frozenset(
    """university institute council agency ministry bank group inc corp ltd gmbh foundation association committee commission
    company labs laboratory museum hospital college school union party court department office authority network alliance
    society centre center observatory railways cooperative trust ai""".split()
)
PLACE = frozenset(
    "city river lake mount island bay street valley republic coast sea ocean harbour port county region".split()
)
PLACE_BEFORE = frozenset("in near from at to across outside around".split())
TITLES = frozenset("mr mrs ms dr prof professor president minister mayor sir captain director chief engineer".split())
SAYS = re.compile(r"^\s*,?\s*(?:said|says|told|wrote|explained|added|argues?|warned)\b")
SAID_BEFORE = re.compile(r"\b(?:said|says|according to|told)\s+$")
NOT_NAMES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december i".split()
)


def _kind(name: str, before: str, after: str) -> str:
    parts = [fold(part).rstrip(".") for part in name.split()]
    last_before = fold(before.split()[-1]).strip(".,") if before.split() else ""
    if (
        parts[-1] in ORGANISATION
        or parts[0] in ORGANISATION
        or any(part in ("university", "ministry", "institute") for part in parts)
    ):
        return "organisation"
    if parts[-1] in PLACE or parts[0] in ("lake", "mount", "river", "cape", "port"):
        return "place"
    if parts[0] in TITLES or last_before in TITLES or SAYS.match(after) or SAID_BEFORE.search(before):
        return "person" if 1 < len(parts) <= 4 or parts[0] in TITLES or last_before in TITLES else "name"
    if last_before in PLACE_BEFORE and len(parts) <= 2 and not name.isupper():
        return "place"
    return "name"


def key_entities(title: str, content: str, language: str, most: int = 8) -> list[dict[str, object]]:
    """`[{"name", "type", "mentions"}]`, most mentioned first; type is person, organisation, place or name (not told).

    A capital at the start of a sentence alone is no evidence; in German every noun has one, so there only runs of two
    and acronyms count."""
    stop = STOPWORDS.get(language, frozenset()) | NOT_NAMES
    mentions: Counter[str] = Counter()
    kinds: dict[str, Counter[str]] = {}
    weak: Counter[str] = Counter()
    for index, sentence in enumerate([title, *sentences(content[:8000])]):
        for match in RUN.finditer(sentence):
            tokens = match.group().split()
            at_start = match.start() == 0 or sentence[: match.start()].strip() in ("", '"', "“", "(")
            while tokens and fold(tokens[0]) in stop:
                tokens, at_start = tokens[1:], False
            while tokens and fold(tokens[-1]) in stop:
                tokens.pop()
            if not tokens:
                continue
            name = re.sub(r"['’]s$", "", " ".join(tokens)).strip(".-&")
            single = len(tokens) == 1 and not (name.isupper() and len(name) > 1)
            if len(name) < 2 or (single and (language == "de" or index == 0)):
                continue
            if single and at_start:
                weak[name] += 1
                continue
            mentions[name] += 1
            kinds.setdefault(name, Counter())[_kind(name, sentence[: match.start()], sentence[match.end() :])] += 1
    for name, count in weak.items():
        if name in mentions:
            mentions[name] += count
    result = []
    for name, count in sorted(mentions.items(), key=lambda item: (-item[1], item[0])):
        if any(name != other and f" {name} " in f" {other} " and mentions[other] >= count for other in mentions):
            continue
        told = [(n, kind) for kind, n in kinds[name].items() if kind != "name"]
        result.append({"name": name, "type": max(told)[1] if told else "name", "mentions": count})
    return result[:most]
