"""How well the Content Classifier ranks 2,005 items of 22 real feeds, and the sample newsroom, against items marked by hand.

python benchmarks/relevance.py [FEEDS]          FEEDS is a folder with xml/*.xml [../shared/feeds]
python benchmarks/relevance.py --list           the first thirty of each topic, with their marks
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from relevance_topics import NEWSROOM, ROOT, Item, items, topics

DEPTHS = (5, 10, 20, 30)
sys.path.insert(0, str(ROOT / "workers" / "bitware_content_classifier" / "src"))

from classifier.relevance import Ranker, document  # noqa: E402 (the worker's own modules, found by the line above)
from classifier.words import language_of  # noqa: E402


def ranking(topic: str, found: list[Item]) -> list[Item]:
    """The items, the most relevant first."""
    documents = [
        document(item.title, item.text, language_of(f"{item.title}. {item.text}", item.language)) for item in found
    ]
    ranker = Ranker(topic, documents)
    scores = [ranker.rank(one).score for one in documents]
    return [found[at] for at in sorted(range(len(found)), key=lambda at: -scores[at])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("feeds", nargs="?", type=Path, default=ROOT.parent / "shared" / "feeds")
    parser.add_argument("--list", action="store_true", help="show what was ranked, with its marks")
    given = parser.parse_args()
    corpora = {"newsroom": items(NEWSROOM)}
    folder = given.feeds / "xml"
    if folder.is_dir():
        corpora["real"] = items(folder)
    else:
        print("the real feeds (../shared/feeds) are not here; give their folder. Their topics are skipped\n")
    depths = " | ".join(f"at {depth}" for depth in DEPTHS)
    sizes = ", ".join(f"{len(found):,} items {name}" for name, found in sorted(corpora.items()))
    print(f"| precision ({sizes}) | {depths} | marked |\n|---|{'---:|' * (len(DEPTHS) + 1)}")
    listed, at_ten = [], []
    for topic in topics():
        if topic.corpus not in corpora:
            continue
        first = ranking(topic.name, corpora[topic.corpus])[: max(DEPTHS)]
        shares = " | ".join(f"{topic.precision(first, depth):.2f}" for depth in DEPTHS)
        at_ten.append(topic.precision(first, 10))
        print(f"| {topic.name} | {shares} | {len(topic.grades)} |")
        listed += [f"\n{topic.name}", *(f"  {topic.grade(item)} {item.feed}: {item.title}" for item in first)]
    print(f"\nprecision at 10, mean of {len(at_ten)} topics: {sum(at_ten) / len(at_ten):.3f}")
    if given.list:
        print("\n".join(listed))


if __name__ == "__main__":
    main()
