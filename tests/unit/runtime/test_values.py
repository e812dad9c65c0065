"""Numbers, strings, objects, arrays, maps and errors behave as JavaScript's do in Pyodide."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.runtime.values import (
    JsArray,
    JsException,
    JsMap,
    JsObject,
    JsProxy,
    JsSet,
    js_str,
    jsnull,
    normalize_float,
    option,
    throw,
    to_integer,
    to_number,
    truthy,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "undefined"),
        (jsnull, "null"),
        (True, "true"),
        (False, "false"),
        (123, "123"),
        (2**60, "1152921504606846976"),
        (1.5, "1.5"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (1.25e-7, "1.25e-7"),
        (0.000001, "0.000001"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (123456.789, "123456.789"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (JsArray([1, jsnull, "a", None]), "1,,a,"),
        (JsObject({"a": 1}), "[object Object]"),
    ],
)
def test_strings_of_values(value, text):
    assert js_str(value) == text


@given(st.floats(allow_nan=False))
def test_number_texts_read_back(number):
    assert to_number(js_str(number)) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [(True, 1), (jsnull, 0), ("", 0), (" 12 ", 12), ("0x1f", 31), ("1.50", 1.5), (".5", 0.5), ("-Infinity", -math.inf)],
)
def test_numbers_of_values(value, number):
    assert to_number(value) == number


@pytest.mark.parametrize("value", [None, "abc", "1_000", "12px", JsObject()])
def test_what_is_no_number(value):
    assert math.isnan(to_number(value))


@pytest.mark.parametrize(("value", "whole"), [("abc", 0), (60.9, 60), (-1.9, -1), (None, 0), (math.inf, 2**53 - 1)])
def test_integers_of_values(value, whole):
    assert to_integer(value) == whole


def test_integral_floats_are_integers_to_python():
    assert type(normalize_float(2.0)) is int
    assert type(normalize_float(2.0**60)) is float


def test_truth():
    assert truthy(JsArray([])) and truthy("0") and not truthy(math.nan) and not truthy(jsnull) and not truthy("")


def test_null_is_one_falsy_value():
    assert type(jsnull)() is jsnull
    assert not jsnull
    assert not hasattr(jsnull, "constructor")


def test_objects_have_attributes():
    obj = JsObject({"a": 1})
    obj.from_ = "x"
    assert (obj.a, obj._data["from"], obj.from_) == (1, "x", "x")
    del obj.a
    with pytest.raises(AttributeError, match=r"^a$") as caught:
        _ = obj.a
    assert caught.value.name == "a"
    assert str(obj) == repr(obj) == "[object Object]"
    assert obj.constructor.name == "Object"
    assert isinstance(obj, JsProxy)
    assert obj.as_object_map()["from"] == "x"
    assert list(obj.object_keys()) == ["from"]
    assert [list(pair) for pair in obj.object_entries()] == [["from", "x"]]


def test_index_keys_come_first():
    assert list(JsObject({"b": 1, "10": 2, "a": 3, "9": 4, "01": 5}).object_keys()) == ["9", "10", "b", "a", "01"]


def test_options():
    assert option(JsObject({"type": "json"}), "type") == "json"
    assert option(JsObject({"type": None}), "type", "text") == "text"
    assert option(None, "type", "text") == "text"
    assert option(jsnull, "type") is None
    assert option({"type": "json"}, "type") is None, "a Python dict that was not converted is no options object"


def test_arrays_speak_both_languages():
    array = JsArray([3, 1, 2])
    array.append(4)
    assert array.push(5) == 5
    assert (array[-1], len(array), array.length, array.at(-1), array.indexOf(1)) == (5, 5, 5, 5, 1)
    assert list(array[1:3]) == [1, 2]
    assert list(array.slice(-2)) == [4, 5]
    assert list(array.map(lambda item: item * 2)) == [6, 2, 4, 8, 10]
    assert list(array.filter(lambda item, index: index > 2)) == [4, 5]
    assert array.join("-") == "3-1-2-4-5"
    assert list(array.splice(0, 2, "x")) == [3, 1]
    assert list(array) == ["x", 2, 4, 5]
    assert array != ["x", 2, 4, 5], "objects are equal only to themselves"
    assert not JsArray([])
    assert not JsArray([1, True]).includes(False)


def test_maps_and_sets_compare_as_javascript():
    found = JsMap([[1, "one"], [True, "true"], ["1", "text"]])
    assert (found.size, found.get(1), found.get(True), found.get("1")) == (3, "one", "true", "text")
    assert [list(entry) for entry in found.entries()][0] == [1, "one"]
    assert found.to_py() == {1: "true", "1": "text"}, "Python's dict cannot tell 1 from True"
    assert found.delete(1) and not found.has(1)
    nan = JsSet([math.nan, math.nan, 1, 1])
    assert nan.size == 2 and nan.has(math.nan)
    first, second = JsObject(), JsObject()
    assert JsSet([first, second, first]).size == 2


def test_errors_are_exceptions_and_objects():
    with pytest.raises(JsException, match=r"^TypeError: no$") as caught:
        throw("TypeError", "no")
    error = caught.value
    assert (error.name, error.message, error.constructor.name) == ("TypeError", "no", "TypeError")
    assert isinstance(error, JsProxy) and isinstance(error, Exception)
    assert error.js_error is error
    assert "TypeError: no" in error.stack
    assert JsException("DevalueError", "x").constructor.name == "Error"
    assert JsException("AbortError", "x").constructor.name == "DOMException"
    assert str(JsException("Error", "")) == "Error"
