"""`[pipelines.NAME]` of sandbox.toml: parameters, stages, and the graph they make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sandbox.config.bindings import NAME, NAME_HINT
from sandbox.config.graph import find_cycle, in_order
from sandbox.config.models import ParameterConfig, PipelineConfig, RetryConfig, StageConfig
from sandbox.config.names import WorkerNames
from sandbox.config.problems import nearest
from sandbox.config.tables import Table, shown

PARAMETER_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_INPUT_PATH = re.compile(r"[A-Za-z0-9_-]+(\.[^.\s]+)*")


def read_pipelines(document: Table, workers: WorkerNames) -> dict[str, PipelineConfig]:
    """All pipelines that hold together; what is wrong with the others is in the document's problems."""
    pipelines = {}
    for name, table in document.named_tables("pipelines").items():
        if not NAME.fullmatch(name):
            document.error(f"pipelines.{name}", "cannot be a pipeline's name", f"use {NAME_HINT}")
        description = table.text("description") or ""
        parameters = tuple(_parameter(key, entry) for key, entry in table.named_tables("parameters").items())
        stages = _stages(table, workers)
        table.warn_unknown()
        if stages:
            pipelines[name] = PipelineConfig(name, stages, description, parameters)
    return pipelines


def matches_type(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a parameter type. A boolean is no number; `2.0` is a number and no integer."""
    return isinstance(value, PARAMETER_TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _parameter(name: str, table: Table) -> ParameterConfig:
    if not NAME.fullmatch(name):
        table.error("", "cannot be a parameter's name", f"use {NAME_HINT}")
    kind = table.choice("type", tuple(PARAMETER_TYPES)) or "string"
    has_default, default = "default" in table, table.raw("default")
    if has_default and not matches_type(default, kind):
        table.error("default", f"must be of type {kind}, not {shown(default)}")
    required = table.flag("required")
    if required and has_default:
        table.warning("required", "has no effect beside a default", "drop one of the two")
    text = table.text("help") or ""
    table.warn_unknown()
    return ParameterConfig(name, kind, default, has_default, required, text)


def _stages(pipeline: Table, workers: WorkerNames) -> tuple[StageConfig, ...]:
    tables = pipeline.tables("stages")
    if not tables:
        if "stages" not in pipeline.data or pipeline.data["stages"] == []:
            pipeline.error("stages", "are missing", f"add [[{pipeline.key('stages')}]] with name and worker")
        return ()
    names = [table.data.get("name") for table in tables]
    stages = []
    for index, table in enumerate(tables):
        stage = _stage(table, workers, names)
        if stage is not None and stage.name in names[:index]:
            table.error("name", f'"{stage.name}" is the name of another stage too', "give each stage its own name")
        elif stage is not None:
            stages.append(stage)
    needs = {stage.name: stage.needs for stage in stages}
    cycle = find_cycle(needs)
    if cycle is not None:
        pipeline.error("stages", f"need each other in a circle: {' -> '.join(cycle)}", "take one `needs` out")
        return ()
    by_name = {stage.name: stage for stage in stages}
    return tuple(by_name[name] for name in in_order(needs))


def _stage(table: Table, workers: WorkerNames, names: Sequence[Any]) -> StageConfig | None:
    name = table.text("name", required=True)
    if name is not None and not NAME.fullmatch(name):
        table.error("name", f"{shown(name)} cannot be a stage's name", f"use {NAME_HINT}")
    worker = table.text("worker", required=True)
    canonical = None if worker is None else workers.canonical(worker)
    if worker is not None and canonical is None:
        table.error("worker", f"there is no worker {shown(worker)}", workers.hint(worker))
    given, parameters = _input(table, names), table.table("parameters")
    needs = list(_needs(table, names))
    for path in (given or {}).values():
        source = path.partition(".")[0]
        if source not in needs:
            needs.append(source)
    retry, timeout_ms = _retry(table.table("retry")), table.integer("timeout_ms", least=1)
    for later in ("when", "for_each", "join"):
        if later in table:
            table.error(later, "is not supported yet, and leaving it out would run something else")
    table.warn_unknown()
    if name is None:
        return None
    values = dict(parameters.data) if parameters is not None else {}
    # a stage with problems still takes part in the search for circles
    return StageConfig(name, canonical or "", tuple(needs), given, values, retry, timeout_ms)


def _needs(table: Table, names: Sequence[Any]) -> list[str]:
    known = []
    for index, need in enumerate(table.strings("needs") or ()):
        key = f"needs[{index}]"
        if need not in names:
            table.error(key, f"there is no stage {shown(need)} in this pipeline", nearest(need, _texts(names)))
        elif need in known:
            table.warning(key, f"names {shown(need)} a second time")
        else:
            known.append(need)
    return known


def _input(table: Table, names: Sequence[Any]) -> Mapping[str, str] | None:
    """`{field = "stage.path"}`; a stage alone stands for its whole output. Each stage named is also needed."""
    fields = table.table("input")
    if fields is None:
        return None
    good = {}
    for field, path in fields.data.items():
        if not isinstance(path, str) or not _INPUT_PATH.fullmatch(path):
            fields.error(field, f"{shown(path)} is no path", 'write a stage and a field, as in "fetch.articles"')
        elif path.partition(".")[0] not in names:
            stage = path.partition(".")[0]
            fields.error(field, f"there is no stage {shown(stage)} in this pipeline", nearest(stage, _texts(names)))
        else:
            good[field] = path
    return good


def _texts(names: Sequence[Any]) -> list[str]:
    return [name for name in names if isinstance(name, str)]


def _retry(table: Table | None) -> RetryConfig:
    usual = RetryConfig()
    if table is None:
        return usual
    attempts = table.integer("max_attempts", least=1, most=100)
    backoff = table.choice("backoff", ("exponential", "fixed"))
    initial = table.integer("initial_delay_ms", least=0)
    most = table.integer("max_delay_ms", least=0)
    table.warn_unknown()
    first = usual.initial_delay_ms if initial is None else initial
    cap = max(first, usual.max_delay_ms) if most is None else most
    if initial is not None and most is not None and initial > most:
        table.error("initial_delay_ms", f"{initial} is more than max_delay_ms = {most}")
    elif initial is None:
        first = min(first, cap)
    return RetryConfig(attempts or usual.max_attempts, cast(Any, backoff) or usual.backoff, first, cap)
