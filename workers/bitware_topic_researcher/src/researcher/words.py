"""Words, their stems and the language of a text. Everything compares whole words: `ai` is not in `entertainment`."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

import snowballstemmer

from researcher.stopwords import DULL, STOP
from researcher.unlike import UNLIKE

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
    if language == "en" and word in UNLIKE:
        return UNLIKE[word]
    if language not in _loaded:
        _loaded[language] = snowballstemmer.stemmer(name)
    made = str(_loaded[language].stemWord(word))
    # The Iberian stemmers leave short plurals as they are: `olas` is no other word than `ola`.
    return made[:-1] if language in ("es", "pt") and len(made) > 3 and made.endswith("s") else made


def stop(language: str) -> frozenset[str]:
    return STOP.get(language, STOP["en"])


def dull(language: str) -> frozenset[str]:
    return DULL.get(language, DULL["en"])


def language_of(text: str, declared: str = "") -> str:
    """Two letters: what the small words of a text say, else what was declared (`de-AT`), else English."""
    declared = re.split(r"[-_]", declared.strip().lower(), maxsplit=1)[0]
    # `AI` is no French verb.
    sample = [fold(word) for word in WORD.findall(text[:3000]) if len(word) == 1 or not word.isupper()]
    counts = {code: sum(word in stops for word in sample) + (code == declared) for code, stops in STOP.items()}
    best, second = sorted(counts, key=lambda code: (-counts[code], code))[:2]
    if counts[best] >= 2 and counts[best] > counts[second]:
        return best
    return declared or "en"


_SIGNS = {
    "de": (("äöüß", 1.0),),
    "fr": (("èêëàâœùûîï", 1.0), ("é", 0.6), ("ç", 0.5), ("ô", 0.4)),
    "es": (("ñ¿¡", 1.0), ("íóúá", 0.5), ("é", 0.4)),
    "pt": (("ãõ", 1.0), ("íóúáâê", 0.5), ("ç", 0.6), ("é", 0.4)),
}
_ENDINGS = {
    "de": re.compile(r"(?:ung|heit|keit|schaft|bau|lich|ische[nrs]?)$"),
    "fr": re.compile(r"(?:eau|eaux|aires?|iques?|ité|euse)$"),
    "es": re.compile(r"(?:ción|ciones|dad|dades|miento)$"),
    "pt": re.compile(r"(?:ção|ções|dade|dades|agem|agens)$"),
}
_PRIOR = 0.3


def spoken_in(topic: str) -> str:
    """The language of a few words, by their small words, signs and endings; English where nothing speaks against it."""
    certain = language_of(topic)
    if certain != "en":
        return certain
    words = WORD.findall(topic)
    counts = {code: _PRIOR if code == "en" else 0.0 for code in STOP}
    for at, word in enumerate(words):
        folded, lower = fold(word), word.casefold()
        # No topic ends in a small word (`original sin`), and `AI` is none.
        small = at < len(words) - 1 and not (len(word) > 1 and word.isupper())
        having = [code for code, stops in STOP.items() if small and folded in stops]
        for code in having:
            counts[code] += 1 / len(having)
        for code, signs in _SIGNS.items():
            counts[code] += max((weight for letters, weight in signs if any(c in lower for c in letters)), default=0.0)
        for code, ending in _ENDINGS.items():
            counts[code] += 0.5 * bool(len(word) > 5 and ending.search(lower))
    return max(counts, key=lambda code: (counts[code], code == "en"))


def is_acronym(word: str) -> bool:
    """`AI`, `LLMs`, `CO2`: two to five capitals or digits, at least two of them letters."""
    core = word.removesuffix("s")
    return 2 <= len(core) <= 5 and core.isalnum() and core.upper() == core and sum(c.isalpha() for c in core) >= 2
