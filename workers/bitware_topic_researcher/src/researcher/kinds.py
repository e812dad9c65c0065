"""What kind of thing a topic is: it decides which questions are worth asking."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from researcher.matching import Text
from researcher.topic import Topic
from researcher.words import WORD, fold, is_acronym, stop


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


EVENTS = _set(
    """attack bankruptcy blackout boycott championship conference congress coup crash crisis cup debate earthquake eclipse
    election elections epidemic eurovision expo festival flood floods fusion hurricane inauguration invasion merger marathon
    olympics outage outbreak pandemic protest protests referendum shutdown strike strikes summit takeover trial tsunami war
    wahl wahlen bundestagswahl krieg gipfel streik erdbeben krise weltmeisterschaft elecciones guerra cumbre huelga terremoto
    crisis mundial eleicoes cimeira greve sismo crise elections guerre sommet greve seisme jeux"""
)
TECHNOLOGY = _set(
    """agents ai algorithm algorithms api automation batteries battery blockchain browser chip chips cloud code coding compiler
    computer computers computing crispr crypto cryptography cybersecurity data database databases devops drone drones
    electrolysis encryption engine fission framework frameworks fusion gpu graphene hydrogen internet javascript kernel
    kubernetes language laser learning linux llm lithium microchip model models networking photovoltaics postgres
    programming prompt protocol python pytorch quantum reactor reactors robot robotics robots rust satellite satellites
    semiconductor semiconductors software solar sensor sensors sodium sqlite turbine turbines typescript vaccine vaccines vector
    webassembly wasm open-source batterie batterien datenbank datenbanken software ki roboter baterias bateria ia batteries
    logiciel logiciels robotique programacion robotica"""
)
ORGANISATION = _set(
    """agency bank borders church club college commission committee company consortium corp council court federation foundation
    gmbh group inc institute laboratories lab labs ltd ministry museum nations organisation organization parliament party
    police society team un union university verein ministerium universitat universidad ministerio universidade fundacao
    fundacion fondation universite ministere"""
)
PLACES = _set(
    """afghanistan africa albania alaska algeria alps amazon amsterdam antarctica arctic argentina armenia asia athens atlanta
    atlantic austin australia austria azerbaijan baghdad balkans baltic bangladesh barcelona bavaria beijing belarus belgium
    berlin bolivia bosnia boston botswana brazil britain brussels budapest bulgaria california cambodia cameroon canada
    caribbean catalonia chad chicago chile china colombia congo copenhagen crimea croatia cuba cyprus czechia dakar delhi
    denmark detroit dublin ecuador edinburgh egypt england estonia ethiopia europe finland florida france frankfurt gaza
    geneva georgia germany ghana greece greenland guatemala haiti hamburg hawaii helsinki honduras hungary iceland india
    indonesia iran iraq ireland israel istanbul italy jakarta japan jerusalem jordan kabul kashmir kazakhstan kenya kiev kosovo
    kuwait kyiv kyoto lagos latvia lebanon leipzig liberia libya lisbon lithuania london luxembourg madagascar madrid malawi
    malaysia mali malta manchester manila marseille mediterranean melbourne mexico miami milan moldova mongolia montenegro
    montreal morocco moscow mozambique mumbai munich myanmar nairobi namibia naples nepal netherlands nicaragua nigeria norway
    oman osaka oslo ottawa pacific pakistan palestine panama paris patagonia peru philippines poland portugal prague qatar
    quebec rome romania russia rwanda sahara santiago scandinavia scotland seattle senegal seoul serbia shanghai siberia
    sicily singapore slovakia slovenia somalia spain stockholm sudan sweden switzerland sydney syria taiwan tanzania tehran
    texas thailand tibet tokyo toronto tunisia turkey uganda ukraine uruguay uzbekistan valencia vancouver venezuela venice
    vienna vietnam wales warsaw yemen zambia zimbabwe zurich
    deutschland osterreich schweiz frankreich spanien italien europa wien munchen koln
    espana alemania francia italia inglaterra brasil lisboa porto alemanha espanha franca
    allemagne espagne italie autriche suisse londres bruxelles lyon"""
)
_IN = _set("in en im em au aux a")
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Za-z]\d|\d[A-Za-z]|\w\.\w|[+#]")
KINDS = ("comparison", "question", "event", "technology", "place", "organisation", "person", "subject")
_ACTS = (
    r"(?:['’]s (?:new|first|latest)| (?:said|says|announce[sd]?|plans|launche[sd]|release[sd]|unveil(?:s|ed)|hire[sd]"
    r"|acquire[sd]|raise[sd]|expands|appoints|signs|opens|partners|retools|exits))"
)


def kind_of(topic: Topic, language: str = "en", about: Sequence[Text] = ()) -> str:
    """One of KINDS. What the words say comes first; a name is what is in capitals, and within the articles, too (in German
    every noun is)."""
    if len(topic.sides) > 1:
        return "comparison"
    if topic.question:
        return "question"
    written = [word for idea in topic.ideas for word in WORD.findall(idea.name)]
    folded = {fold(word) for word in written}
    # What is described says more than what describes it: open source `maintainers` are no technology.
    telling = [head for head in topic.heads if head is not None] or topic.ideas
    meant = {fold(word) for idea in telling for form in idea.forms for word in form}
    meant |= {fold(word) for idea in telling for word in WORD.findall(idea.name)}
    if folded & EVENTS:
        return "event"
    if meant & ORGANISATION and written[0][0].isupper():
        return "organisation"
    if folded and folded <= PLACES:
        return "place"
    if len(written) == 1 and written[0][0].isupper() and _acts(written[0], about):
        return "organisation"
    if meant & TECHNOLOGY or any(
        _CAMEL.search(word) and not word.isupper() for idea in telling for word in WORD.findall(idea.name)
    ):
        return "technology"
    names = WORD.findall(asked_words(topic))
    small = any(fold(word) in stop(topic.language) for word in names)
    german = "de" in (language, topic.language)
    if german or small or len(names) != len(written) or not all(word[0].isupper() for word in names):
        return "subject"
    if len(names) == 1:
        return "organisation" if is_acronym(names[0]) or _a_name(names[0], about) else "subject"
    if all(word.isupper() for word in names):
        return "subject"
    plain = len(names) <= 3 and all(word.isalpha() and not word.isupper() for word in names)
    return "person" if plain else "organisation"


def asked_words(topic: Topic) -> str:
    """The topic without its years and aspects."""
    out = {*topic.aspects, *map(str, topic.years)}
    return " ".join(word for word in topic.label.split() if word not in out)


def _a_name(word: str, about: Sequence[Text]) -> bool:
    """Whether articles write it in capitals within their sentences, and hardly ever otherwise."""
    counts = Counter(
        found[0].isupper()
        for text in about
        for found in re.findall(rf"(?i)(?<=[a-z,] ){re.escape(word)}(?!\w)", text.content)
    )
    return counts[True] > 3 * counts[False]


def _acts(name: str, about: Sequence[Text]) -> bool:
    """Whether several articles tell of it what only people and organisations do."""
    acts = re.compile(rf"(?<!\w){re.escape(name)}{_ACTS}(?!\w)")
    return sum(bool(acts.search(f"{text.title}. {text.content}")) for text in about) >= max(3, len(about) // 20)


def place_in(topic: Topic, language: str = "en") -> str:
    """The place a topic is looked at in: `Berlin` of `housing in Berlin`; "" where there is none."""
    words = WORD.findall(topic.label)
    for at, word in enumerate(words[:-1]):
        known = fold(words[at + 1]) in PLACES or language != "de"
        if at and fold(word) in _IN and words[at + 1][0].isupper() and known:
            return _run(words[at + 1 :])
    return ""


def _run(words: Iterable[str]) -> str:
    run = []
    for word in words:
        if not word[0].isupper():
            break
        run.append(word)
    return " ".join(run)
