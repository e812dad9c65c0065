"""The general topics an article touches, by word lists over stems. A topic needs two different words, or one in the title."""

from __future__ import annotations

from classifier.words import stem, terms

_LISTS = {
    "artificial intelligence": "ai artificial intelligence neural model models llm llms gpt chatbot transformer inference agent agents embedding embeddings deep learning prompt prompts generative robotics claude gemini",
    "software": "software code coding developer developers programming api library framework python javascript open-source repository bug release version database compiler cloud deploy docker kubernetes maintainer maintainers",
    "data": "data dataset datasets database analytics pipeline pipelines warehouse lakehouse etl ingestion query sql schema orchestration vector",
    "security": "security vulnerability vulnerabilities attack attacks breach malware phishing hacker hackers encryption password cybersecurity exploit ransomware",
    "business": "business company companies market markets startup startups funding investor investors revenue profit acquisition merger customers sales shares ipo customer enterprise",
    "economy": "economy inflation tariff tariffs unemployment trade recession gdp wages wage budget tax taxes bank banks interest currency",
    "politics": "government election elections parliament president minister senate congress policy vote voters party campaign coalition law lawmakers mayor council",
    "law": "court lawsuit judge legal copyright regulation regulator regulators ruling trial antitrust privacy attorney compliance",
    "health": "health hospital patients patient disease medicine medical doctor doctors vaccine clinical cancer drug drugs nurse virus therapy",
    "science": "scientists science researchers research study experiment physics chemistry biology laboratory theory evolution fossil genome species paper papers",
    "climate and environment": "climate warming emissions carbon environment heat drought flood floods coral reef reefs forest forests wildlife biodiversity pollution ocean conservation restoration ecosystem trees",
    "energy": "energy solar wind battery batteries grid electricity power nuclear hydrogen oil gas renewable recycling lithium charging turbine",
    "transport": "rail railway railways locomotive transport traffic bus buses airline aviation flight road roads bicycle bikes cycling metro station sleeper ferry vehicle vehicles car cars",
    "cities and housing": "city cities urban housing rent rents neighbourhood neighborhood architecture street streets planning park parks residents",
    "education": "school schools students student teacher teachers university education course courses learning curriculum campus pupils",
    "culture": "film films music album book books novel theatre museum art artist artists festival concert painting literature entertainment exhibition song songs",
    "sport": "match team teams league football tennis olympic olympics championship player players coach goal season tournament race cup",
    "space": "space rocket satellite satellites orbit moon mars nasa telescope astronaut launch planet galaxy",
    "food and farming": "food farm farmers farmer crop crops harvest restaurant recipe agriculture soil wheat coffee wine kitchen bread",
    "work": "workers worker job jobs hiring union unions strike strikes wages employees employer employers office remote career",
}
TOPICS = {name: frozenset(stem(word) for word in text.split()) for name, text in _LISTS.items()}


def detected_topics(title: str, content: str, language: str) -> list[dict[str, object]]:
    """`[{"topic", "score", "words"}]`, strongest first, at most four. The word lists are English."""
    if language not in ("en", "und"):
        return []
    in_title = set(terms(title))
    body = terms(content)
    seen = set(body) | in_title
    result = []
    for name, vocabulary in TOPICS.items():
        hits = vocabulary & seen
        strong = vocabulary & in_title
        if len(hits) < 2 and not strong:
            continue
        times = sum(term in hits for term in body)
        score = 1 - 0.72 ** (len(hits) + 1.5 * len(strong) + 0.15 * min(times, 12))
        result.append({"topic": name, "score": round(score, 3), "words": sorted(hits)[:8]})
    result.sort(key=lambda row: (-float(str(row["score"])), str(row["topic"])))
    return result[:4]
