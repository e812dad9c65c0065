"""What common subjects are called in five languages, so that a topic in one of them finds articles in the others.

The same file lies in each worker that needs it, since folders are deployed alone. A row is one thing: its names in English | German | Spanish | Portuguese | French, several divided by commas. A name counts
only in articles of its language; the topic's own words count in all.
"""

from __future__ import annotations

from functools import cache

from .words import fold, stem

LANGUAGES = ("en", "de", "es", "pt", "fr")
LONGEST = 3
_TABLE = """
night train, sleeper train | Nachtzug | tren nocturno | comboio noturno | train de nuit
train, railway, rail | Zug, Eisenbahn | tren, ferrocarril | comboio, ferrovia | train, chemin de fer
heat wave, heatwave | Hitzewelle | ola de calor | onda de calor | canicule, vague de chaleur
climate change, global warming | Klimawandel | cambio climático | alterações climáticas, mudança climática | changement climatique, réchauffement climatique
healthcare, health care, medicine, medical, hospital | Medizin, medizinisch, Krankenhaus | medicina, médico, hospital | medicina, médico, hospital | médecine, médical, hôpital
health | Gesundheit | salud | saúde | santé
battery | Batterie, Akku | batería | bateria | batterie
solar power, solar energy | Solarenergie, Sonnenenergie, Photovoltaik | energía solar | energia solar | énergie solaire
wind power, wind energy | Windenergie, Windkraft | energía eólica | energia eólica | énergie éolienne
nuclear power, nuclear energy | Kernenergie, Atomkraft | energía nuclear | energia nuclear | énergie nucléaire
energy | Energie | energía | energia | énergie
hydrogen | Wasserstoff | hidrógeno | hidrogénio | hydrogène
heat pump | Wärmepumpe | bomba de calor | bomba de calor | pompe à chaleur
power grid, electricity grid | Stromnetz | red eléctrica | rede elétrica | réseau électrique
car, automobile | Auto | coche, automóvil | carro, automóvel | voiture, automobile
bicycle, bike, cycling | Fahrrad, Radverkehr | bicicleta, ciclismo | bicicleta, ciclismo | vélo, cyclisme
public transport, public transit | Nahverkehr | transporte público | transporte público | transports en commun
aviation, airline | Luftfahrt | aviación, aerolínea | aviação | aviation
housing | Wohnungsbau, Wohnungen, Wohnraum | vivienda | habitação | logement
rent | Miete | alquiler | renda | loyer
city | Stadt | ciudad | cidade | ville
school | Schule | escuela | escola | école
education | Bildung | educación | educação | éducation
university | Universität, Hochschule | universidad | universidade | université
election | Wahl | elección | eleição | élection
privacy, data protection | Datenschutz | privacidad, protección de datos | privacidade, proteção de dados | vie privée, protection des données
regulation, legislation, regulate | Regulierung, Gesetzgebung | regulación, legislación | regulamentação, legislação | réglementation, législation
lawsuit, sue, legal action | Klage, klagen | demanda | processo, ação judicial | procès, plainte
copyright | Urheberrecht | derechos de autor | direitos de autor | droit d'auteur
security | Sicherheit | seguridad | segurança | sécurité
robot, robotics | Roboter, Robotik | robot, robótica | robô, robótica | robot, robotique
self-driving car, autonomous vehicle, autonomous car, autonomous driving, driverless car, robotaxi | autonomes Fahren | coche autónomo | carro autónomo | voiture autonome
open source | Open Source, quelloffen | código abierto | código aberto | logiciel libre
coral reef | Korallenriff | arrecife de coral | recife de coral | récif corallien
ocean, sea | Ozean, Meer | océano, mar | oceano, mar | océan, mer
biodiversity | Artenvielfalt, Biodiversität | biodiversidad | biodiversidade | biodiversité
forest | Wald | bosque | floresta | forêt
agriculture, farming | Landwirtschaft | agricultura | agricultura | agriculture
water | Wasser | agua | água | eau
food | Lebensmittel, Ernährung | alimentación, alimentos | alimentação, alimentos | alimentation
inflation | Inflation | inflación | inflação | inflation
unemployment | Arbeitslosigkeit | desempleo, paro | desemprego | chômage
migration, immigration | Migration, Einwanderung | migración, inmigración | migração, imigração | migration, immigration
war | Krieg | guerra | guerra | guerre
space exploration, spaceflight | Raumfahrt | exploración espacial | exploração espacial | exploration spatiale
football, soccer | Fußball | fútbol | futebol | football
music | Musik | música | música | musique
film, cinema, movie | Film, Kino | cine, película | cinema, filme | cinéma, film
book, literature | Buch, Literatur | libro, literatura | livro, literatura | livre, littérature
tourism | Tourismus | turismo | turismo | tourisme
vaccine, vaccination | Impfung, Impfstoff | vacuna, vacunación | vacina, vacinação | vaccin, vaccination
cancer | Krebs | cáncer | cancro | cancer
venture capital, venture capitalist | Wagniskapital, Risikokapital | capital riesgo | capital de risco | capital-risque
speech recognition | Spracherkennung | reconocimiento de voz | reconhecimento de voz | reconnaissance vocale
startup | Startup, Gründer | startup, empresa emergente | startup | startup, jeune pousse
Europe, European, EU | Europa, europäisch, EU | Europa, europeo | Europa, europeu | Europe, européen
Germany, German | Deutschland, deutsch | Alemania | Alemanha | Allemagne
"""

Name = tuple[str, ...]
Row = tuple[tuple[str, Name], ...]
"""(language, words) of each name."""


@cache
def _rows() -> dict[tuple[str, Name], Row]:
    """Rows by the language and the stems of each of their names; the first row that has a name keeps it."""
    found: dict[tuple[str, Name], Row] = {}
    for line in _TABLE.strip().splitlines():
        row = tuple(
            (language, tuple(name.split()))
            for language, names in zip(LANGUAGES, line.split("|"), strict=True)
            for name in names.strip().split(", ")
        )
        for language, name in row:
            found.setdefault((language, stems(name, language)), row)
    return found


def stems(words: Name, language: str) -> Name:
    return tuple(stem(fold(word), language) for word in words)


def concept(words: Name, language: str) -> tuple[Row, int, str] | None:
    """The row that the words begin with, how many it takes, and the language: the one they are asked in or else another."""
    for size in range(min(LONGEST, len(words)), 0, -1):
        for spoken in (language, *LANGUAGES):
            row = _rows().get((spoken, stems(words[:size], spoken)))
            if row is not None:
                return row, size, spoken
    return None
