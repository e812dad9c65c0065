"""One wrangler file (TOML, JSON or JSONC) and its environment, as the fields of a worker.

Rules are wrangler's where it has them: lookup order of the file, inheritance, KV identity, module rules, required flag.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from sandbox.clock import SystemClock, iso
from sandbox.config import environments
from sandbox.config.assets import read_assets
from sandbox.config.bindings import NAME, NAME_HINT, read_kv, read_services, read_unsupported
from sandbox.config.models import ModuleRule, WorkerConfig
from sandbox.config.small import read_crons, read_ratelimits, read_version_metadata
from sandbox.config.survey import WRANGLER_FILES
from sandbox.config.tables import Table, shown

FILES = WRANGLER_FILES
_MODULE_TYPES = ("ESModule", "CommonJS", "CompiledWasm", "Text", "Data", "PythonModule", "PythonRequirement")
_DEFAULT_RULES = (
    ModuleRule("Text", ("**/*.txt", "**/*.html", "**/*.sql")),
    ModuleRule("Data", ("**/*.bin",)),
    ModuleRule("CompiledWasm", ("**/*.wasm", "**/*.wasm?module")),
)
_DEPLOYABLE = re.compile(r"[a-z0-9_][a-z0-9_-]*")


def wrangler_file(folder: Path) -> Path | None:
    """The wrangler file that counts in a folder: .json before .jsonc before .toml."""
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def read_worker(document: Table, folder: Path, env: str | None) -> WorkerConfig | None:
    """The worker a parsed wrangler file describes, without its local values and dependencies.

    None when something is wrong that nothing can be served without; the problems are in the document's list.
    """
    table = environments.choose_environment(document, env)
    name, deployed_as = _name(document, folder), table.data.get("name")
    assets = read_assets(table, folder)
    only_assets = "main" not in table.data and table.raw("assets") is not None
    main = folder if only_assets else _main(table, folder)
    kv, services, unsupported = read_kv(table), read_services(table, env), read_unsupported(table)
    variables = _vars(table)
    limits_of_calls, version = read_ratelimits(table), read_version_metadata(table)
    single = [*(b.binding for b in limits_of_calls), version, assets.binding if assets is not None else None]
    names = [
        *single,
        *(b.binding for b in kv),
        *(b.binding for b in services),
        *(b.binding for b in unsupported),
        *variables,
    ]
    for binding, times in Counter(names).items():
        if binding is not None and times > 1:
            table.error(
                "", f'the name "{binding}" is given to {times} bindings or vars', "each needs a name of its own"
            )
    limits, dev, build = table.table("limits"), table.table("dev"), table.table("build")
    if build is not None and build.text("command"):
        build.warning("command", "is not run here: the worker's files are served as they are")
    worker = WorkerConfig(
        name=name or "",
        root=folder,
        config_path=document.file,
        main=main or folder,
        compatibility_date=_compatibility_date(table),
        compatibility_flags=_flags(table, None if only_assets else main),
        vars=variables,
        kv_namespaces=kv,
        services=services,
        assets=assets,
        ratelimits=limits_of_calls,
        version_metadata=version,
        crons=read_crons(table),
        has_main=not only_assets,
        unsupported=unsupported,
        rules=read_rules(table),
        deployed_as=deployed_as if isinstance(deployed_as, str) and deployed_as != name else None,
        dev_port=dev.integer("port", least=0, most=65535) or None if dev is not None else None,
        cpu_ms=limits.integer("cpu_ms", least=1) if limits is not None else None,
        subrequests=limits.integer("subrequests", least=1) if limits is not None else None,
    )
    table.warn_unknown(environments.INHERITED | environments.NOT_INHERITED | environments.TOP_LEVEL)
    return worker if name is not None and main is not None else None


def required_secrets(document: Table, env: str | None) -> tuple[str, ...] | None:
    """`secrets.required` of the environment in force; None where the file has no `secrets`."""
    secrets = document.table("secrets")
    if env is not None and env in document.named_tables("env"):
        secrets = document.named_tables("env")[env].table("secrets")
    return None if secrets is None else secrets.strings("required") or ()


def _name(document: Table, folder: Path) -> str | None:
    """The name at the top level, in every environment: addresses, pipelines and services use it here, while Cloudflare
    deploys an environment as `name-env`."""
    name = document.text("name")
    if name is None:
        if "name" in document.data:
            return None
        name = folder.name
        document.warning("name", f'is missing, so the folder\'s name "{name}" is used', "a deployment needs it")
    if not NAME.fullmatch(name):
        document.error("name", f"{shown(name)} cannot be a worker's name", f"use {NAME_HINT}")
        return None
    if len(name) > 63:
        document.error("name", f"{shown(name)} is longer than the 63 characters of a host name's label")
        return None
    if not _DEPLOYABLE.fullmatch(name):
        document.warning("name", f"{shown(name)} is refused by Cloudflare", "use lower case, not starting with -")
    return name


def _main(table: Table, folder: Path) -> Path | None:
    value = table.text("main")
    if value is None:
        if "main" not in table.data:
            table.error("main", "is missing", 'name the main module, as in main = "src/entry.py"')
        return None
    path = folder / value
    if path.suffix != ".py":
        hint = "a worker in another language takes part by its URL: [workers.NAME] url in sandbox.toml"
        table.error("main", f"{shown(value)} is not a Python file", hint)
        return None
    if not path.is_file():
        table.error("main", f"there is no file {shown(value)} in {folder}")
        return None
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()):
        table.error("main", f"{shown(value)} lies outside the worker's folder (at {real})", "move the file into it")
        return None
    module_root = path.parent
    if module_root.resolve() != folder.resolve() and (module_root / "python_modules").exists():
        text = "The 'python_modules' directory cannot exist in your module root. Delete it to continue."
        table.error("main", text, f"it is {module_root / 'python_modules'}")
    return path


def _compatibility_date(table: Table) -> str:
    today = iso(SystemClock().now())[:10]
    value = table.raw("compatibility_date")
    if value is None:
        hint = f'write compatibility_date = "{today}"'
        table.warning("compatibility_date", "is missing, so today's is used and will move on from day to day", hint)
        return today
    if isinstance(value, date):
        table.error("compatibility_date", "must be text, not a date", f'put it in quotes: "{value.isoformat()[:10]}"')
        return today
    try:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise ValueError(value)
        date.fromisoformat(value)
    except ValueError:
        table.error("compatibility_date", f'must be a date as "{today}", not {shown(value)}')
        return today
    if value > today:
        table.warning("compatibility_date", f"{value} lies in the future, which Cloudflare refuses")
    return value


def _flags(table: Table, main: Path | None) -> tuple[str, ...]:
    flags = table.strings("compatibility_flags")
    wrong = flags is None and "compatibility_flags" in table.data
    if main is not None and not wrong and "python_workers" not in (flags or ()):
        text = "The `python_workers` compatibility flag is required to use Python."
        table.error("compatibility_flags", text, 'write compatibility_flags = ["python_workers"]')
    return flags or ()


def _vars(table: Table) -> Mapping[str, Any]:
    values = table.table("vars")
    if values is None:
        return {}
    for name, value in values.data.items():
        if not environments.plain_json(value):
            values.error(name, f"{shown(value)} is no JSON value", "put it in quotes")
    return dict(values.data)


def read_rules(table: Table) -> tuple[ModuleRule, ...]:
    """The file's rules, then wrangler's defaults. A type is settled by its first rule without `fallthrough`."""
    given = []
    for entry in table.tables("rules"):
        kind = entry.choice("type", _MODULE_TYPES)
        if "type" not in entry.data:
            entry.error("type", "is missing", f"one of {', '.join(_MODULE_TYPES)}")
        if "globs" not in entry.data:
            entry.error("globs", "is missing", 'as in globs = ["**/*.json"]')
        globs, fallthrough = entry.strings("globs"), entry.flag("fallthrough")
        entry.warn_unknown()
        if kind is not None and globs is not None:
            given.append(ModuleRule(kind, globs, fallthrough))
    if not any(rule.type == "PythonModule" for rule in given):
        given.append(ModuleRule("PythonModule", ("**/*.py",)))
    kept, settled = [], set()
    for rule in [*given, *_DEFAULT_RULES]:
        if rule.type not in settled:
            kept.append(rule)
        elif rule in given:
            table.warning(
                "rules",
                f"the rule of type {rule.type} for {', '.join(rule.globs)} has no effect, and a deployment with a file that "
                "matches it is refused",
                f"write fallthrough = true in the rule of type {rule.type} before it",
            )
        if not rule.fallthrough:
            settled.add(rule.type)
    return tuple(kept)
