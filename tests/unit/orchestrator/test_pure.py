"""The orchestrator's pure parts, by table and by property: retry, answers, references, parameters, inputs, progress."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.config.models import ParameterConfig, PipelineConfig, RetryConfig, StageConfig
from sandbox.orchestrator import codec, inputs
from sandbox.orchestrator.answers import (
    Answer,
    Busy,
    Failure,
    Ready,
    Returned,
    read_acknowledge,
    read_handshake,
    read_process,
    read_progress,
    retry_after,
)
from sandbox.orchestrator.pipelines import BadParameters, coerce, parse_value, resolve_parameters, stage_parameters
from sandbox.orchestrator.progress import Progress
from sandbox.orchestrator.references import INLINE_BELOW, ReferenceError, Stored, mint, read_reference
from sandbox.orchestrator.retry import Again, GiveUp, decide, delay_before

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class TestRetry:
    known = Failure("http_500", "no", retryable=True)
    unknown = Failure("timeout", "no", retryable=True, outcome_known=False, packet_state="timed_out")
    final = Failure("http_400", "no", retryable=False)

    def test_default_policy_is_three_attempts_from_one_second(self) -> None:
        chance = random.Random(1)
        first = decide(self.known, 1, RetryConfig(), chance)
        second = decide(self.known, 2, RetryConfig(), chance)
        assert isinstance(first, Again) and 0.8 <= first.delay <= 1.0
        assert isinstance(second, Again) and 1.6 <= second.delay <= 2.0
        assert decide(self.known, 3, RetryConfig(), chance) == GiveUp(self.known)

    def test_a_known_failure_gets_a_new_packet_and_an_unknown_outcome_the_same(self) -> None:
        chance = random.Random(1)
        known, unknown = decide(self.known, 1, RetryConfig(), chance), decide(self.unknown, 1, RetryConfig(), chance)
        assert isinstance(known, Again) and not known.same_packet
        assert isinstance(unknown, Again) and unknown.same_packet

    def test_what_is_not_retryable_ends_at_once(self) -> None:
        assert decide(self.final, 1, RetryConfig(max_attempts=9), random.Random(1)) == GiveUp(self.final)

    @given(
        st.integers(2, 10_000),
        st.integers(0, 10**7),
        st.integers(0, 10**7),
        st.integers(),
        st.sampled_from(["exponential", "fixed"]),
    )
    def test_no_delay_is_over_the_cap_or_below_zero(
        self, attempt: int, initial: int, cap: int, seed: int, backoff: Any
    ) -> None:
        policy = RetryConfig(99, backoff, initial, cap)
        assert 0 <= delay_before(attempt, policy, random.Random(seed)) <= cap / 1000

    def test_the_same_seed_gives_the_same_jitter(self) -> None:
        policy = RetryConfig()
        assert delay_before(2, policy, random.Random(7)) == delay_before(2, policy, random.Random(7))

    def test_fixed_does_not_grow(self) -> None:
        policy = RetryConfig(9, "fixed", 500)
        assert all(0.4 <= delay_before(attempt, policy, random.Random(attempt)) <= 0.5 for attempt in range(2, 9))


def answer(body: Any, status: int = 200, wait: float | None = None) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), wait)


READY = {
    "success": True,
    "packet_id": "p",
    "status": "ready",
    "capabilities": {"max_processing_time_ms": 500},
    "resource_requirements": {"api_calls": {"openai": 10}},
}
DONE = {"success": True, "packet_id": "p", "output_ref": {"storage_type": "inline", "inline_data": {"a": 1}}}


class TestAnswers:
    def test_ready(self) -> None:
        verdict = read_handshake(answer(READY), "p")
        assert isinstance(verdict, Ready) and verdict.max_processing_time_ms == 500

    @pytest.mark.parametrize(
        ("body", "status", "code", "retryable"),
        [
            ({"success": True, "status": "incompatible"}, 200, "incompatible", False),
            ({"success": False, "status": "incompatible", "error": "topic missing"}, 200, "incompatible", False),
            ({"success": False, "status": "incompatible"}, 422, "incompatible", False),
            ({"success": False, "error": "later"}, 200, "worker_failed", True),
            ({"success": True, "status": "perhaps"}, 200, "bad_answer", False),
            ({"success": True, "status": "ready", "packet_id": "other"}, 200, "bad_answer", False),
            ([1], 200, "bad_answer", False),
            (b"<html>", 200, "bad_answer", False),
            (b"<html>", 500, "http_500", True),
            (b"", 404, "http_404", False),
            ({}, 408, "http_408", True),
            ({}, 429, "http_429", True),
        ],
    )
    def test_handshake_failures(self, body: Any, status: int, code: str, retryable: bool) -> None:
        verdict = read_handshake(answer(body, status), "p")
        assert isinstance(verdict, Failure)
        assert (verdict.code, verdict.retryable) == (code, retryable)
        assert (verdict.packet_state == "refused") == (code == "incompatible")

    def test_incompatible_says_why(self) -> None:
        body = {"success": True, "status": "incompatible", "error": {"message": "feeds[2].url: missing"}}
        verdict = read_handshake(answer(body), "p")
        assert isinstance(verdict, Failure) and verdict.message == "feeds[2].url: missing"

    @pytest.mark.parametrize(
        ("body", "status", "code", "retryable"),
        [
            ({"success": False}, 200, "worker_failed", True),
            ({"success": False, "error": {"code": "quota", "message": "m", "retryable": False}}, 200, "quota", False),
            ({"success": False, "error": "no"}, 500, "http_500", True),
            ({"success": False, "error": {"message": "m", "retryable": False}}, 500, "http_500", False),
            ({"success": False, "error": "no"}, 422, "http_422", False),
            ({"success": False, "error": {"message": "m", "retryable": True}}, 422, "http_422", True),
            ({}, 425, "http_425", True),
            ({}, 503, "http_503", True),
            ({"success": True, "packet_id": "p"}, 200, "bad_answer", False),
            ({"success": True, "output_ref": {"storage_type": "reference"}}, 200, "bad_answer", False),
        ],
    )
    def test_process_failures(self, body: Any, status: int, code: str, retryable: bool) -> None:
        result = read_process(answer(body, status), "p")
        assert isinstance(result, Failure) and result.outcome_known
        assert (result.code, result.retryable) == (code, retryable)

    @pytest.mark.parametrize("status", [429, 503, 425])
    def test_retry_after_means_busy(self, status: int) -> None:
        assert read_process(answer({"success": False}, status, 7.0), "p") == Busy(7.0)
        assert read_handshake(answer({}, status, 7.0), "p") == Busy(7.0)
        assert isinstance(read_process(answer({}, 500, 7.0), "p"), Failure)

    def test_returned_with_metrics(self) -> None:
        metrics = {"processing_time_ms": 12, "tokens_used": "many", "api_calls_made": {"openai": 2, "x": None}}
        result = read_process(answer({**DONE, "metrics": metrics}), "p")
        assert isinstance(result, Returned)
        assert result.output.data == {"a": 1}
        assert result.metrics == {"processing_time_ms": 12.0, "api_calls_made.openai": 2.0}

    @pytest.mark.parametrize(
        ("body", "status", "seen"),
        [
            ({"stage": "processing", "progress": 40, "message": "half"}, 200, (40.0, "half")),
            ({"progress": 400}, 200, (100.0, "")),
            ({"stage": "unknown", "progress": 0}, 200, None),
            ({"progress": "40"}, 200, None),
            (b"nonsense", 200, None),
            ({"progress": 40}, 500, None),
        ],
    )
    def test_progress(self, body: Any, status: int, seen: Any) -> None:
        assert read_progress(answer(body, status)) == seen

    def test_acknowledge(self) -> None:
        assert read_acknowledge(answer({"success": True, "acknowledged": True})) is None
        assert read_acknowledge(answer(b"ok")) is None
        assert read_acknowledge(answer({"success": False})) is not None
        assert read_acknowledge(answer({}, 500)) is not None

    def test_retry_after_header(self) -> None:
        assert retry_after("12", 0) == 12
        assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT", 1445412470.0) == 10
        assert retry_after("soon", 0) is None
        assert retry_after(None, 0) is None

    @given(st.binary(max_size=300), st.integers(100, 599))
    def test_any_bytes_give_a_reading(self, body: bytes, status: int) -> None:
        assert isinstance(read_handshake(Answer(status, body), "p"), Failure | Busy | Ready)
        assert isinstance(read_process(Answer(status, body), "p"), Failure | Busy | Returned)
        read_progress(Answer(status, body))
        read_acknowledge(Answer(status, body))

    @given(values, st.integers(100, 599))
    def test_any_json_gives_a_reading(self, body: Any, status: int) -> None:
        assert isinstance(read_handshake(Answer(status, codec.dumps(body)), "p"), Failure | Busy | Ready)
        assert isinstance(read_process(Answer(status, codec.dumps(body)), "p"), Failure | Busy | Returned)


class TestReferences:
    @pytest.mark.parametrize(
        "wire",
        [
            {"ref_id": "r", "storage_type": "reference", "size_bytes": 5},
            {"ref_id": "r", "storage_type": "KV", "size_bytes": 5},
            {"ref_id": "r", "storage_type": "kv"},
            {"ref_id": "r"},
        ],
    )
    def test_reference_and_its_synonyms(self, wire: dict[str, Any]) -> None:
        reference = read_reference(wire, "x")
        assert (reference.ref_id, reference.inline) == ("r", False)

    def test_the_guides_inline_example_without_ref_id_and_size(self) -> None:
        reference = read_reference({"storage_type": "inline", "inline_data": {"query": "AI trends 2024"}}, "x")
        assert reference.inline and reference.data == {"query": "AI trends 2024"} and reference.ref_id is None

    def test_null_is_inline_data(self) -> None:
        assert read_reference({"storage_type": "inline", "inline_data": None}, "x").data is None

    def test_expiry_is_read_in_javascripts_spelling(self) -> None:
        wire = {"ref_id": "r", "storage_type": "reference", "expires_at": "2026-01-01T00:00:00.000Z"}
        assert read_reference(wire, "x").expires_at == 1767225600.0

    @pytest.mark.parametrize(
        ("wire", "path"),
        [
            (None, "output_ref:"),
            ({"storage_type": "inline"}, "output_ref.inline_data:"),
            ({"storage_type": "reference"}, "output_ref.ref_id:"),
            ({"storage_type": "disk", "ref_id": "r"}, "output_ref.storage_type:"),
            ({"ref_id": 7, "storage_type": "reference"}, "output_ref.ref_id:"),
            ({"ref_id": "", "storage_type": "reference"}, "output_ref.ref_id:"),
            ({"ref_id": "r", "size_bytes": "9"}, "output_ref.size_bytes:"),
            ({"ref_id": "r", "size_bytes": -1}, "output_ref.size_bytes:"),
            ({"ref_id": "r", "expires_at": "tomorrow"}, "output_ref.expires_at:"),
            ({"ref_id": "r", "expires_at": 12}, "output_ref.expires_at:"),
        ],
    )
    def test_the_error_begins_with_the_path(self, wire: Any, path: str) -> None:
        with pytest.raises(ReferenceError) as caught:
            read_reference(wire, "output_ref")
        assert caught.value.message.startswith(path)

    @given(values)
    def test_any_value_is_read_or_refused(self, wire: Any) -> None:
        try:
            read_reference(wire, "x")
        except ReferenceError:
            pass

    @given(values)
    def test_inline_below_1024_bytes_and_what_goes_in_comes_out(self, value: Any) -> None:
        body = codec.dumps(value)
        stored = Stored(mint(), "", len(body), True, 0.0)
        wire = stored.as_reference(body)
        assert (wire["storage_type"] == "inline") == (len(body) < INLINE_BELOW)
        again = read_reference(json.loads(codec.dumps(wire)), "x")
        if again.inline:
            assert codec.dumps(again.data) == body

    @pytest.mark.parametrize(("size", "kind"), [(1023, "inline"), (1024, "reference")])
    def test_the_border(self, size: int, kind: str) -> None:
        body = b'"' + b"x" * (size - 2) + b'"'
        assert Stored("r", "", len(body), True, 0.0).as_reference(body)["storage_type"] == kind

    def test_sizes_are_bytes_not_characters(self) -> None:
        assert len(codec.dumps("é" * 600)) == 1202

    @given(values)
    def test_inline_size_is_what_inlining_would_take(self, value: Any) -> None:
        body = codec.dumps(value)
        stored = Stored("ref_x", "", len(body), True, 0.0)
        whole = {"ref_id": "ref_x", "storage_type": "inline", "size_bytes": len(body), "inline_data": value}
        assert stored.inline_size() == len(codec.dumps(whole))

    def test_minted_ids_have_128_bits_and_differ(self) -> None:
        ids = {mint() for _ in range(1000)}
        assert len(ids) == 1000 and all(len(ref_id) == len("ref_") + 32 for ref_id in ids)


class TestCodec:
    @given(values)
    def test_round_trip(self, value: Any) -> None:
        assert codec.loads(codec.dumps(value)) == value

    def test_a_lone_surrogate_survives(self) -> None:
        assert codec.loads(codec.dumps("\ud800")) == "\ud800"

    @pytest.mark.parametrize("depth", [201, 5_000, 200_000])
    def test_nesting_over_200_is_refused(self, depth: int) -> None:
        with pytest.raises(codec.BadJson):
            codec.loads("[" * depth + "]" * depth)

    def test_nesting_of_200_is_taken(self) -> None:
        codec.loads("[" * 200 + "]" * 200)
        codec.loads('{"a":' * 200 + "1" + "}" * 200)

    @pytest.mark.parametrize("text", ["NaN", "[Infinity]", "", "{", b"\xff", "1" * 5000])
    def test_what_is_not_json(self, text: Any) -> None:
        with pytest.raises(codec.BadJson):
            codec.loads(text)


def parameter(name: str, kind: str = "string", **more: Any) -> ParameterConfig:
    return ParameterConfig(name, kind, **more)


class TestParameters:
    pipeline = PipelineConfig(
        "p",
        (StageConfig("a", "w", parameters={"depth": "deep", "limit": 3}), StageConfig("b", "w", needs=("a",))),
        parameters=(
            parameter("topic", required=True, help="what about"),
            parameter("limit", "integer", default=10, has_default=True),
            parameter("feeds", "array"),
        ),
    )

    def test_given_over_stage_over_default(self) -> None:
        given = {"topic": "x"}
        resolved = resolve_parameters(self.pipeline, given)
        assert resolved == {"topic": "x", "limit": 10}
        first, second = self.pipeline.stages
        assert stage_parameters(first, resolved, given) == {"topic": "x", "limit": 3, "depth": "deep"}
        assert stage_parameters(second, resolved, given) == {"topic": "x", "limit": 10}
        given = {"topic": "x", "limit": 7, "depth": "shallow"}
        resolved = resolve_parameters(self.pipeline, given)
        assert stage_parameters(first, resolved, given) == {"topic": "x", "limit": 7, "depth": "shallow"}

    def test_every_problem_at_once_and_what_there_is(self) -> None:
        with pytest.raises(BadParameters) as caught:
            resolve_parameters(self.pipeline, {"limit": "many", "colour": "red"})
        paths = [path for path, _ in caught.value.problems]
        assert sorted(paths) == ["parameters.colour", "parameters.limit", "parameters.topic"]
        assert caught.value.hint is not None and "topic (string, required)" in caught.value.hint
        assert "what about" in caught.value.message

    @pytest.mark.parametrize(
        ("value", "kind", "expected"),
        [
            ("x", "string", "x"),
            (2024, "string", "2024"),
            (True, "string", "true"),
            (3, "integer", 3),
            (3.0, "integer", 3),
            (3, "number", 3),
            (2.5, "number", 2.5),
            (False, "boolean", False),
            ([1], "array", [1]),
            ({}, "object", {}),
        ],
    )
    def test_types(self, value: Any, kind: str, expected: Any) -> None:
        result = coerce(value, kind)
        assert result == expected and type(result) is type(expected)

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (True, "integer"),
            (2.5, "integer"),
            ("3", "integer"),
            (True, "number"),
            (1, "boolean"),
            ({}, "array"),
            (None, "string"),
            ([], "object"),
        ],
    )
    def test_wrong_types(self, value: Any, kind: str) -> None:
        with pytest.raises(ValueError, match="expected"):
            coerce(value, kind)

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("3", 3),
            ("true", True),
            ("[1,2]", [1, 2]),
            ("plain words", "plain words"),
            ("NaN", "NaN"),
            ("", ""),
            ('"3"', "3"),
        ],
    )
    def test_values_of_the_command_line(self, text: str, value: Any) -> None:
        assert parse_value(text) == value

    @given(st.text())
    def test_any_text_is_a_value(self, text: str) -> None:
        parse_value(text)

    @given(st.dictionaries(st.sampled_from(["topic", "limit", "feeds", "depth", "other"]), values))
    def test_resolving_gives_types_or_problems(self, given_: dict[str, Any]) -> None:
        try:
            resolved = resolve_parameters(self.pipeline, given_)
        except BadParameters as error:
            assert error.problems
        else:
            assert isinstance(resolved["topic"], str) and isinstance(resolved["limit"], int)


class TestInputs:
    def test_no_needs_takes_the_runs_input(self) -> None:
        assert inputs.plan(StageConfig("a", "w")) == inputs.FromRun()

    def test_one_need_takes_its_output_as_it_lies(self) -> None:
        assert inputs.plan(StageConfig("b", "w", needs=("a",))) == inputs.FromStage("a")

    def test_several_needs_become_one_object(self) -> None:
        stage = StageConfig("c", "w", needs=("a", "b"))
        assert inputs.plan(stage) == inputs.Built(("a", "b"))
        assert json.loads(inputs.build(stage, {"a": b'{"x": 1}', "b": b"[2]"})) == {"a": {"x": 1}, "b": [2]}

    def test_paths_pick_fields(self) -> None:
        paths = {"articles": "fetch.articles", "first": "fetch.articles.0.title", "all": "classify"}
        stage = StageConfig("c", "w", needs=("fetch", "classify"), input=paths)
        assert inputs.plan(stage) == inputs.Built(("fetch", "classify"))
        outputs = {"fetch": b'{"articles":[{"title":"t"}]}', "classify": b"7"}
        built = json.loads(inputs.build(stage, outputs))
        assert built == {"articles": [{"title": "t"}], "first": "t", "all": 7}

    @pytest.mark.parametrize(
        ("path", "said"),
        [
            ("fetch.items", "fetch has no 'items'"),
            ("fetch.articles.5", "fetch.articles has no '5'"),
            ("gone.x", "no output of a stage 'gone'"),
        ],
    )
    def test_a_wrong_path_says_how_far_it_got(self, path: str, said: str) -> None:
        stage = StageConfig("c", "w", needs=("fetch",), input={"field": path})
        with pytest.raises(inputs.BadInput) as caught:
            inputs.build(stage, {"fetch": b'{"articles":[1]}'})
        assert said in caught.value.message and "stages.c.input.field" in caught.value.message

    def test_an_output_that_is_not_json_cannot_be_combined(self) -> None:
        with pytest.raises(inputs.BadInput):
            inputs.build(StageConfig("c", "w", needs=("a", "b")), {"a": b"<html>", "b": b"1"})


class TestProgress:
    def test_maximum_per_stage_weighted_by_usual_time(self) -> None:
        progress = Progress()
        progress.open("e", {"quick": 1.0, "slow": 9.0})
        assert progress.note("e", "quick", 100)
        assert progress.run("e") == 10
        assert progress.note("e", "slow", 50, "half")
        assert progress.run("e") == 55
        assert not progress.note("e", "slow", 20)
        assert progress.run("e") == 55

    def test_unknown_times_count_as_the_mean(self) -> None:
        progress = Progress()
        progress.open("e", {"a": 4.0, "b": None})
        progress.note("e", "b", 100)
        assert progress.run("e") == 50

    def test_a_run_that_is_over_has_none(self) -> None:
        progress = Progress()
        progress.open("e", {"a": None})
        progress.close("e")
        assert progress.run("e") is None and not progress.note("e", "a", 10)
