"""Words, sentences, stems and the language of a text. Everything below works on whole words: "ai" is never in "entertainment"."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import snowballstemmer

from classifier.unlike import UNLIKE

WORD = re.compile(r"[^\W_]+(?:['’.+#-][^\W_]+)*[+#]*", re.UNICODE)
SENTENCE_END = re.compile(r"(?<=[.!?…])(?P<closing>[\"'”’)\]]*)\s+(?=[\"'“‘(\[]?[A-ZÀ-ÖØ-Þ0-9])")
ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st vs etc e.g i.e u.s u.k no vol fig jr sr inc ltd co bzw z.b d.h ca usw m mme sra".split()
)

STOPWORDS: dict[str, frozenset[str]] = {
    "en": frozenset(
        """a about above after again against all also am an and any are as at be because been before being below between
        both but by can could did do does doing down during each even every few for from further get got had has have having
        he her here hers him his how however i if in into is it its itself just like made make many may me might more most
        much must my no nor not now of off on once one only onto or other our out over own per said same say says she should
        since so some still such than that the their them then there these they this those through to too two under until
        up upon us use used using versus very via vs was we well were what when where which while who whom why will with within without
        would yet you your""".split()
    ),
    "de": frozenset(
        """aber alle als also am an auch auf aus bei beim bis da dann das dass dem den denn der des die dies diese dieser
        doch dort durch ein eine einem einen einer eines er es für gegen hat hatte ich ihr im in ist ja jetzt kann kein keine
        man mehr mit nach nicht noch nur ob oder ohne sein seine sich sie sind so über um und unter vom von vor war was weil
        wenn werden wie wieder wir wird wurde zu zum zur zwischen""".split()
    ),
    "fr": frozenset(
        """à au aux avec ce ces cette comme dans de depuis des du elle en entre est et été être fait il ils je la le les leur
        lui mais même ne nous on ont ou où par pas plus pour qu que qui sa sans se ses si son sont sur tous tout un une vers
        vous y""".split()
    ),
    "es": frozenset(
        """a al ante como con contra de del desde donde el ella en entre era es esta este esto ha han hasta hay la las le les
        lo los más me mi muy no nos o para pero por porque que se ser si sin sobre son su sus también tras un una uno y ya""".split()
    ),
    "pt": frozenset(
        """a ao aos as até com como da das de do dos e é ela ele em entre era esta este eu foi foram há isso já mais mas na nas
        não no nos o os ou para pela pelo por que se sem ser seu sua são também um uma""".split()
    ),
    "it": frozenset(
        """a al alla anche che chi ci come con da dal dalla degli dei del della delle di e è gli ha hanno i il in io la le lo
        loro ma nel nella non o per perché più questa questo se si sono su sulla tra un una""".split()
    ),
    "nl": frozenset(
        """aan als bij dan dat de der deze die dit door een en er haar heeft het hij hun ik in is je kan maar me meer met
        naar niet nog of om onder ook op over te tot uit van voor was wat we wel werd wordt ze zich zijn""".split()
    ),
}
# Common words that tell nothing about a subject, in English: related words are not made of them.
FILLERS = frozenset(
    """able according add added agree already although always announce another answer ask available bad become began begin
    big bring build call came case change chief close come company cost country day different director early end even ever
    expect expected fact far feel few find first five follow form four full gave give given go going good great group grow
    half hand head help high hold hour idea important include including increase instead keep kind know large last late
    later least leave less let life like line little live long look lose low made main mean member minute miss money month
    morning move name near need never new next night nothing number often old open order others own part pay people percent
    person place plan play point possible present president price problem public put question quite rather reach read real
    reason report result return right run same saw seem seen send set seven several show side simple since six small something
    soon sort spend stand start state stay step still stop story summer sure system take talk tell ten thing think third
    three time today together told took try turn twice understand use usual wait walk want water way week went whole win
    winter woman word work world write year yesterday young""".split()
)
# Alone they are no key phrase either.
PLAIN = FILLERS | frozenset(
    """april august available based best better brand common complex december derived different early easier easy effective
    efficient fast faster february free full general here high important january july june latest light local march modern
    multiple november october popular possible powerful quick ready recent robust september similar simple special specific
    strong today top useful various version want welcome wide""".split()
)
STEMMERS = {
    "en": "english",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "pt": "portuguese",
    "it": "italian",
    "nl": "dutch",
}
_stemmers: dict[str, object] = {}
_STOPS: dict[str, list[str]] = {}
"""The languages that a stop word is one of."""
for _code, _words in STOPWORDS.items():
    for _word in _words:
        _STOPS.setdefault(_word, []).append(_code)


def fold(text: str) -> str:
    """Case folded, accents of the same letter unified (NFC), curly apostrophes straightened."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text).replace("’", "'").casefold()


def words(text: str) -> list[str]:
    """The words of a text in their own spelling, in order."""
    return WORD.findall(text)


@lru_cache(maxsize=65_536)
def stem(word: str, language: str = "en") -> str:
    """The stem of one word (folded here). Unknown languages and words with digits or signs keep their folded form."""
    folded = fold(word)
    folded = folded.removesuffix("'s")
    name = STEMMERS.get(language)
    if name is None or not folded.isalpha():
        return folded
    if language == "en" and folded in UNLIKE:
        return UNLIKE[folded]
    stemmer = _stemmers.get(language)
    if stemmer is None:
        stemmer = _stemmers[language] = snowballstemmer.stemmer(name)
    return stemmer.stemWord(folded)  # type: ignore[attr-defined,no-any-return]


def terms(text: str, language: str = "en") -> list[str]:
    """Stems of all words, stop words left out; a hyphenated word gives its parts as well."""
    stop = STOPWORDS.get(language, frozenset())
    found = []
    for word in words(text):
        folded = fold(word)
        if folded in stop:
            continue
        found.append(stem(folded, language))
        if "-" in folded:
            found.extend(stem(part, language) for part in folded.split("-") if part and part not in stop)
    return found


def sentences(text: str) -> list[str]:
    """Sentences, not broken at abbreviations and initials; line breaks between paragraphs end one."""
    result: list[str] = []
    for paragraph in re.split(r"\n\s*\n|\n(?=[-*•])", text):
        pieces = _split(" ".join(paragraph.split()))
        held = ""
        for piece in pieces:
            held = f"{held} {piece}".strip() if held else piece.strip()
            last = held.rstrip(".\"'”’)").rsplit(" ", 1)[-1].casefold() if held.endswith(".") else ""
            if last in ABBREVIATIONS or (len(last) == 1 and last.isalpha()):
                continue
            if held:
                result.append(held)
            held = ""
        if held:
            result.append(held)
    return result


def _split(paragraph: str) -> list[str]:
    """Cut behind the closing quotes and brackets of a sentence."""
    pieces, start = [], 0
    for match in SENTENCE_END.finditer(paragraph):
        pieces.append(paragraph[start : match.end("closing")])
        start = match.end()
    return [*pieces, paragraph[start:]]


def language_of(text: str, declared: str | None = None) -> str:
    """Two-letter code: the language whose stop words are most frequent, the declared one (`de-AT` too) where the text
    is too short to tell; "und" where neither says."""
    sample = [fold(word) for word in words(text[:4000])]
    counts = dict.fromkeys(STOPWORDS, 0)
    for word in sample:
        for code in _STOPS.get(word, ()):
            counts[code] += 1
    hint = (declared or "").split("-")[0].split("_")[0].lower()
    if hint in counts:
        counts[hint] += 2
    best = max(counts, key=lambda code: counts[code])
    if counts[best] >= 3 or (hint and counts[best]):
        return best
    return hint or ("en" if sample and all(word.isascii() for word in sample) else "und")
