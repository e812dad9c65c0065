"""A worker folder as `pywrangler deploy` takes it: its own files, `sandbox.handshake` beside its code, no local settings.

Secrets never leave: `.dev.vars` and `.env` files, in whatever spelling, are not copied.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from typing import Any

import sandbox
from sandbox.config.models import WorkerConfig
from sandbox.config.wrangler import FILES
from sandbox.errors import Conflict, UserError
from sandbox.portability.deployable import Deployable

HANDSHAKE = "sandbox.handshake"
SECRET = (".dev.vars*", ".env*", ".envrc")
LEFT_BEHIND = (
    *SECRET,
    "__pycache__",
    "*.pyc",
    ".git",
    ".venv*",
    ".wrangler",
    ".vscode",
    ".idea",
    ".*_cache",
    ".DS_Store",
    "node_modules",
    "python_modules",
    "pylock.toml",
    *FILES,
)
"""Not copied: secrets, what tools make again, and the wrangler file, which is written anew."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export` wrote. `name` is what the worker is called on Cloudflare, `env` the environment of its file that it is
    exported for. `placeholders` gives the text that stands for each id that is not known yet, by the id that is used
    here; `namespaces`, `databases` and `buckets` are to be created; `secrets` are the names (never the values) that
    `wrangler secret put` has to set."""

    folder: Path
    name: str
    env: str | None
    files: tuple[str, ...]
    placeholders: Mapping[str, str]
    namespaces: tuple[str, ...]
    databases: tuple[str, ...]
    buckets: tuple[str, ...]
    secrets: tuple[str, ...]
    handshake: bool
    notes: tuple[str, ...]


def export(
    config: WorkerConfig,
    target: Path,
    *,
    workers: Iterable[WorkerConfig],
    env: str | None = None,
    force: bool = False,
) -> Exported:
    """Write the worker, to be deployed in the environment `env` among `workers`, into `target`, which must be empty or absent unless `force` is given; then files of the same names
    and any wrangler file there are replaced, and others stay.

    Raises Conflict where something is there already, and UserError for what cannot be exported: a link that leads out
    of the folder, an import of this package beyond `sandbox.handshake`, a wrangler file that cannot be read.
    """
    root = config.root.resolve()
    if target.resolve().is_relative_to(root) or root.is_relative_to(target.resolve()):
        raise UserError(f"{target} and the worker's folder lie inside each other", hint="export to a folder elsewhere")
    if target.exists() and not target.is_dir():
        raise Conflict(f"{target} is a file", hint="name a folder")
    if target.is_dir() and any(target.iterdir()) and not force:
        raise Conflict(f"{target} is not empty", hint="name another folder, or overwrite with --force")
    files = dict(_own_files(config.root, root))
    handshake = _uses_handshake(config, files)
    module_root = config.module_root.relative_to(config.root)
    if handshake:
        if any(name.startswith((module_root / "sandbox").as_posix() + "/") for name in files):
            raise UserError(
                f"{config.module_root / 'sandbox'} stands where {HANDSHAKE} has to go", hint="rename that package"
            )
        files.update(_handshake_files(module_root))
    deployable = Deployable(config, env, workers)

    def place(folder: Path) -> str:
        name = next(n for n in _names(folder.name) if n not in taken)
        taken.add(name)
        files.update((f"{name}/{inner}", path) for inner, path in _own_files(folder, folder))
        return f"./{name}"

    taken = {name.partition("/")[0] for name in files}
    for folder in deployable.move_assets(root, place):
        (target / folder.relative_to(root)).mkdir(parents=True, exist_ok=True)  # wrangler wants it, empty or not
    for name, source in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    written = {"wrangler.jsonc": _jsonc(deployable.document)}
    if "pyproject.toml" not in files:
        written["pyproject.toml"] = _pyproject(config)
    for name, text in written.items():
        (target / name).write_text(text, encoding="utf-8")
    for name in FILES:
        if name not in written:
            (target / name).unlink(missing_ok=True)  # an older one, which wrangler would read before ours
    return Exported(
        folder=target,
        name=deployable.name,
        env=deployable.env,
        files=tuple(sorted([*files, *written])),
        placeholders=deployable.placeholders,
        namespaces=deployable.namespaces,
        databases=deployable.databases,
        buckets=deployable.buckets,
        secrets=tuple(sorted(config.secrets)),
        handshake=handshake,
        notes=tuple(_notes(config, deployable)),
    )


def _own_files(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if any(fnmatchcase(path.name.lower(), pattern.lower()) for pattern in LEFT_BEHIND):
            continue
        if not path.resolve().is_relative_to(root):
            raise UserError(f"{path} leads out of the worker's folder", hint="put the file itself there")
        if path.is_symlink() and path.is_dir():
            raise UserError(f"{path} is a link to a folder", hint="put the folder itself there")
        if path.is_dir():
            yield from ((f"{path.name}/{name}", source) for name, source in _own_files(path, root))
        elif path.is_file():
            # A link within the folder may be a secret file under another name.
            if any(fnmatchcase(path.resolve().name.lower(), pattern) for pattern in SECRET):
                continue
            yield path.name, path


def _uses_handshake(config: WorkerConfig, files: Mapping[str, Path]) -> bool:
    """Whether the uploaded code imports the package. Raises UserError where it imports more of `sandbox` than that."""
    module_root, found = config.module_root.relative_to(config.root).as_posix(), False
    for name, path in files.items():
        if not name.endswith(".py") or not (module_root == "." or name.startswith(f"{module_root}/")):
            continue
        for module, line in _imports(path):
            if module == HANDSHAKE or module.startswith(f"{HANDSHAKE}."):
                found = True
            elif module == "sandbox" or module.startswith("sandbox."):
                raise UserError(
                    f"{name}:{line} imports {module}, which is not there on Cloudflare",
                    hint=f"of this package only {HANDSHAKE} ships beside a worker",
                )
    return found


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path} cannot be read as Python: {error}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            module = node.module or ""
            names = [alias.name for alias in node.names]
            # `from sandbox import handshake` names the package as its second word.
            yield from ((f"{module}.{n}" if module == "sandbox" else module, node.lineno) for n in names)


def _handshake_files(module_root: Path) -> Iterator[tuple[str, Path]]:
    """The package under its own name: its modules, and the `__init__` above it, which holds the version alone."""
    package = Path(sandbox.__file__).parent
    yield (module_root / "sandbox" / "__init__.py").as_posix(), package / "__init__.py"
    for path in sorted((package / "handshake").glob("*.py")):
        yield (module_root / "sandbox" / "handshake" / path.name).as_posix(), path


def _names(wanted: str) -> Iterator[str]:
    yield wanted
    yield from (f"{wanted}-{number}" for number in count(2))


def _jsonc(document: Mapping[str, Any]) -> str:
    # TOML's dates have no JSON form; wrangler wants its own as text.
    return json.dumps(document, indent=4, ensure_ascii=False, default=str) + "\n"


def _pyproject(config: WorkerConfig) -> str:
    dependencies = json.dumps(list(config.dependencies))
    return f'[project]\nname = "{config.host_label}"\nversion = "0.1.0"\ndependencies = {dependencies}\n'


def _notes(config: WorkerConfig, deployable: Deployable) -> Iterator[str]:
    if any(re.match(r"workers[-_.]sandbox\b", text, re.IGNORECASE) for text in config.dependencies):
        yield f"pyproject.toml declares workers-sandbox, which Pyodide has not: take it out, {HANDSHAKE} is beside the code"
    if config.has_main and config.module_root == config.root:
        name = config.main.name
        yield f"{name} lies beside pyproject.toml, so all Python files of the folder are uploaded, those of .venv-workers, which pywrangler makes, too: put the code into src/"
    for name, value in config.vars.items():
        if isinstance(value, str) and re.search(r"//(localhost|127\.0\.0\.1|\[::1\]|[^/]*\.(localhost|test))\b", value):
            yield f"the var {name} is {value}, an address of this machine"
    if deployable.name != config.name:
        why = ", for addresses there should have no underscore" if "_" in config.name else ""
        yield f"on Cloudflare it is called {deployable.name}{why}"
    for binding, service in deployable.services():
        yield f"{binding} is bound to the worker {service}, which has to be deployed before this one"
