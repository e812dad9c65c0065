"""Whether the binding that a fault names is one: of the worker it names, else of any."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from sandbox.config.models import FaultConfig, WorkerConfig, fold
from sandbox.config.problems import choices


def unknown_binding(fault: FaultConfig, workers: Mapping[str, WorkerConfig]) -> tuple[str, str] | None:
    """What is wrong with `fault.binding` and a hint; None where nothing is. `workers` are all that are hosted."""
    if fault.binding is None:
        return None
    meant = [w for w in workers.values() if fault.worker is None or fnmatchcase(fold(w.name), fold(fault.worker))]
    on_kv, on_services = any(point.startswith("kv.") for point in fault.points), "service" in fault.points
    there = {
        "KV": {kv.binding for w in meant for kv in w.kv_namespaces if on_kv},
        "namespaces": {kv.id for w in meant for kv in w.kv_namespaces if on_kv},
        "services": {service.binding for w in meant for service in w.services if on_services},
    }
    if any(fault.binding in names for names in there.values()):
        return None
    kind = "binding" if on_kv and on_services else "KV binding" if on_kv else "service binding"
    whose = "no worker has a" if fault.worker is None else f"{fault.worker} has no"
    known = {what: names for what, names in there.items() if names}
    return f'{whose} {kind} "{fault.binding}"', choices(fault.binding, **known) if known else "there are none"
