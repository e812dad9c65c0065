"""Precision at 10 over hand-marked topics: word boundaries, negation and other languages among them. None may fall."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
FEEDS = ROOT.parent / "shared" / "feeds" / "xml"
KEPT = {
    "large language model evaluation": 0.9,
    "data pipelines": 1.0,
    "voice and speech AI": 1.0,
    "RAG applications": 1.0,
    "deepfakes": 1.0,
    "mechanistic interpretability": 1.0,
    "jailbreaks and prompt injection": 1.0,
    "dbt": 1.0,
    "AI copyright lawsuits": 0.9,
    "self-driving cars": 0.9,
    "Model Context Protocol": 0.9,
    "reinforcement learning": 1.0,
    "raising venture capital": 0.7,
    "AI chips": 1.0,
    "climate change": 0.9,
    "Lisp": 1.0,
    "embeddings without Pinecone": 0.8,
    "image generation, not video": 1.0,
    "Hitzewellen": 0.33,
    "olas de calor": 0.75,
    "comboios noturnos": 1.0,
}


@pytest.fixture(scope="module")
def marks():
    """The topics and how they are counted, as `benchmarks/relevance.py` has them."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module("relevance_topics")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


@pytest.mark.parametrize("corpus", ["newsroom", "real"])
def test_precision_at_10_does_not_fall(classifier, marks, corpus, capsys):
    if corpus == "real" and not FEEDS.is_dir():
        pytest.skip("the real feeds (../shared/feeds) are not here")
    found = marks.items(FEEDS if corpus == "real" else marks.NEWSROOM)
    articles = [
        classifier.analysis.Article(str(at), one.title, one.text, language=one.language, feed_url=one.feed)
        for at, one in enumerate(found)
    ]
    told = {}
    for topic in (topic for topic in marks.topics() if topic.corpus == corpus):
        batch = classifier.analysis.Batch(topic.name, articles)
        scores = [batch.relevance(at)[0].score for at in range(len(found))]
        ranked = [found[at] for at in sorted(range(len(found)), key=lambda at: -scores[at])]
        told[topic.name] = round(topic.precision(ranked, 10), 2)
    with capsys.disabled():
        print(f"\nprecision at 10, {corpus}: " + ", ".join(f"{name} {value}" for name, value in told.items()))
    assert told and all(value >= KEPT[name] for name, value in told.items()), told
