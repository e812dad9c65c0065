"""A worker folder as `pywrangler deploy` takes it: its own files, `sandbox.handshake` beside its code, no local settings.

Secrets never leave: `.dev.vars` and `.env` files, in whatever spelling, are not copied.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import sandbox
from sandbox.config.documents import read_document
from sandbox.config.models import WorkerConfig
from sandbox.config.problems import Problems
from sandbox.config.wrangler import FILES
from sandbox.errors import Conflict, UserError
from sandbox.portability.files import not_uploaded

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
_LOCAL_KEYS = ("dev",)
_LOCAL_BINDING_KEYS = ("remote", "preview_id", "preview_bucket_name", "preview_database_id")
_WORKER_NAMES = (("services", "service"), ("tail_consumers", "service"))
"""Where the name of another worker stands."""
_REAL_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export` wrote. `placeholders` gives the text that stands for each id that is not known yet, by the id that
    is used here; `secrets` are the names (never the values) that `wrangler secret put` has to set."""

    folder: Path
    files: tuple[str, ...]
    placeholders: Mapping[str, str]
    databases: tuple[str, ...]
    secrets: tuple[str, ...]
    handshake: bool
    notes: tuple[str, ...]


def export(config: WorkerConfig, target: Path, *, force: bool = False) -> Exported:
    """Write the worker into `target`, which must be empty or absent unless `force` is given; then files of the same names
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
    document, placeholders = _wrangler(config)
    for name, source in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    written = {"wrangler.jsonc": _jsonc(document)}
    if "pyproject.toml" not in files:
        written["pyproject.toml"] = _pyproject(config)
    for name, text in written.items():
        (target / name).write_text(text, encoding="utf-8")
    for name in FILES:
        if name not in written:
            (target / name).unlink(missing_ok=True)  # an older one, which wrangler would read before ours
    return Exported(
        folder=target,
        files=tuple(sorted([*files, *written])),
        placeholders=placeholders,
        databases=tuple(str(d.get("database_name") or d.get("binding")) for d in _items(document, "d1_databases")),
        secrets=tuple(sorted(config.secrets)),
        handshake=handshake,
        notes=tuple(_notes(config)),
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


def _wrangler(config: WorkerConfig) -> tuple[dict[str, Any], dict[str, str]]:
    """The wrangler file without what is of this machine, and the placeholders put in for ids."""
    problems = Problems()
    document = read_document(config.config_path, problems)
    if document is None:
        raise UserError(f"{config.config_path} cannot be read")
    document = {key: value for key, value in document.items() if key not in _LOCAL_KEYS}
    _rename(document, config)
    document.setdefault("compatibility_date", config.compatibility_date)
    placeholders: dict[str, str] = {}
    for table in (document, *_tables(document.get("env"))):
        for kind in ("kv_namespaces", "d1_databases", "r2_buckets"):
            if kind in table:
                table[kind] = [_binding(kind, item, placeholders) for item in _items(table, kind)]
    absent = sorted({path.relative_to(config.module_root).as_posix() for path in not_uploaded(config).values()})
    if absent and config.has_main:
        document["rules"] = [*_items(document, "rules"), {"type": "Data", "globs": absent, "fallthrough": True}]
    return document, placeholders


def _rename(document: dict[str, Any], config: WorkerConfig) -> None:
    """Names of workers without underscores, here and where others are bound: `name` becomes part of the workers.dev address,
    and Cloudflare's documentation of wrangler's configuration says not to use them."""
    document["name"] = _deployed(str(document.get("name") or config.name))
    for table in (document, *_tables(document.get("env"))):
        if "name" in table:
            table["name"] = _deployed(str(table["name"]))
        for kind, key in _WORKER_NAMES:
            for item in _items(table, kind):
                if isinstance(item.get(key), str):
                    item[key] = _deployed(item[key])


def _deployed(name: str) -> str:
    """What a worker is called on Cloudflare: lower case, `-` for `_`, as in the host name it answers by here."""
    return name.replace("_", "-").lower()


def _binding(kind: str, item: Mapping[str, Any], placeholders: dict[str, str]) -> dict[str, Any]:
    kept = {key: value for key, value in item.items() if key not in _LOCAL_BINDING_KEYS}
    key = {"kv_namespaces": "id", "d1_databases": "database_id"}.get(kind)
    if key is not None:
        here = str(kept.get(key) or item.get("database_name") or item.get("binding"))
        if not _REAL_ID.fullmatch(here):
            kept[key] = f"<id of {here}>"
            if kind == "kv_namespaces":
                placeholders[here] = kept[key]
    return kept


def _items(table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = table.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _tables(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield from (table for table in value.values() if isinstance(table, dict))


def _jsonc(document: Mapping[str, Any]) -> str:
    # TOML's dates have no JSON form; wrangler wants its own as text.
    return json.dumps(document, indent=4, ensure_ascii=False, default=str) + "\n"


def _pyproject(config: WorkerConfig) -> str:
    dependencies = json.dumps(list(config.dependencies))
    return f'[project]\nname = "{config.host_label}"\nversion = "0.1.0"\ndependencies = {dependencies}\n'


def _notes(config: WorkerConfig) -> Iterator[str]:
    if any(re.match(r"workers[-_.]sandbox\b", text, re.IGNORECASE) for text in config.dependencies):
        yield f"pyproject.toml declares workers-sandbox, which Pyodide has not: take it out, {HANDSHAKE} is beside the code"
    if config.has_main and config.module_root == config.root:
        name = config.main.name
        yield f"{name} lies beside pyproject.toml, so all Python files of the folder are uploaded, those of .venv-workers, which pywrangler makes, too: put the code into src/"
    for name, value in config.vars.items():
        if isinstance(value, str) and re.search(r"//(localhost|127\.0\.0\.1|\[::1\]|[^/]*\.(localhost|test))\b", value):
            yield f"the var {name} is {value}, an address of this machine"
    if config.host_label != config.name:
        yield f"on Cloudflare it is called {config.host_label}, for addresses there should have no underscore"
    for binding in config.services:
        yield f"{binding.binding} is bound to the worker {_deployed(binding.service)}, which has to be deployed before this one"
