"""How well the Content Classifier ranks 2,005 items of 22 real feeds, against items marked by hand.

python benchmarks/relevance.py [FEEDS]          FEEDS is a folder with xml/*.xml [../shared/feeds]
python benchmarks/relevance.py --list           the first thirty of each topic, with their marks
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import feedparser

ROOT = Path(__file__).resolve().parents[1]
MARKS = ROOT / "tests" / "fixtures" / "relevance" / "real_feeds.json"
DEPTHS = (5, 10, 20, 30)
sys.path.insert(0, str(ROOT / "workers" / "bitware_content_classifier" / "src"))

from classifier.relevance import Ranker, document  # noqa: E402 (the worker's own modules, found by the line above)


@dataclass(frozen=True)
class Item:
    feed: str
    title: str
    text: str


def items(folder: Path) -> list[Item]:
    """Every item of every feed, as the feed gives it."""
    found = []
    for path in sorted(folder.glob("*.xml")):
        feed = feedparser.parse(io.BytesIO(path.read_bytes()), sanitize_html=False, resolve_relative_uris=False)
        found += [Item(path.stem, entry.get("title", "").strip(), entry.get("summary", "")) for entry in feed.entries]
    return found


def ranking(topic: str, found: list[Item]) -> list[Item]:
    """The items, the most relevant first."""
    documents = [document(item.title, item.text, "en") for item in found]
    ranker = Ranker(topic, documents)
    scores = [ranker.rank(one).score for one in documents]
    return [found[at] for at in sorted(range(len(found)), key=lambda at: -scores[at])]


def grade(marked: dict[tuple[str, str], int], item: Item) -> int:
    """2: the item is about the topic, 1: a substantial part of it is, 0: it was not marked."""
    return marked.get((item.feed, item.title), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("feeds", nargs="?", type=Path, default=ROOT.parent / "shared" / "feeds")
    parser.add_argument("--list", action="store_true", help="show what was ranked, with its marks")
    given = parser.parse_args()
    folder = given.feeds / "xml"
    if not folder.is_dir():
        print("skipped: the real feeds (../shared/feeds) are not here; give their folder")
        return
    found = items(folder)
    depths = " | ".join(f"at {depth}" for depth in DEPTHS)
    print(f"| precision, {len(found):,} items | {depths} | marked |\n|---|{'---:|' * (len(DEPTHS) + 1)}")
    listed = []
    for topic, judged in json.loads(MARKS.read_text(encoding="utf-8"))["topics"].items():
        marked = {(mark["feed"], mark["title"]): mark["grade"] for mark in judged["relevant"]}
        first = ranking(topic, found)[: max(DEPTHS)]
        grades = [grade(marked, item) for item in first]
        shares = " | ".join(f"{sum(map(bool, grades[:depth])) / depth:.2f}" for depth in DEPTHS)
        print(f"| {topic} | {shares} | {len(marked)} |")
        listed += [
            f"\n{topic}",
            *(f"  {mark} {item.feed}: {item.title}" for mark, item in zip(grades, first, strict=True)),
        ]
    if given.list:
        print("\n".join(listed))


if __name__ == "__main__":
    main()
