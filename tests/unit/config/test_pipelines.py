"""Pipelines: what is refused, and the order the stages come out in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.config.graph import find_cycle, in_order
from sandbox.config.models import ParameterConfig, PipelineConfig, RetryConfig


def toml(stages: list[dict[str, Any]], parameters: str = "") -> str:
    """A pipeline `p`; JSON values but for `{...}` are TOML values too."""

    def value(item: Any) -> str:
        if isinstance(item, dict):
            return "{" + ", ".join(f"{json.dumps(key)} = {value(inner)}" for key, inner in item.items()) + "}"
        return json.dumps(item)

    lines = ["[pipelines.p]", parameters]
    for stage in stages:
        lines += ["[[pipelines.p.stages]]", *(f"{key} = {value(item)}" for key, item in stage.items())]
    return "\n".join(lines)


def stage(name: str, worker: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "worker": worker, **more}


@pytest.fixture
def load(project: Any) -> Any:
    def load(stages: list[dict[str, Any]], parameters: str = "") -> PipelineConfig:
        project.worker("workers/a")
        project.write("sandbox.toml", toml(stages, parameters))
        return project.load().config.pipelines["p"]

    return load


def test_a_stage_with_everything(load: Any) -> None:
    retry = {"max_attempts": 5, "backoff": "fixed", "initial_delay_ms": 200, "max_delay_ms": 5000}
    first, second = load(
        [
            stage("one", "A", parameters={"depth": {"x": 1}}, timeout_ms=120000, retry=retry),
            stage("two", needs=["one"], input={"articles": "one.articles", "all": "one"}),
        ]
    ).stages
    assert (first.worker, first.parameters, first.timeout_ms) == ("a", {"depth": {"x": 1}}, 120000)
    assert first.retry == RetryConfig(5, "fixed", 200, 5000)
    assert (second.needs, second.input) == (("one",), {"articles": "one.articles", "all": "one"})
    assert second.retry == RetryConfig() and second.timeout_ms is None


def test_a_short_cap_lowers_the_first_delay(load: Any) -> None:
    (only,) = load([stage("one", retry={"max_delay_ms": 10})]).stages
    assert (only.retry.initial_delay_ms, only.retry.max_delay_ms) == (10, 10)


def test_what_an_input_names_is_needed(load: Any) -> None:
    stages = load([stage("last", input={"a": "x.a", "b": "y.b"}, needs=["y"]), stage("x"), stage("y")]).stages
    assert [s.name for s in stages] == ["x", "y", "last"]
    assert stages[-1].needs == ("y", "x")


def test_order_is_that_of_the_file_where_needs_allow(load: Any) -> None:
    stages = load([stage("d", needs=["b"]), stage("c"), stage("b"), stage("a", needs=["d"])]).stages
    assert [s.name for s in stages] == ["c", "b", "d", "a"]


def test_parameters(load: Any) -> None:
    text = """
    [pipelines.p.parameters.topic]
    type = "string"
    required = true
    help = "what about"
    [pipelines.p.parameters.limit]
    type = "integer"
    default = 5
    [pipelines.p.parameters.free]
    """
    topic, limit, free = load([stage("one")], text).parameters
    assert topic == ParameterConfig("topic", "string", required=True, help="what about")
    assert limit == ParameterConfig("limit", "integer", default=5, has_default=True)
    assert free == ParameterConfig("free")


@pytest.mark.parametrize(
    ("stages", "key", "part"),
    [
        ([], "stages", "are missing"),
        ([{"worker": "a"}], "stages[0].name", "is missing"),
        ([{"name": "one"}], "stages[0].worker", "is missing"),
        ([stage("a b")], "stages[0].name", "cannot be a stage's name"),
        ([stage("one", "ghost")], "stages[0].worker", 'there is no worker "ghost"'),
        ([stage("one"), stage("one")], "stages[1].name", "the name of another stage"),
        ([stage("one"), stage("two", needs=["on"])], "stages[1].needs[0]", 'there is no stage "on"'),
        ([stage("one", needs="two"), stage("two")], "stages[0].needs", "must be a list"),
        ([stage("one", needs=["one"])], "stages", "one -> one"),
        ([stage("a", needs=["c"]), stage("b", needs=["a"]), stage("c", needs=["b"])], "stages", "a -> c -> b -> a"),
        ([stage("a", input={"x": "b.y"}), stage("b", needs=["a"])], "stages", "a -> b -> a"),
        ([stage("one", input="x")], "stages[0].input", "must be a table"),
        ([stage("one"), stage("two", input={"x": "one..y"})], "stages[1].input.x", "is no path"),
        ([stage("one"), stage("two", input={"x": ".y"})], "stages[1].input.x", "is no path"),
        ([stage("one"), stage("two", input={"x": 1})], "stages[1].input.x", "is no path"),
        ([stage("one"), stage("two", input={"x": "none.y"})], "stages[1].input.x", 'there is no stage "none"'),
        ([stage("one", parameters=[1])], "stages[0].parameters", "must be a table"),
        ([stage("one", timeout_ms=0)], "stages[0].timeout_ms", "at least 1"),
        ([stage("one", retry={"max_attempts": 0})], "stages[0].retry.max_attempts", "from 1 to 100"),
        ([stage("one", retry={"backoff": "linear"})], "stages[0].retry.backoff", "must be one of"),
        ([stage("one", retry={"initial_delay_ms": -1})], "stages[0].retry.initial_delay_ms", "at least 0"),
        (
            [stage("one", retry={"initial_delay_ms": 9, "max_delay_ms": 8})],
            "stages[0].retry.initial_delay_ms",
            "more than max_delay_ms",
        ),
        ([stage("one", when={"field": "x"})], "stages[0].when", "not supported yet"),
        ([stage("one", for_each="x")], "stages[0].for_each", "not supported yet"),
    ],
)
def test_what_is_refused(project: Any, stages: list[dict[str, Any]], key: str, part: str) -> None:
    project.worker("workers/a")
    path = project.write("sandbox.toml", toml(stages))
    (problem,) = project.problems()
    assert (problem.severity, problem.file, problem.key) == ("error", path, f"pipelines.p.{key}")
    assert part in problem.message


def test_a_circle_is_seen_beside_other_problems(project: Any) -> None:
    project.worker("workers/a")
    project.write("sandbox.toml", toml([stage("one", "ghost", needs=["two"]), stage("two", needs=["one"])]))
    assert {problem.key for problem in project.problems()} == {"pipelines.p.stages[0].worker", "pipelines.p.stages"}


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        ("type = 'text'", "type", "must be one of string"),
        ("type = 'integer'\ndefault = 'x'", "default", "must be of type integer"),
        ("type = 'integer'\ndefault = true", "default", "must be of type integer"),
        ("type = 'integer'\ndefault = 1.5", "default", "must be of type integer"),
        ("default = 1", "default", "must be of type string"),
        ("required = 'yes'", "required", "must be true or false"),
    ],
)
def test_parameters_that_are_refused(project: Any, text: str, key: str, part: str) -> None:
    project.worker("workers/a")
    project.write("sandbox.toml", toml([stage("one")], f"[pipelines.p.parameters.x]\n{text}"))
    (problem,) = project.problems()
    assert problem.key == f"pipelines.p.parameters.x.{key}"
    assert part in problem.message


@pytest.mark.parametrize(("kind", "default"), [("number", "1"), ("number", "1.5"), ("array", "[1]"), ("object", "{}")])
def test_defaults_that_fit(load: Any, kind: str, default: str) -> None:
    (parameter,) = load([stage("one")], f"[pipelines.p.parameters.x]\ntype = '{kind}'\ndefault = {default}").parameters
    assert parameter.has_default


@pytest.mark.parametrize(
    ("stages", "parameters", "key", "hint"),
    [
        ([stage("one", neds=[])], "", "stages[0].neds", 'did you mean "needs"?'),
        ([stage("one", retry={"attempts": 1})], "", "stages[0].retry.attempts", 'did you mean "max_attempts"?'),
        ([stage("one")], "descripton = 'x'", "descripton", 'did you mean "description"?'),
        (
            [stage("one")],
            "[pipelines.p.parameters.x]\nrequired = true\ndefault = ''",
            "parameters.x.required",
            "drop one of the two",
        ),
    ],
)
def test_warnings(project: Any, stages: list[dict[str, Any]], parameters: str, key: str, hint: str) -> None:
    project.worker("workers/a")
    project.write("sandbox.toml", toml(stages, parameters))
    (warning,) = project.load().warnings
    assert (warning.key, warning.hint) == (f"pipelines.p.{key}", hint)


NEEDS = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=3))


@given(NEEDS)
def test_either_a_true_cycle_or_a_true_order(needs: dict[str, list[str]]) -> None:
    cycle = find_cycle(needs)
    if cycle is not None:
        assert cycle[0] == cycle[-1] and len(cycle) > 1
        assert all(after in needs[before] for before, after in zip(cycle, cycle[1:], strict=False))
        return
    order = in_order(needs)
    assert sorted(order) == sorted(needs)
    for name, wanted in needs.items():
        assert all(order.index(need) < order.index(name) for need in wanted if need in needs)
