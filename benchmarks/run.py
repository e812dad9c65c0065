"""Measure the sandbox, and beside it wrangler and Miniflare, in one run; print a markdown table.

python benchmarks/run.py                                   the sandbox alone
python benchmarks/run.py --peers FOLDER                    with the peers' scripts in FOLDER
python benchmarks/run.py --only startup,memory --rounds 3 --json figures.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import event_log
import kv_hops
import memory
import peers
import reload
import startup
import throughput
from figures import Figure, as_json, machine, machine_line, table

# Each part with the rounds it takes where none are asked for.
PARTS = {
    "startup": (startup.measure, 7),
    "throughput": (throughput.measure, 3),
    "kv_hops": (kv_hops.measure, 5),
    "reload": (reload.measure, 10),
    "event_log": (event_log.measure, 10),
    "memory": (memory.measure, 2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="FOLDER", help="the peers' scripts [$SANDBOX_BENCH_PEERS]")
    parser.add_argument("--only", metavar="PART,...", help=f"of {', '.join(PARTS)} [all]")
    parser.add_argument("--rounds", type=int, help="for every part, instead of its own number")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single value there as well")
    given = parser.parse_args()
    chosen = given.only.split(",") if given.only else list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        parser.error(f"--only: there is no {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds: at least 1")
    rivals = peers.find(given.peers)
    facts = machine()
    figures: list[Figure] = []
    for name in chosen:
        measure, rounds = PARTS[name]
        began = time.perf_counter()
        figures += measure(rivals, given.rounds or rounds)
        print(f"  {name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    print(table(figures))
    print(f"\n{machine_line(facts)}")
    if given.json is not None:
        given.json.write_text(json.dumps(as_json(figures, facts), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
