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
    "il lo gli dei di una per che het een van op voor "
    # What people write around a topic.
    "best good top latest recent update news nachricht actualite noticia notizia nieuw nieuws blog feed article "
    "effect impact role use using trend future guide introduction affect doe do did can should between than they vs "
    "versus explain learn know thing people year today day world attack".split()
)
"""Words that carry no topic by themselves, folded."""
_VAGUE = frozenset(
    "policy digital electric performance system development management strategy quality industry product national "
    "international global local online free fast remote error standard service solution project case level process".split()
)
"""Words that say a side of a topic, folded roots: `immigration policy` is about immigration."""
_NO_PLURALS = frozenset(("mars", "aids"))
"""Whose singulars would be other words: `mar` is a sea."""


def fold(text: str) -> str:
    """Lower case, without accents: `Café` is `cafe`, `ß` is `ss`."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    # Marks of Japanese kana (dakuten) make other letters, so the letters are put together again.
    return unicodedata.normalize("NFKC", "".join(c for c in plain if not ("\u0300" <= c <= "\u036f")))


def words(text: str) -> list[str]:
    """Every word of a text, in its order: `cat` is not in `category`."""
    return [root for root, _ in written(text)]


def written(text: str) -> list[tuple[str, str]]:
    """(word, as it is written) of every word of a text."""
    found: list[tuple[str, str]] = []
    for part in _PARTS.findall(unicodedata.normalize("NFC", text)):
        plain = fold(part)
        if not _UNSPACED.fullmatch(plain):
            found += [(root(one), part) for one in _PARTS.findall(plain)]
        elif len(plain) == 1:
            found.append((plain, part))
        else:
            found += [(plain[at : at + 2], plain[at : at + 2]) for at in range(len(plain) - 1)]
    return found


def is_small(word: str) -> bool:
    """Whether a word carries no topic by itself."""
    return word in _SMALL


def is_vague(word: str) -> bool:
    """Whether a word says less of a topic than the words beside it."""
    return word in _VAGUE


def root(word: str) -> str:
    """A folded word without its plural: `batteries` is `battery`, `trains` is `train`; `gas` and `glass` stay."""
    if word in _NO_PLURALS:
        return word
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
