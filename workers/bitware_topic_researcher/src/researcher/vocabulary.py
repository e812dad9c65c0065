"""What the parser of topics knows of language: negations, comparisons, words that say how and not what, short forms."""

from __future__ import annotations

NEGATIONS = frozenset("not without except excluding minus ohne ausser nicht sauf hormis excepto exceto".split())
AMBIGUOUS_NEGATIONS = frozenset("sans sin sem".split())
"""Negations of French, Spanish and Portuguese that mean something else in English (`original sin`, `Comic Sans`)."""
BACK = frozenset("but aber pero mas mais sondern sino".split())
"""Ends what a negation began: `not crypto but chips`."""
AND = frozenset("and or nor und oder noch y o ni e ou et &".split())
VERSUS = frozenset("vs vs. versus compared verglichen comparado comparada".split())
OR = frozenset("or oder ou".split())
DIFFERENCE = frozenset(
    "difference differences unterschied unterschiede diferencia diferencias diferenca diferencas".split()
)

ASPECTS = frozenset(
    """advance advances analysis basics breaking challenges current development developments effect effects explained
    forecast future guide headlines history impact impacts innovation introduction issues latest new news outlook
    overview predictions primer recent review state status tips trend trending trends tutorial update updates aktuelle
    aktuelles auswirkungen entwicklung entwicklungen folgen geschichte nachrichten neue neueste neuigkeiten uberblick
    zukunft actualidad avances consecuencias efectos futuro historia impacto noticias novedades nuevas tendencia
    tendencias ultimas avancos consequencias efeitos novidades actualite actualites avenir consequences dernieres effets
    histoire nouveautes tendance tendances best top""".split()
)
"""They say how one looks at a topic. `AI trends 2024` is about AI; `trends` makes an article no less about it when missing."""
ADJECTIVES = frozenset(
    """best breaking current latest new recent top trending aktuelle neue neueste nuevas ultimas dernieres""".split()
)
"""Aspects only before what they belong to; the others stand behind it (`AI trends`) or lead to it (`history of jazz`)."""
LEADING_ONLY = frozenset({"state"})
"""`state of AI`, but a `police state` and `solid state batteries` are what they are."""
BOUND = frozenset(
    """art history|fake news|greenhouse effect|literature review|natural history|oral history|peer review|placebo effect
    |side effect|side effects|tour guide""".replace("\n", " ").split("|")
)
"""Pairs that are one thing, though their second word is an aspect elsewhere."""
TOWNS = frozenset("york zealand delhi orleans jersey england mexico hampshire caledonia deal year".split())
"""What `new` is part of, not a way to look at it."""
ASKING = frozenset(
    """how what why when where which wie warum wieso wann wo welche welcher welches como cuando donde qual quais onde
    porque comment pourquoi quand quel quelle quels quelles""".split()
)
"""First words of a topic that is a question;"""
ASKING_AT_LENGTH = frozenset(
    "who can is are do does should will would could wer kann ist sind soll est puede pode".split()
)
"""and those that also begin other things, so that it must end as a question does, or be long."""
NAMED = {"go": (("Golang",),)}
"""What else a name goes by that is a small word, too."""

SMALL = frozenset(
    "de del des du di da do dos das la les los im am zu zum zur fur et und y e en em au aux sur pour".split()
)
"""Small words of a topic whose language its few words do not show."""
GENERIC = frozenset(
    """application applications approach area capabilities capability company companies community development experience
    feature features field forms future industry innovation innovations market model models news package packages place
    platform platforms practice problem problems product products project projects research service services solution
    solutions space strategies strategy system systems team teams technology technologies thing tool tools use user users
    work works world""".split()
)
"""With the topic's own words they name no part of it: `AI solutions`."""

SHORT_FORMS: tuple[tuple[str, ...], ...] = (
    (
        "AI",
        "artificial intelligence",
        "KI",
        "Künstliche Intelligenz",
        "IA",
        "inteligencia artificial",
        "intelligence artificielle",
    ),
    ("ML", "machine learning"),
    ("LLM", "large language model"),
    ("NLP", "natural language processing"),
    ("RAG", "retrieval augmented generation"),
    ("EV", "electric vehicle", "electric car", "Elektroauto"),
    ("VR", "virtual reality"),
    ("AR", "augmented reality"),
    ("IoT", "internet of things"),
    ("CI", "continuous integration"),
    ("GPU", "graphics processor"),
    ("DB", "database"),
    ("OSS", "open source software"),
    ("UI", "user interface"),
    ("UX", "user experience"),
    ("EU", "European Union"),
    ("UN", "United Nations"),
    ("UK", "United Kingdom"),
    ("US", "United States", "USA"),
    ("GDP", "gross domestic product"),
    ("UBI", "basic income"),
    ("WHO", "World Health Organization"),
    ("evaluation", "evals", "eval"),
    ("repository", "repo"),
    ("application", "app"),
    ("infrastructure", "infra"),
)
"""Groups of names for one thing. A short form is looked for in capitals only, since `us` and `it` are words of their own."""
