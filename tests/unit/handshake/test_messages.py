"""The wire messages: what is read, what is written, what is refused and where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.handshake import messages as m
from sandbox.handshake.schema import ProtocolError

ROOT = Path(__file__).parents[3]
INLINE = {"ref_id": "ref_test", "storage_type": "inline", "inline_data": {"query": "test"}}
PROCESS = {"packet_id": "p", "execution_id": "e", "input_ref": INLINE}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3),
)


def test_the_handshake_as_the_guide_prints_it() -> None:
    body = {"packet_id": "test-123", "execution_id": "exec-456", "stage_id": "stage-789", "input_ref": INLINE}
    message = m.HandshakeRequest.parse(body)
    assert message == m.HandshakeRequest(
        "test-123", "exec-456", m.Reference("inline", "ref_test", None, {"query": "test"}), "stage-789"
    )
    assert message.as_json() == body


def test_process_without_stage_id_ref_id_and_size() -> None:
    body = {
        "packet_id": "test-123",
        "execution_id": "exec-456",
        "input_ref": {"storage_type": "inline", "inline_data": {"query": "AI trends 2024"}},
        "parameters": {"depth": "comprehensive"},
    }
    message = m.ProcessRequest.parse(body)
    assert (message.stage_id, message.delivery, message.checkpoint) == (None, 1, None)
    assert message.as_json() == {**body, "delivery": 1}


@pytest.mark.parametrize("kind", ["reference", "KV", "kv"])
def test_kv_is_a_synonym_of_reference(kind: str) -> None:
    reference = m.Reference.parse({"storage_type": kind, "ref_id": "r", "size_bytes": 5000, "expires_at": "later"})
    assert reference == m.Reference("reference", "r", 5000, m.UNSET, "later")


def test_inline_null_is_data() -> None:
    assert m.Reference.parse({"storage_type": "inline", "inline_data": None}).as_json() == {
        "storage_type": "inline",
        "inline_data": None,
    }


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (m.ProcessRequest, {**PROCESS, "packet_id": 3}, "packet_id: expected a string, got the number 3"),
        (m.ProcessRequest, {**PROCESS, "packet_id": ""}, "packet_id: expected 1 to 400 bytes"),
        (m.ProcessRequest, {**PROCESS, "packet_id": "ü" * 201}, "packet_id: expected 1 to 400 bytes"),
        (m.ProcessRequest, {**PROCESS, "input_ref": None}, "input_ref: expected an object, got null"),
        (
            m.ProcessRequest,
            {**PROCESS, "input_ref": {"storage_type": "s3"}},
            "input_ref.storage_type: expected 'inline', 'reference' or 'KV', got 's3'",
        ),
        (
            m.ProcessRequest,
            {**PROCESS, "input_ref": {"storage_type": "inline"}},
            "input_ref.inline_data: missing, though storage_type is 'inline'",
        ),
        (
            m.ProcessRequest,
            {**PROCESS, "input_ref": {"storage_type": "KV"}},
            "input_ref.ref_id: missing, though storage_type is 'reference'",
        ),
        (
            m.ProcessRequest,
            {**PROCESS, "input_ref": {**INLINE, "size_bytes": -1}},
            "input_ref.size_bytes: expected a number of bytes, got -1",
        ),
        (m.ProcessRequest, {**PROCESS, "parameters": []}, "parameters: expected an object, got an array"),
        (m.ProcessRequest, {**PROCESS, "checkpoint": {"data": 1}}, "checkpoint.seq: missing, expected an integer"),
        (m.HandshakeResponse, {"success": True}, "status: missing, expected 'ready' or 'incompatible'"),
        (
            m.HandshakeResponse,
            {"success": True, "status": "ready", "capabilities": {"input_types": ["a", 1]}},
            "capabilities.input_types[1]: expected a string, got the number 1",
        ),
        (m.ProcessResponse, {"success": True}, "output_ref: missing, though success is true"),
        (m.Progress, {"stage": "x", "progress": 101}, "progress: expected 0 to 100, got 101"),
        (m.Health, "ok", "expected an object, got a string"),
    ],
)
def test_a_wrong_message_is_refused_with_the_path(kind: type[m.Message], body: Any, message: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        kind.parse(body)
    assert str(caught.value) == message


def test_what_workers_leave_out_or_null_is_read() -> None:
    answer = m.ProcessResponse.parse({"success": True, "output_ref": INLINE, "metrics": {"tokens_used": None}, "x": 1})
    assert answer.metrics == m.Metrics()
    assert m.HandshakeResponse.parse({"success": False, "error": "busy"}).error == m.ErrorInfo("busy")
    assert m.AcknowledgeRequest.parse({"packet_id": "p", "execution_id": "e", "error": None}).success is True
    assert m.Progress.parse({"stage": "unknown", "progress": 0}).as_json() == {"stage": "unknown", "progress": 0}


def test_errors_come_as_text_or_object() -> None:
    assert m.ErrorInfo.parse("no") == m.ErrorInfo("no")
    given_error = {"code": "x", "message": "no", "retryable": False, "path": "a.b"}
    assert m.ErrorInfo.parse(given_error).as_json() == given_error
    assert m.ErrorInfo.parse({"detail": 1}).message == '{"detail":1}'


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (200, True),
        (400, False),
        (404, False),
        (408, True),
        (422, False),
        (425, True),
        (429, True),
        (500, True),
        (503, True),
    ],
)
def test_whether_a_failure_may_be_tried_again(status: int, retryable: bool) -> None:
    assert m.is_retryable(status, None) is retryable
    assert m.is_retryable(status, m.ErrorInfo("x")) is retryable
    assert m.is_retryable(status, m.ErrorInfo("x", retryable=not retryable)) is not retryable


def test_protocol_1_health_does_not_speak_the_handshake() -> None:
    assert not m.Health.parse({"status": "ok"}).speaks_handshake
    assert m.Health.parse(
        {"status": "healthy", "capabilities": {"protocol_version": "2.0", "supports_handshake": True}}
    ).speaks_handshake


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "[" * 100_000, b"\xff\xfe\x00"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        m.load_json(text)


@given(json_values)
def test_json_is_compact_and_reads_back(value: Any) -> None:
    text = m.dump_json(value)
    assert m.load_json(text.encode()) == value
    assert m.json_size(value) == len(text.encode())


def test_half_a_surrogate_pair_survives() -> None:
    assert m.load_json(m.dump_json("\ud800").encode()) == "\ud800"


@given(json_values, st.text(min_size=1, max_size=20))
def test_a_reference_reads_back(data: Any, ref_id: str) -> None:
    reference = m.Reference.inline(data, ref_id)
    assert m.Reference.parse(reference.as_json()) == reference


def test_the_messages_need_the_standard_library_alone() -> None:
    code = (
        "import sys; import sandbox.handshake, sandbox.handshake.messages, sandbox.handshake.schema;"
        "roots = {n.partition('.')[0] for n in sys.modules} - set(sys.stdlib_module_names) - {'__main__'};"
        "extra = [n for n in sys.modules if n.startswith('sandbox.') and not n.startswith('sandbox.handshake')];"
        "print(sorted(r for r in roots if not r.startswith(('_', 'a1', 'distutils'))), extra)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['sandbox'] []"
