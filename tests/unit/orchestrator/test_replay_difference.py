"""Where two outputs differ, by path."""

from __future__ import annotations

import json

import pytest

from sandbox.orchestrator.replay.difference import differences


def found(was, now):
    listed, more = differences(json.dumps(was).encode(), json.dumps(now).encode())
    assert not more
    return [(one.path, one.was, one.now) for one in listed]


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": {"b": [1, 2, 3]}}, {"a": {"b": [1, 5, 3]}}, [("$.a.b[1]", "2", "5")]),
        ({"a": 1}, {"a": 1, "b c": None}, [('$["b c"]', None, "null")]),
        ({"a": 1, "b": 2}, {"b": 2}, [("$.a", "1", None)]),
        ([1, 2, 3, 4], [1, 9, 2, 3, 4], [("$[1]", None, "9")]),
        ([1, 2, 3], [1, 3], [("$[1]", "2", None)]),
        ([1, 1, 1], [1, 1], [("$[2]", "1", None)]),
        (1, True, [("$", "1", "true")]),
        (1, 1.0, [("$", "1", "1.0")]),
        ("a", {"a": 1}, [("$", '"a"', '{"a":1}')]),
        ({"deep": [{"x": [{"y": 1}]}]}, {"deep": [{"x": [{"y": 2}]}]}, [("$.deep[0].x[0].y", "1", "2")]),
    ],
)
def test_paths(was, now, expected):
    assert found(was, now) == expected


def test_long_values_and_long_lists_are_cut():
    (one,), more = differences(b'"' + b"x" * 500 + b'"', b'"y"')
    assert len(one.was) == 120
    assert not more
    listed, more = differences(json.dumps(list(range(100))).encode(), json.dumps([-n for n in range(1, 101)]).encode())
    assert len(listed) == 20
    assert more


def test_what_is_no_json_differs_as_a_whole():
    assert [one.path for one in differences(b"\xff", b"{}")[0]] == ["$"]
    assert differences(b"\xff", b"\xff") == ([], False)
