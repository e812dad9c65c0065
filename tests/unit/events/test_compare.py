"""The difference between two answers."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.events.compare import Answer, changes, compare

JSON = [("content-type", "application/json")]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def answer(body, status=200, headers=JSON):
    return Answer(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_status_headers_and_paths():
    before = answer({"items": [{"t": 1}, {"t": 2}], "a b": 1, "gone": True, "same": 0})
    after = answer({"items": [{"t": 1}, {"t": 3}, 4], "a b": 2, "same": 0}, 201, [*JSON, ("x-new", "1")])
    assert compare(before, after) == {
        "status": {"before": 200, "after": 201},
        "headers": [{"name": "x-new", "after": "1"}],
        "body": {
            "kind": "json",
            "count": 4,
            "changes": [
                {"path": "$.items[1].t", "before": 2, "after": 3},
                {"path": "$.items[2]", "after": 4},
                {"path": '$["a b"]', "before": 1, "after": 2},
                {"path": "$.gone", "before": True},
            ],
        },
    }


@pytest.mark.parametrize(
    "name", ["date", "content-length", "x-sandbox-request", "x-content-type-options", "traceparent"]
)
def test_what_differs_each_time_is_no_difference(name):
    assert compare(answer(1, headers=[(name, "one")]), answer(1, headers=[(name, "two")])) == {}


def test_json_is_compared_as_json():
    assert compare(answer(b'{"a":1,"b":2}'), answer(b'{\n "b": 2,\n "a": 1}')) == {}
    assert compare(answer(b"1"), answer(b"true"))["body"]["changes"] == [{"path": "$", "before": 1, "after": True}]


def test_text_is_compared_by_lines():
    found = compare(answer(b"one\ntwo\n"), answer(b"one\nthree\n"))
    assert found["body"]["kind"] == "text"
    assert found["body"]["diff"][2:] == ["@@ -1,2 +1,2 @@", " one", "-two", "+three"]


def test_binary_is_compared_by_hash():
    assert compare(answer(b"\xff\x00"), answer(b"\xff\x01"))["body"]["kind"] == "binary"


def test_compressed_bodies_are_compared_as_what_they_say():
    coded = [*JSON, ("content-encoding", "gzip")]
    assert compare(answer(gzip.compress(b'{"a": 1}'), headers=coded), answer(b'{"a": 1}', headers=coded)) == {}


def test_a_body_that_was_not_kept_is_compared_by_its_hash():
    before = Answer(200, JSON, None, "abc", 5)
    assert compare(before, Answer(200, JSON, b"12345", "abc", 5)) == {}
    assert compare(before, Answer(200, JSON, b"12345", "def", 5))["body"]["kind"] == "binary"


def test_credentials_do_not_show():
    found = compare(answer(1, headers=[("set-cookie", "a=1")]), answer(1, headers=[("set-cookie", "a=2")]))
    assert found == {}
    assert "secret" in str(compare(answer(1), answer(1, headers=[("set-cookie", "a=2")])))


@given(VALUES, VALUES)
def test_no_change_means_equal(one, two):
    same = json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    assert (not list(changes(one, two))) == same
    assert not list(changes(one, one))
