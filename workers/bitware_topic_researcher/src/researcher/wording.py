"""The questions, in the languages that topics come in. `{t}` is the topic as it was asked, `{p}` a place or a name."""

from __future__ import annotations

KIND: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "question": (
            "Who has looked into this, and where do their answers differ?",
            "What would a sceptic answer, and on what evidence?",
        ),
        "event": ("What led to {t}, and who decided what?", "What has changed since {t}, and for whom?"),
        "technology": (
            "Who uses {t} today, and what do they report?",
            "What is being replaced by {t}, and what still speaks for the old way?",
        ),
        "place": ("Who decides in {t}, and what is in dispute?", "Which news from {t} will still matter in a year?"),
        "organisation": (
            "What has {t} announced, and what has come of earlier announcements?",
            "Who depends on {t}, and who competes with it?",
        ),
        "person": ("What is {t} working on now, and with whom?", "Who disagrees with {t}, and about what?"),
        "subject": (
            "What is new about {t}, and who says so?",
            "Where do sources disagree about {t}, and on what evidence?",
        ),
    },
    "de": {
        "question": (
            "Wer hat das untersucht, und worin unterscheiden sich die Antworten?",
            "Was würde ein Skeptiker antworten, und mit welchen Belegen?",
        ),
        "event": ("Wie kam es zu „{t}“, und wer hat was entschieden?", "Was ist seit „{t}“ anders, und für wen?"),
        "technology": (
            "Wo ist „{t}“ heute im Einsatz, und was berichten die Anwender?",
            "Was wird durch „{t}“ ersetzt, und was spricht noch für das Alte?",
        ),
        "place": ("Wer entscheidet in {t}, und worum wird gestritten?",),
        "organisation": ("Was hat {t} angekündigt, und was ist aus früheren Ankündigungen geworden?",),
        "person": ("Woran arbeitet {t} zurzeit, und mit wem?",),
        "subject": (
            "Was ist neu zum Thema „{t}“, und wer sagt das?",
            "Worin widersprechen sich die Quellen zu „{t}“, und mit welchen Belegen?",
        ),
    },
    "es": {
        "question": (
            "¿Quién lo ha estudiado y en qué difieren las respuestas?",
            "¿Qué respondería un escéptico y con qué pruebas?",
        ),
        "event": ("¿Qué llevó a «{t}» y quién decidió qué?", "¿Qué ha cambiado desde «{t}» y para quién?"),
        "technology": (
            "¿Dónde se usa ya «{t}» y qué cuentan quienes lo usan?",
            "¿Qué sustituye «{t}» y qué habla aún a favor de lo anterior?",
        ),
        "place": ("¿Quién decide en {t} y qué está en disputa?",),
        "organisation": ("¿Qué ha anunciado {t} y qué fue de sus anuncios anteriores?",),
        "person": ("¿En qué trabaja ahora {t} y con quién?",),
        "subject": (
            "¿Qué hay de nuevo sobre «{t}» y quién lo dice?",
            "¿En qué discrepan las fuentes sobre «{t}» y con qué pruebas?",
        ),
    },
    "pt": {
        "question": (
            "Quem estudou isto e em que diferem as respostas?",
            "O que responderia um cético e com que provas?",
        ),
        "event": ("O que levou a «{t}» e quem decidiu o quê?", "O que mudou desde «{t}» e para quem?"),
        "technology": (
            "Onde já se usa «{t}» e o que contam os utilizadores?",
            "O que é substituído por «{t}» e o que ainda fala a favor do antigo?",
        ),
        "place": ("Quem decide em {t} e o que está em disputa?",),
        "organisation": ("O que anunciou {t} e o que foi feito dos anúncios anteriores?",),
        "person": ("Em que trabalha agora {t} e com quem?",),
        "subject": (
            "O que há de novo sobre «{t}» e quem o diz?",
            "Em que divergem as fontes sobre «{t}» e com que provas?",
        ),
    },
    "fr": {
        "question": (
            "Qui l'a étudié, et en quoi les réponses diffèrent-elles ?",
            "Que répondrait un sceptique, et avec quelles preuves ?",
        ),
        "event": ("Qu'est-ce qui a mené à « {t} », et qui a décidé quoi ?", "Qu'est-ce qui a changé depuis « {t} » ?"),
        "technology": (
            "Où « {t} » sert-il déjà, et qu'en disent les utilisateurs ?",
            "Que remplace « {t} », et qu'est-ce qui plaide encore pour l'ancien ?",
        ),
        "place": ("Qui décide à {t}, et sur quoi porte le débat ?",),
        "organisation": ("Qu'a annoncé {t}, et que sont devenues les annonces précédentes ?",),
        "person": ("À quoi travaille {t} en ce moment, et avec qui ?",),
        "subject": (
            "Qu'y a-t-il de nouveau sur « {t} », et qui le dit ?",
            "En quoi les sources se contredisent-elles sur « {t} », et avec quelles preuves ?",
        ),
    },
}
COMPARISON: dict[str, tuple[str, ...]] = {
    "en": (
        "What speaks for {a}, what for {b}, and measured by what?",
        "Who moved from {a} to {b} or back, and why?",
    ),
    "de": ("Worin ist {a} besser als {b}, worin schlechter, und woran gemessen?", "Wer wechselte, und warum?"),
    "es": (
        "¿En qué es {a} mejor que {b}, en qué peor y medido cómo?",
        "¿Quién cambió de {a} a {b} o al revés, y por qué?",
    ),
    "pt": (
        "Em que é {a} melhor do que {b}, em que pior e medido como?",
        "Quem mudou de {a} para {b} ou vice-versa, e porquê?",
    ),
    "fr": (
        "En quoi {a} vaut-il mieux que {b}, en quoi moins, et selon quelle mesure ?",
        "Qui est passé de {a} à {b}, et pourquoi ?",
    ),
}
YEAR: dict[str, str] = {
    "en": "What of what was said about {t} in {y} has come true?",
    "de": "Was von dem, was {y} über „{t}“ gesagt wurde, ist eingetreten?",
    "es": "¿Qué se ha cumplido de lo que se decía en {y} sobre «{t}»?",
    "pt": "O que se cumpriu do que se dizia em {y} sobre «{t}»?",
    "fr": "Qu'est-ce qui s'est vérifié de ce qu'on disait en {y} sur « {t} » ?",
}
YEAR_AHEAD: dict[str, str] = {
    "en": "What is expected of {t} in {y}, and what would show that it comes?",
    "de": "Was wird für {y} von „{t}“ erwartet, und woran wäre es zu erkennen?",
    "es": "¿Qué se espera de «{t}» en {y} y en qué se notaría?",
    "pt": "O que se espera de «{t}» em {y} e em que se notaria?",
    "fr": "Qu'attend-on de « {t} » en {y}, et à quoi le verrait-on ?",
}
PLACE: dict[str, str] = {
    "en": "What is particular about {p}, and what holds elsewhere, too?",
    "de": "Was ist in {p} besonders, und was gilt auch anderswo?",
    "es": "¿Qué es propio de {p} y qué vale también en otros lugares?",
    "pt": "O que é próprio de {p} e o que vale também noutros lugares?",
    "fr": "Qu'est-ce qui est propre à {p}, et qu'est-ce qui vaut aussi ailleurs ?",
}
NAME: dict[str, str] = {
    "en": "What does {p} have to do with {t}?",
    "de": "Welche Rolle spielt {p} bei „{t}“?",
    "es": "¿Qué papel tiene {p} en «{t}»?",
    "pt": "Que papel tem {p} em «{t}»?",
    "fr": "Quel rôle joue {p} dans « {t} » ?",
}
NAMES = "What do {p} have to do with {t}?"
PHRASE: dict[str, str] = {
    "en": "What do the sources report about “{p}”, and do they agree?",
    "de": "Was berichten die Quellen über „{p}“, und sind sie sich einig?",
    "es": "¿Qué dicen las fuentes sobre «{p}» y coinciden?",
    "pt": "O que dizem as fontes sobre «{p}» e concordam entre si?",
    "fr": "Que disent les sources de « {p} », et sont-elles d'accord ?",
}
ASPECT: dict[str, dict[str, str]] = {
    "money": {
        "en": "Where does the money for {t} come from, and who benefits?",
        "de": "Woher kommt das Geld beim Thema „{t}“, und wem nützt es?",
        "es": "¿De dónde sale el dinero en el tema «{t}» y a quién beneficia?",
        "pt": "De onde vem o dinheiro no tema «{t}» e quem beneficia?",
        "fr": "D'où vient l'argent pour « {t} », et à qui profite-t-il ?",
    },
    "law": {
        "en": "Which rules apply to {t}, and who wants to change them?",
        "de": "Welche Regeln gelten für „{t}“, und wer will sie ändern?",
        "es": "¿Qué reglas se aplican a «{t}» y quién quiere cambiarlas?",
        "pt": "Que regras se aplicam a «{t}» e quem as quer mudar?",
        "fr": "Quelles règles s'appliquent à « {t} », et qui veut les changer ?",
    },
    "harm": {
        "en": "Which failures and risks are reported around {t}, and what is done about them?",
        "de": "Welche Risiken und Fehlschläge werden zu „{t}“ berichtet, und was wird dagegen getan?",
        "es": "¿Qué fallos y riesgos se cuentan sobre «{t}» y qué se hace al respecto?",
        "pt": "Que falhas e riscos se relatam sobre «{t}» e o que se faz contra isso?",
        "fr": "Quels échecs et quels risques rapporte-t-on sur « {t} », et qu'y fait-on ?",
    },
    "evidence": {
        "en": "What do studies of {t} measure, and how far do their results carry?",
        "de": "Was messen Studien zu „{t}“, und wie weit tragen ihre Ergebnisse?",
        "es": "¿Qué miden los estudios sobre «{t}» y hasta dónde llegan sus resultados?",
        "pt": "O que medem os estudos sobre «{t}» e até onde valem os resultados?",
        "fr": "Que mesurent les études sur « {t} », et jusqu'où valent leurs résultats ?",
    },
    "growth": {
        "en": "What do the figures on {t} show, and whose figures are they?",
        "de": "Was zeigen die Zahlen zu „{t}“, und von wem stammen sie?",
        "es": "¿Qué muestran las cifras sobre «{t}» y de quién son?",
        "pt": "O que mostram os números sobre «{t}» e de quem são?",
        "fr": "Que montrent les chiffres sur « {t} », et de qui viennent-ils ?",
    },
    "people": {
        "en": "Who does the work behind {t}, and under what conditions?",
        "de": "Wer macht die Arbeit hinter „{t}“, und unter welchen Bedingungen?",
        "es": "¿Quién hace el trabajo detrás de «{t}» y en qué condiciones?",
        "pt": "Quem faz o trabalho por trás de «{t}» e em que condições?",
        "fr": "Qui fait le travail derrière « {t} », et dans quelles conditions ?",
    },
}
ASPECT_WORDS: dict[str, frozenset[str]] = {
    "money": frozenset(
        """budget cost costs fare fares fee fees finance financed fund funded funding funds grant insurance invest invested
        investment investors price prices pricing profit profitable revenue subsidies subsidy tax taxes charges
        euro euros finanzierung geld haushalt kosten kostet preis preise steuer versicherung
        coste costes dinero financiacion precio precios presupuesto custo custos dinheiro financiamento orcamento preco precos
        argent budget cout coute couts financement prix""".split()
    ),
    "law": frozenset(
        """act ban banned bans compliance court directive illegal judge law laws lawsuit legal legislation licence license
        mandatory ordinance permit policy regulation regulations regulator regulators rules treaty
        gericht gesetz gesetze regeln urteil verbot verboten verordnung vorschrift
        juez ley leyes norma normas prohibicion prohibido tribunal lei leis norma proibicao regras
        interdiction interdit juge loi lois reglement tribunal""".split()
    ),
    "harm": frozenset(
        """accident accidents attack attacks breach broken bug burnout cancelled collapse crash damage damaged danger dangerous
        dead death delay delayed delays died disaster exploit exploited failed failure failures fault fire fires flaw harm
        harmful hazard injured leak misuse outage pollution risk risks threat threats toxic unsafe vulnerabilities vulnerability
        brand gefahr gefahrlich panne risiko risiken schaden storung tote unfall verspatung
        averia incendio muertos peligro peligroso retraso riesgo riesgos acidente atraso incendio perigo risco riscos
        accident danger dangereux incendie morts panne retard risque risques""".split()
    ),
    "evidence": frozenset(
        """benchmark benchmarks data dataset evaluated evaluation evidence experiment experiments findings measured measurement
        paper peer-reviewed researchers results scientists studies study survey surveyed trial
        forscher messung studie studien untersuchung umfrage
        encuesta estudio estudios investigadores cientificos estudo estudos inquerito investigadores
        chercheurs enquete etude etudes mesure scientifiques""".split()
    ),
    "growth": frozenset(
        """adoption bookings boom customers demand doubled expansion grew growth market markets orders popular record sales
        scaling sold users visitors
        boom markt nachfrage rekord wachstum verkauft
        clientes crecimiento demanda mercado record ventas crescimento mercado procura recorde vendas
        clients croissance demande marche record ventes""".split()
    ),
    "people": frozenset(
        """apprentices burnout contributors employees engineers hiring jobs labour maintainer maintainers staff strike training
        union unpaid volunteer volunteers wage wages workers workforce
        arbeiter beschaftigte ehrenamtliche gewerkschaft lohn personal
        empleados obreros sindicato trabajadores voluntarios sindicato trabalhadores voluntarios
        benevoles emplois ouvriers salaires salaries syndicat""".split()
    ),
}
"""Words that show which side of a topic an article speaks of, without accents."""
