"""What a rerun takes over from the execution it follows. Pure, but for looking references up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.config.models import PipelineConfig, StageConfig
from sandbox.config.problems import choices
from sandbox.errors import Conflict, NotFound
from sandbox.orchestrator.pipelines import stage_parameters
from sandbox.orchestrator.references import Stored


def pinned_outputs(
    execution_id: str,
    pipeline: PipelineConfig,
    old: Mapping[str, Mapping[str, Any]],
    from_stage: str | None,
    reference: Callable[[str], Stored | None],
) -> dict[str, Stored]:
    """The outputs of all stages but `from_stage` and those that follow from it; none without a `from_stage`.

    Raises `NotFound` for a stage that the pipeline does not have, `Conflict` where one has no output to take over.
    """
    if from_stage is None:
        return {}
    names = [stage.name for stage in pipeline.stages]
    if from_stage not in names:
        raise NotFound(f"{pipeline.name} has no stage {from_stage}", hint=choices(from_stage, its_stages=names))
    again = {from_stage}
    pinned: dict[str, Stored] = {}
    for stage in pipeline.stages:  # in the order of their needs
        if stage.name in again or again & set(stage.needs):
            again.add(stage.name)
            continue
        output_ref = old[stage.name]["output_ref"] if stage.name in old else None
        stored = None if output_ref is None else reference(output_ref)
        if stored is None:
            raise Conflict(
                f"stage {stage.name} of {execution_id} gave nothing that could be taken over",
                hint=f"run it again from there: --from {stage.name}",
            )
        pinned[stage.name] = stored
    return pinned


def rerun_parameters(
    stage: StageConfig, old: Mapping[str, Any] | None, resolved: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """A stage's parameters: what is given now > what it had > what the pipeline says today."""
    today = stage_parameters(stage, resolved, given)
    if old is None:
        return today
    had = {name: value for name, value in old["spec"]["parameters"].items() if name in today}
    return {**today, **had, **{name: resolved[name] for name in given if name in resolved}}
