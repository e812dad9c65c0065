"""`Headers`."""

import js
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.runtime.values import JsException, JsMap, JsObject, jsnull, to_js

names = st.from_regex(r"[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)


@pytest.mark.parametrize(
    "init",
    [
        JsObject({"A": "1", "B": 2}),
        JsMap([["A", "1"], ["B", 2]]),
        [("A", "1"), ("B", 2)],
        {"A": "1", "B": 2}.items(),
        to_js([["A", "1"], ["B", 2]]),
    ],
    ids=["object", "map", "tuples", "items", "array"],
)
def test_ways_to_build(init):
    headers = js.Headers.new(init)
    assert [list(pair) for pair in headers] == [["a", "1"], ["b", "2"]]


def test_keyword_arguments_are_a_record():
    assert js.Headers.new(foo="bar").get("FOO") == "bar"


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (123, "123"), (None, "undefined"), ("  x \t", "x")])
def test_values_are_stringified(value, text):
    headers = js.Headers.new()
    headers.set("a", value)
    assert headers.get("a") == text


@pytest.mark.parametrize("name", ["", "a b", "a:b", "é", "a\n"])
def test_bad_names(name):
    with pytest.raises(JsException, match="^TypeError: Invalid header name"):
        js.Headers.new().get(name)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize("method", ["set", "append"])
def test_bad_values(method, value):
    with pytest.raises(JsException, match="^TypeError: Invalid header value"):
        getattr(js.Headers.new(), method)("a", value)


@pytest.mark.parametrize("init", [5, "text", [["a"]], [["a", "b", "c"]], ["ab"]])
def test_bad_init(init):
    with pytest.raises(JsException, match="^TypeError"):
        js.Headers.new(init)


def test_duplicates_join_and_cookies_stay_apart():
    headers = js.Headers.new([("X", "1"), ("x", "2"), ("Set-Cookie", "a=1, b"), ("set-cookie", "c=2")])
    assert headers.get("X") == "1, 2"
    assert list(headers.getSetCookie()) == ["a=1, b", "c=2"]
    assert headers.get("set-cookie") == "a=1, b, c=2"
    assert [list(pair) for pair in headers.entries()] == [
        ["set-cookie", "a=1, b"],
        ["set-cookie", "c=2"],
        ["x", "1, 2"],
    ]
    headers.set("set-cookie", "z=1")
    assert list(headers.getSetCookie()) == ["z=1"]
    headers.delete("Set-Cookie")
    assert not headers.has("set-cookie")


def test_absent_is_null_and_subscripts_work():
    headers = js.Headers.new([("A", "1")])
    assert headers.get("b") is jsnull
    assert headers["a"] == "1" and "A" in headers and "b" not in headers
    assert dict(headers) == {"a": "1"}
    assert not callable(headers)
    assert headers.constructor.name == "Headers"


def test_copies_are_independent():
    first = js.Headers.new([("a", "1"), ("set-cookie", "x")])
    second = js.Headers.new(first)
    second.append("a", "2")
    second.append("set-cookie", "y")
    assert first.get("a") == "1"
    assert list(first.getSetCookie()) == ["x"]


@given(st.lists(st.tuples(names, values), max_size=8))
def test_iteration_is_sorted_and_complete(pairs):
    headers = js.Headers.new(pairs)
    listed = [tuple(pair) for pair in headers]
    assert [name for name, _ in listed] == sorted(name for name, _ in listed)
    for name, _ in pairs:
        expected = ", ".join(value for known, value in pairs if known.lower() == name.lower())
        assert headers.get(name) == expected
