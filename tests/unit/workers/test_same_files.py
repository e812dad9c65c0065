"""What several workers need lies in each of them, since folders are deployed alone: the copies must not part."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

WORKERS = Path(__file__).resolve().parents[3] / "workers"
SAYS = "The same file lies in each worker"


def test_copies_are_the_same():
    copies = defaultdict(list)
    for path in WORKERS.glob("*/src/**/*.py"):
        text = path.read_text(encoding="utf-8")
        if SAYS in text:
            copies[path.name].append(text)
    assert {"model.py", "concepts.py", "stock.py", "digests.py", "unlike.py"} <= copies.keys()
    for name, texts in copies.items():
        assert len(texts) > 1, f"{name} says that it lies in several workers, and does not"
        assert len(set(texts)) == 1, f"{name} differs from worker to worker"
