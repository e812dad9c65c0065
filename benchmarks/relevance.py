"""How well the Content Classifier ranks 2,005 items of 22 real feeds, and the sample newsroom, against items marked by hand,
and what of them the Report Builder puts into a report.

python benchmarks/relevance.py [FEEDS]          FEEDS is a folder with xml/*.xml [../shared/feeds]
python benchmarks/relevance.py --list           the first thirty of each topic, with their marks

"By search" is what a person finds who types the topic into the search box of a feed reader: the items that have all its
words, whole and in any order, those with them in the title first.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from relevance_topics import NEWSROOM, ROOT, Item, items, topics

DEPTHS = (5, 10, 20, 30)
for _worker in ("bitware_content_classifier", "bitware_report_builder"):
    sys.path.insert(0, str(ROOT / "workers" / _worker / "src"))

from classifier.analysis import Article, Batch  # noqa: E402 (the workers' own modules, found by the lines above)
from report.items import Analysis, choose  # noqa: E402
from report.items import Article as Listed  # noqa: E402


def ranking(topic: str, found: list[Item]) -> tuple[list[Item], list[Item]]:
    """(the items, the most relevant first, and those that a report is made of)."""
    rows = [
        {"article_url": str(at), "title": item.title, "content": item.text, "language": item.language}
        for at, item in enumerate(found)
    ]
    articles = [Article(**row, feed_url=item.feed) for row, item in zip(rows, found, strict=True)]
    batch = Batch(topic, articles)
    made = [batch.analyse(at) for at in range(len(found))]
    ranked = sorted(range(len(found)), key=lambda at: -made[at]["relevance_score"])
    analyses = [
        Analysis(str(at), one["relevance_score"], explanation=one["explanation"]) for at, one in enumerate(made)
    ]
    chosen = choose([Listed(row["article_url"], row["title"]) for row in rows], analyses)[0]
    return [found[at] for at in ranked], [found[int(one.article.article_url)] for one in chosen]


def by_search(topic: str, found: list[Item]) -> list[Item]:
    wanted, *_ = re.split(r",? (?:not|without) ", topic)

    def has_all(text: str) -> bool:
        return set(_words(wanted)) <= set(_words(text))

    hits = [item for item in found if has_all(f"{item.title} {item.text}")]
    return sorted(hits, key=lambda item: not has_all(item.title))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"<[^>]*>", " ", text).lower())


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
    print(
        f"| precision ({sizes}) | {depths} | marked | report | its precision | its recall | by search | precision at 10 | recall |"
    )
    print(f"|---|{'---:|' * (len(DEPTHS) + 7)}")
    listed, at_ten, reports, searches = [], [], [], []
    for topic in topics():
        if topic.corpus not in corpora:
            continue
        ranked, chosen = ranking(topic.name, corpora[topic.corpus])
        first = ranked[: max(DEPTHS)]
        shares = " | ".join(f"{topic.precision(first, depth):.2f}" for depth in DEPTHS)
        at_ten.append(topic.precision(first, 10))
        searched = by_search(topic.name, corpora[topic.corpus])
        hits, found, marked = (
            sum(bool(topic.grade(item)) for item in part) for part in (chosen, searched, corpora[topic.corpus])
        )
        reports.append((hits / len(chosen) if chosen else 0.0, hits / marked))
        searches.append((topic.precision(searched, 10), found / marked))
        report = f"{len(chosen)} | {reports[-1][0]:.2f} | {reports[-1][1]:.2f}"
        search = f"{len(searched)} | {searches[-1][0]:.2f} | {searches[-1][1]:.2f}"
        print(f"| {topic.name} | {shares} | {len(topic.grades)} | {report} | {search} |")
        listed += [f"\n{topic.name}", *(f"  {topic.grade(item)} {item.feed}: {item.title}" for item in first)]
    count = len(at_ten)
    precision, recall = (sum(column) / count for column in zip(*reports, strict=True))
    searched_precision, searched_recall = (sum(column) / count for column in zip(*searches, strict=True))
    print(f"\nmean of {count} topics: precision at 10 {sum(at_ten) / count:.3f}; of the articles in a report ", end="")
    print(f"{precision:.3f} are marked, of the marked ones {recall:.3f} are in it")
    print(f"by search: precision at 10 {searched_precision:.3f}, recall {searched_recall:.3f}")
    if given.list:
        print("\n".join(listed))


if __name__ == "__main__":
    main()
