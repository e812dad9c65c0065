"""Text as words: whole, lower case, without accents, plural as singular."""

from __future__ import annotations

import re
import unicodedata

# Written without spaces: each two characters in a row stand for a word.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_PARTS = re.compile(rf"{_UNSPACED.pattern}|[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_SMALL = frozenset(
    "a about an and are as at be but by for from has have how i in into is it its more most my new not of on or our "
    "that the their this to was we what when where which who why will with you your "
    "der die das den dem des ein eine einer fur im in mit nach und von vom zu zum zur auf bei uber "
    "le la les l d de des du un une et en au aux pour par sur dans "
    "el los las del por que con su y o lo "
    "do da dos das em na no os ao e um uma para com "
    "il lo gli dei di una per che".split()
)
"""Words that carry no topic by themselves, folded."""


def fold(text: str) -> str:
    """Lower case, without accents: `Café` is `cafe`, `ß` is `ss`."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    # Marks of Japanese kana (dakuten) make other letters, so the letters are put together again.
    return unicodedata.normalize("NFKC", "".join(c for c in plain if not ("\u0300" <= c <= "\u036f")))


def words(text: str) -> list[str]:
    """Every word of a text, in its order: `cat` is not in `category`."""
    found: list[str] = []
    for part in _PARTS.findall(fold(text)):
        if not _UNSPACED.fullmatch(part):
            found.append(root(part))
        elif len(part) == 1:
            found.append(part)
        else:
            found += [part[at : at + 2] for at in range(len(part) - 1)]
    return found


def topic_words(text: str) -> list[str]:
    """The words of a topic, each once, without those that carry none; all of them where nothing else is left."""
    every = list(dict.fromkeys(words(text)))
    return [word for word in every if word not in _SMALL] or every


def root(word: str) -> str:
    """A folded word without its plural: `batteries` is `battery`, `trains` is `train`; `gas` and `glass` stay."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
