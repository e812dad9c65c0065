"""Messages as JSON and back: what was only looked at is sent as it was, and no edit does anything but fit or be refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.egress.call import Call
from sandbox.intercept.edits import BadEdit
from sandbox.intercept.messages import (
    call_message,
    checked_call,
    checked_operation,
    checked_request,
    checked_step,
    kv_message,
    request_message,
)
from sandbox.runtime.exchange import header_pairs, new_request
from sandbox.runtime.protocols import KvOperation

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["http://x/", "(a stream)"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["method", "url", "headers", "body", "body_base64", "key", "value", "value_base64", "metadata", "expiration",
         "expiration_ttl", "operation", "packet_id", "execution_id", "stage_id", "input_ref", "parameters", "delivery",
         "checkpoint", "success", "error", "other"]  # fmt: skip
EDITS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4)
BODIES = st.none() | st.binary(max_size=8)


def request_of(body):
    headers = [("authorization", "Bearer x"), ("x-a", "1"), ("x-a", "2")]
    return new_request("http://w.localhost/p?q=1", method="POST", headers=headers, body=body)


@given(BODIES)
def test_a_request_that_was_not_changed_is_the_same(body):
    request = request_of(body)
    message = json.loads(json.dumps(request_message(request)))
    assert "Bearer" not in json.dumps(message)
    again = checked_request(request)(message)
    assert (again.method, again.url, again._body) == ("POST", "http://w.localhost/p?q=1", body)
    assert header_pairs(again) == header_pairs(request)


@given(BODIES, EDITS)
def test_any_edit_of_a_request_fits_or_is_refused(body, edit):
    request = request_of(body)
    try:
        checked_request(request)(request_message(request) | edit)
    except BadEdit as error:
        assert error.message.startswith("message")


@given(BODIES, EDITS)
def test_any_edit_of_an_outbound_call_fits_or_changes_nothing(body, edit):
    call = Call("w", "POST", "https://feeds.test/", [("cookie", "a=b")], body)
    before = (call.method, call.url, call.headers, call.body)
    message = call_message(call)
    assert "a=b" not in json.dumps(message)
    try:
        checked_call(call)(message | edit)
    except BadEdit:
        assert (call.method, call.url, call.headers, call.body) == before
    else:
        assert ("cookie", "a=b") in call.headers or "headers" in edit


@given(st.binary(max_size=8), st.sampled_from(["get", "put", "delete", "list"]), EDITS)
def test_any_edit_of_a_kv_operation_fits_or_changes_nothing(value, name, edit):
    made = KvOperation(name, "w", "KV", "ns", ["key"], value if name == "put" else b"")
    before = kv_message(made)
    checked_operation(made)(json.loads(json.dumps(before)))
    assert kv_message(made) == before and made.value == (value if name == "put" else b"")
    try:
        checked_operation(made)(before | edit)
    except BadEdit:
        assert kv_message(made) == before
    assert isinstance(made.keys[0], str) and isinstance(made.value, bytes)


@given(st.sampled_from(["handshake", "process", "acknowledge"]), EDITS)
def test_any_edit_of_a_step_fits_the_protocol_or_is_refused(step, edit):
    message = {"packet_id": "p", "execution_id": "e", "stage_id": "s", "success": True, "error": None}
    message["input_ref"] = {"storage_type": "inline", "inline_data": 1}
    checked_step(step, json.dumps(message).encode())(message)
    try:
        body = checked_step(step, json.dumps(message).encode())(message | edit)
    except BadEdit as error:
        assert error.message.startswith("message")
    else:
        assert json.loads(body) == message | edit


def test_metadata_that_is_no_json_is_refused():
    operation = KvOperation("put", "w", "KV", "ns", ["key"], b"")
    with pytest.raises(BadEdit, match="message.metadata: "):
        checked_operation(operation)(kv_message(operation) | {"metadata": float("nan")})


@pytest.mark.parametrize("name", ["", "a b", "x:y", "a\nb"])
def test_what_is_no_headers_name_is_refused(name):
    request = request_of(None)
    with pytest.raises(BadEdit, match="cannot be a header's name"):
        checked_request(request)(request_message(request) | {"headers": {name: "x"}})
