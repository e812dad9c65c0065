"""What only shows when all files are known: names that mean each other, and ports that meet."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from sandbox.config import wrangler
from sandbox.config.documents import read_document
from sandbox.config.models import WorkerConfig, WorkerSettings, fold
from sandbox.config.names import WorkerNames
from sandbox.config.problems import Problems
from sandbox.config.tables import Table, shown


def names_in(folder: Path) -> list[str]:
    """What a worker whose files have errors is most likely called: the name in its wrangler file, and its folder's."""
    path = wrangler.wrangler_file(folder)
    data = read_document(path, Problems()) if path is not None else None
    name = data.get("name") if data is not None else None
    return [name, folder.name] if isinstance(name, str) else [folder.name]


def is_for_us(folder: Path, problems: Problems) -> bool:
    """Whether a folder that was found by its wrangler file alone holds a worker that can run here: a Python one, or one
    of assets alone. The others are named in a warning; files that cannot be read are ours to complain about."""
    path = wrangler.wrangler_file(folder)
    data = read_document(path, Problems()) if path is not None else None
    if path is None or data is None:
        return True
    main = data.get("main")
    if main is None and "assets" not in data:
        problems.warning(path, "main", "is missing, so this folder is left out")
        return False
    if isinstance(main, str) and not main.endswith(".py"):
        hint = "a worker in another language takes part by its URL: [workers.NAME] url in sandbox.toml"
        problems.warning(path, "main", f"{shown(main)} is not a Python file, so this worker is left out", hint)
        return False
    return True


def canonical_settings(
    settings: Mapping[str, WorkerSettings], names: WorkerNames, document: Table
) -> dict[str, WorkerSettings]:
    """The `[workers.NAME]` tables by canonical name; one that means no worker is a warning, two for one an error."""
    found: dict[str, WorkerSettings] = {}
    for name, setting in settings.items():
        canonical = names.canonical(name)
        if canonical is None:
            document.warning(f"workers.{name}", f"there is no worker {shown(name)}", names.hint(name))
        elif canonical in found:
            document.error(f"workers.{name}", f'is a second table for the worker "{canonical}"', "join the two")
        else:
            found[canonical] = dataclasses.replace(setting, name=canonical)
    return found


def check_services(
    workers: Mapping[str, WorkerConfig], names: WorkerNames, problems: Problems
) -> dict[str, WorkerConfig]:
    """A service binding to a worker that is not here: the binding fails on first use, so this is a warning.

    Returns the workers, with services called by the names they have here: a binding of an environment may name a worker
    as that worker's own block for the environment does.
    """
    deployed = {fold(worker.deployed_as): name for name, worker in workers.items() if worker.deployed_as is not None}
    named = {}
    for name, worker in workers.items():
        services = tuple(
            service
            if names.canonical(service.service) is not None or fold(service.service) not in deployed
            else dataclasses.replace(service, service=deployed[fold(service.service)])
            for service in worker.services
        )
        named[name] = worker if services == worker.services else dataclasses.replace(worker, services=services)
    for worker in named.values():
        for index, service in enumerate(worker.services):
            if names.canonical(service.service) is None:
                key = f"services[{index}].service"
                message = f"there is no worker {shown(service.service)}, so env.{service.binding} fails when used"
                problems.warning(worker.config_path, key, message, names.hint(service.service))
    return named


def check_ports(
    port: int, workers: Mapping[str, WorkerConfig], settings: Mapping[str, WorkerSettings], document: Table
) -> dict[str, WorkerConfig]:
    """Each port once: two in sandbox.toml that meet are an error; a wrangler file's `dev.port` gives way (warning).

    Returns the workers with a `dev_port` only where it is free. Port 0 (any free one) meets nothing.
    """
    taken = {port: "the sandbox itself"} if port else {}
    for name, setting in settings.items():
        if setting.port is None:
            continue
        if setting.port in taken:
            document.error(f"workers.{name}.port", f"{setting.port} is taken by {taken[setting.port]}", "use another")
        taken[setting.port] = name
    checked = {}
    for name, worker in workers.items():
        checked[name] = worker
        wish = worker.dev_port
        if wish is None or (name in settings and settings[name].port is not None):
            continue
        if wish in taken:
            message = f"{wish} is taken by {taken[wish]}, so {name} gets no port of its own"
            document.problems.warning(worker.config_path, "dev.port", message)
            checked[name] = dataclasses.replace(worker, dev_port=None)
        else:
            taken[wish] = name
    return checked
