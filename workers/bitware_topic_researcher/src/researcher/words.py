"""Words, their stems and the language of a text. Everything compares whole words: `ai` is not in `entertainment`."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

import snowballstemmer

from researcher.stopwords import DULL, STOP

WORD = re.compile(r"[^\W_]+(?:['’.+#&-][^\W_]+)*[+#]*")
"""`C++`, `node.js`, `e-bike`, `R&D` and `L'été` are one word each."""
YEAR = re.compile(r"(?<![\w.,-])(?:19|20)\d\d(?![\w,]|\.\d)")
_ELIDED = re.compile(r"^(?:[cdjlmnst]|qu|jusqu|lorsqu)'(?=\w{2})")
_PLURAL = re.compile(r"[A-Z]{2,}s")
_STEMMERS = {"en": "english", "de": "german", "fr": "french", "es": "spanish", "pt": "portuguese"}
LANGUAGES = tuple(_STEMMERS)
_loaded: dict[str, Any] = {}


@lru_cache(maxsize=32_768)
def fold(word: str) -> str:
    """Lower case without accents, `ß` as `ss`, a French elision and a short form's plural taken off: `L’été` is `ete`,
    `Café` is `cafe`, `LLMs` is `llm`."""
    if _PLURAL.fullmatch(word):
        word = word[:-1]
    plain = unicodedata.normalize("NFKD", word.replace("’", "'").casefold())
    return _ELIDED.sub("", "".join(c for c in plain if not unicodedata.combining(c)))


@lru_cache(maxsize=65_536)
def stem(folded: str, language: str) -> str:
    """The stem of a folded word. Words with digits or signs, and those of languages without a stemmer, stay as they are."""
    word = folded.removesuffix("'s")
    name = _STEMMERS.get(language)
    if name is None or not word.isalpha():
        return word
    if language not in _loaded:
        _loaded[language] = snowballstemmer.stemmer(name)
    return str(_loaded[language].stemWord(word))


def stop(language: str) -> frozenset[str]:
    return STOP.get(language, STOP["en"])


def dull(language: str) -> frozenset[str]:
    return DULL.get(language, DULL["en"])


def language_of(text: str, declared: str = "") -> str:
    """Two letters: what the small words of a text say, else what was declared (`de-AT`), else English."""
    declared = re.split(r"[-_]", declared.strip().lower(), maxsplit=1)[0]
    sample = [fold(word) for word in WORD.findall(text[:3000])]
    counts = {code: sum(word in stops for word in sample) + (code == declared) for code, stops in STOP.items()}
    best, second = sorted(counts, key=lambda code: (-counts[code], code))[:2]
    if counts[best] >= 2 and counts[best] > counts[second]:
        return best
    return declared or "en"


def is_acronym(word: str) -> bool:
    """`AI`, `LLMs`, `CO2`: two to five capitals or digits, at least two of them letters."""
    core = word.removesuffix("s")
    return 2 <= len(core) <= 5 and core.isalnum() and core.upper() == core and sum(c.isalpha() for c in core) >= 2
