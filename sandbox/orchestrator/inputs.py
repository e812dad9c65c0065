"""What a stage is given: the run's input, one stage's output, several by name, or picked fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.config.models import StageConfig
from sandbox.errors import UserError


class BadInput(UserError):
    """A stage's `input` names something that the output of an earlier stage does not have."""

    code = "bad_stage_input"


@dataclass(frozen=True, slots=True)
class FromRun:
    """The stage takes the run's own input."""


@dataclass(frozen=True, slots=True)
class FromStage:
    """The stage takes the output of `stage` as it lies, under the same reference."""

    stage: str


@dataclass(frozen=True, slots=True)
class Built:
    """The stage takes an object built of the outputs of `stages`."""

    stages: tuple[str, ...]


def plan(stage: StageConfig) -> FromRun | FromStage | Built:
    """Where the stage's input comes from (PROTOCOL, "a stage's input")."""
    if stage.input is not None:
        return Built(tuple(dict.fromkeys(path.split(".", 1)[0] for path in stage.input.values())))
    if not stage.needs:
        return FromRun()
    return FromStage(stage.needs[0]) if len(stage.needs) == 1 else Built(stage.needs)


def build(stage: StageConfig, outputs: Mapping[str, bytes]) -> bytes:
    """The built object as JSON; `outputs` holds the bytes of every stage that `plan` named."""
    if stage.input is None:
        # put together from the bytes as they lie: no megabytes parsed to be written again
        parts = [codec.dumps(name) + b":" + _checked(stage, name, outputs[name]) for name in stage.needs]
        return b"{" + b",".join(parts) + b"}"
    parsed = {name: codec.loads(body, f"the output of {name}") for name, body in outputs.items()}
    return codec.dumps({field: pick(stage, field, path, parsed) for field, path in stage.input.items()})


def pick(stage: StageConfig, field: str, path: str, outputs: Mapping[str, Any]) -> Any:
    """The value at `stage.field.field`; a list is entered by a number. Raises `BadInput` saying how far it got."""
    source, *steps = path.split(".")
    where = f"stages.{stage.name}.input.{field}"
    if source not in outputs:
        raise BadInput(f"{where} = {path!r}: there is no output of a stage {source!r}", hint=_choices(outputs))
    value, trail = outputs[source], source
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise BadInput(f"{where} = {path!r}: {trail} has no {step!r}", hint=_choices(value))
        trail = f"{trail}.{step}"
    return value


def _choices(value: Any) -> str:
    if isinstance(value, Mapping):
        return "it has: " + (", ".join(sorted(map(str, value))[:20]) or "nothing")
    return f"it is a list of {len(value)}" if isinstance(value, list) else "it is neither an object nor a list"


def _checked(stage: StageConfig, name: str, body: bytes) -> bytes:
    if not codec.is_json(body):
        raise BadInput(
            f"stage {stage.name} needs several outputs in one object, and that of {name} is not JSON",
            hint="need it alone, or let its worker return JSON",
        )
    return body
