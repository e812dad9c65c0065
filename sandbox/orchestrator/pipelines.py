"""Parameters of a run and the order of its stages: pure functions over the frozen models of sandbox.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.config.models import ParameterConfig, PipelineConfig, StageConfig
from sandbox.errors import UserError

NOTHING: Any = object()
"""No input given to a run (None is an input: JSON null)."""

TYPES: Mapping[str, str] = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}


class BadParameters(UserError):
    """Parameters that do not fit; `problems` lists every one as (path, message)."""

    code = "bad_parameters"

    def __init__(self, pipeline: str, problems: list[tuple[str, str]], known: list[str]) -> None:
        lines = "; ".join(f"{path}: {message}" for path, message in problems)
        takes = ", ".join(known) if known else "none"
        super().__init__(f"parameters of {pipeline}: {lines}", hint=f"{pipeline} takes: {takes}")
        self.problems = problems


def resolve_parameters(pipeline: PipelineConfig, given: Mapping[str, Any]) -> dict[str, Any]:
    """The run's parameters: given, else default. Unknown, missing and mistyped ones raise `BadParameters`, all at once.

    A name that no parameter declares but a stage sets may be given too (it overrides the stage's value, untyped).
    """
    declared = {parameter.name: parameter for parameter in pipeline.parameters}
    loose = {name for stage in pipeline.stages for name in stage.parameters if name not in declared}
    problems: list[tuple[str, str]] = []
    values: dict[str, Any] = {}
    for name, parameter in declared.items():
        if name in given:
            try:
                values[name] = coerce(given[name], parameter.type)
            except ValueError as error:
                problems.append((f"parameters.{name}", str(error)))
        elif parameter.has_default:
            values[name] = parameter.default
        elif parameter.required:
            problems.append((f"parameters.{name}", f"required ({TYPES[parameter.type]})" + _help(parameter)))
    for name, value in given.items():
        if name in declared:
            continue
        if name in loose:
            values[name] = value
        else:
            problems.append((f"parameters.{name}", "unknown"))
    if problems:
        raise BadParameters(pipeline.name, problems, [_describe(p) for p in declared.values()] + sorted(loose))
    return values


def stage_parameters(stage: StageConfig, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What one stage is sent: given > the stage's own > default."""
    return {**resolved, **stage.parameters, **{name: resolved[name] for name in given if name in resolved}}


def coerce(value: Any, kind: str) -> Any:
    """Check `value` against a parameter type; raises ValueError.

    `-p KEY=VALUE` is parsed as JSON first, so a number or boolean given for a string becomes its JSON text again.
    """
    match kind, value:
        case "string", str():
            return value
        case "string", bool() | int() | float():
            return codec.dumps(value).decode()
        case "integer", float() if value.is_integer():
            return int(value)
        case (("integer" | "number"), bool()):
            pass
        case ("integer", int()) | ("number", int() | float()) | ("boolean", bool()):
            return value
        case ("array", list()) | ("object", dict()):
            return value
    raise ValueError(f"expected {TYPES.get(kind, kind)}, got {shown(value)}")


def parse_value(text: str) -> Any:
    """`VALUE` of `-p KEY=VALUE`: JSON where it is JSON, else the text itself."""
    try:
        return codec.loads(text)
    except codec.BadJson:
        return text


def shown(value: Any) -> str:
    text = codec.dumps(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."


def _describe(parameter: ParameterConfig) -> str:
    return f"{parameter.name} ({parameter.type}{', required' if parameter.required else ''})"


def _help(parameter: ParameterConfig) -> str:
    return f": {parameter.help}" if parameter.help else ""


def single_stage(worker: str) -> PipelineConfig:
    """The pipeline behind `run WORKER`: one stage that takes the run's input."""
    return PipelineConfig(worker, (StageConfig(worker, worker),))
