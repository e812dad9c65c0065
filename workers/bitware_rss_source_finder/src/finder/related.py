"""Nearby topics for words that no feed uses of itself."""

from __future__ import annotations

from finder.words import root, words

_TABLE = """
train rail railway railroad tram metro subway bus ferry transit commuter zug bahn tren : transport, travel, cities
night sleeper : travel
car automobile vehicle ev tesla auto : cars, energy
plane airline aviation airport flight drone : travel, technology
bike bicycle cycling : sports, travel, cities
battery lithium solar wind grid hydrogen nuclear reactor electricity power heating : energy, environment, climate
recycling waste plastic pollution compost circular : environment, climate
climate warming carbon emission heat heatwave drought flood storm hurricane wildfire weather glacier klima clima : climate, environment, science
reef coral ocean sea marine fish whale coast biodiversity wildlife bird forest species ecology conservation meer : environment, science
tree garden plant farming agriculture soil crop : environment, food
city urban town housing building infrastructure stadt ville ciudad : cities, architecture
planet moon mars rocket satellite telescope galaxy star nasa astronomy cosmos : space, science
physics chemistry biology maths mathematics quantum genome gene crispr dna evolution fossil wissenschaft ciencia : science
vaccine virus pandemic covid hospital doctor patient disease cancer drug medicine therapy diet nutrition gesundheit salud sante : health, science
brain mind memory mental sleep anxiety therapy : psychology, neuroscience, health
robot robotics llm gpt chatbot transformer neural ml ai deep : artificial intelligence, machine learning, technology
programmer developer coding code compiler rust golang java javascript typescript python kotlin ruby linux kernel git maintainer maintenance : programming, open source
database sql postgres kubernetes docker cloud server devops scaling api : engineering, programming
hacker malware ransomware breach phishing password encryption vulnerability exploit spyware botnet : security
phone smartphone laptop gadget chip semiconductor processor computer : technology, gadgets
privacy surveillance tracking data : security, technology
bitcoin crypto blockchain ethereum token : cryptocurrency, finance
stock market inflation bank investing investor tax pension debt currency wirtschaft economia : finance, business, economy
founder venture funding entrepreneur unicorn : startups, business
job hiring career salary management leader : business, startups
election parliament president minister vote democracy government policy law court regulation politik politica : politics, news
war ukraine conflict refugee diplomacy sanction treaty : world, politics, news
police crime strike protest school university education : news
recipe cooking baking bread wine restaurant vegan vegetarian cheese chocolate coffee kuche cocina : food
film cinema movie actor series streaming tv : movies, television
song album concert band opera jazz guitar musik musica : music
novel book author poetry library reading literature : books
painting museum gallery photo photography design art typography : design, art
game console nintendo playstation xbox esports : gaming
football soccer tennis cricket basketball olympics athlete rugby golf formula : sports
hotel holiday hiking tourism backpacking beach island reise viaje voyage : travel
fashion dress makeup skincare clothing shoe : fashion, beauty
sofa kitchen interior furniture renovation diy craft : interior design, diy
ancient medieval roman empire archaeology museum century geschichte historia : history
"""


def _read() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for row in _TABLE.strip().splitlines():
        said, _, labels = row.partition(" : ")
        for word in said.split():
            table.setdefault(root(word), tuple(label.strip() for label in labels.split(",")))
    return table


NEARBY = _read()


def nearby(word: str) -> tuple[str, ...]:
    """Topic labels near a folded word, the nearest first; empty for a word of which the table knows nothing."""
    return NEARBY.get(word, ())


def says(label: str, topics: tuple[str, ...]) -> bool:
    """Whether one of a feed's topics is this label."""
    return any(words(topic) == words(label) for topic in topics)
