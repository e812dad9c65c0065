"""`to_js`, `to_py`, plain data and structured clones."""

import array
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.runtime.values import (
    ArrayBuffer,
    ConversionError,
    DataView,
    JsArray,
    JsDate,
    JsException,
    JsMap,
    JsObject,
    JsPromise,
    JsRpcStub,
    JsSet,
    Uint8Array,
    create_proxy,
    from_js_plain,
    jsnull,
    structured_clone,
    to_js,
    to_py,
)
from sandbox.runtime.web import Blob, FormData, Headers, ReadableStream, Request, Response

from_entries = JsObject.constructor.fromEntries
keys = st.text(max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
plain = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))


@given(plain)
def test_plain_data_comes_back(value):
    there = to_js(value, dict_converter=from_entries)
    assert to_py(there) == value
    assert from_js_plain(there) == value
    assert to_py(structured_clone(there)) == value


@pytest.mark.parametrize(
    ("value", "cls"),
    [
        ([1], JsArray),
        ((1, 2), JsArray),
        ({"a": 1}, JsMap),
        ({1}, JsSet),
        (frozenset({1}), JsSet),
        (b"x", Uint8Array),
        (bytearray(b"x"), Uint8Array),
        (memoryview(b"x"), Uint8Array),
    ],
)
def test_classes_of_converted_values(value, cls):
    assert type(to_js(value)) is cls


def test_numbers_normalise():
    assert type(to_js(1.0)) is int
    assert type(to_js([2.0])[0]) is int
    assert to_js(1.5) == 1.5
    assert type(to_js(2**70)) is int, "large integers stay integers: BigInt"


def test_buffers_keep_their_element_type():
    found = to_js(array.array("d", [1.5, 2.5]))
    assert found.constructor.name == "Float64Array"
    assert list(found) == [1.5, 2.5]


def test_buffers_are_copied():
    source = bytearray(b"abc")
    made = to_js(source)
    source[0] = 0
    assert made.to_bytes() == b"abc"


def test_dict_keys():
    assert list(to_js({1: "a", None: "b"}, dict_converter=from_entries).object_keys()) == ["1", "undefined"]
    with pytest.raises(ConversionError):
        to_js({(1, 2): 1})


def test_depth_and_cycles():
    ring = [1]
    ring.append(ring)
    made = to_js(ring)
    assert made[1] is made
    back = made.to_py()
    assert back[1] is back
    assert to_js([[1]], depth=1)[0] == [1]


def test_default_converter_gets_the_rest():
    class Thing:
        pass

    thing = Thing()
    assert to_js(thing) is thing, "without a converter the proxy of a Python object comes back as the object"
    assert to_js([thing], default_converter=lambda value, convert, cache: convert({"seen": 1}))[0].get("seen") == 1
    with pytest.raises(ConversionError):
        to_js([thing], create_pyproxies=False)


def test_to_py_of_classes_goes_to_the_converter():
    date = JsDate(0)
    assert date.to_py() is date
    seen = JsArray([date]).to_py(default_converter=lambda value, convert, cache: value.getTime())
    assert seen == [0]
    assert to_js(b"ab").to_py() == memoryview(b"ab")
    assert DataView(ArrayBuffer(2)).to_py() == memoryview(b"\0\0")


def test_plain_data_of_everything():
    value = JsObject({"d": JsDate(0), "m": JsMap([[1, jsnull]]), "s": JsSet([1]), "b": to_js(b"x"), "u": None})
    assert from_js_plain(value) == {"d": "1970-01-01T00:00:00.000Z", "m": {"1": None}, "s": [1], "b": b"x", "u": None}
    with pytest.raises(TypeError):
        from_js_plain(Headers())


@pytest.mark.parametrize(
    "value",
    [complex(1), range(3), object(), datetime.datetime(2020, 1, 1), Headers(), to_js([object()])],
    ids=["complex", "range", "object", "datetime", "Headers", "array"],
)
def test_what_cannot_be_cloned(value):
    with pytest.raises(JsException, match="^DataCloneError"):
        structured_clone(value)


def test_clones_are_copies():
    inner = JsObject({"a": 1})
    value = JsObject({"x": inner, "y": inner, "e": JsException("TypeError", "t"), "d": JsDate(5), "b": to_js(b"ab")})
    made = structured_clone(value)
    assert made.x is made.y and made.x is not inner
    assert (made.e.name, made.e.message, made.d.getTime(), made.b.to_bytes()) == ("TypeError", "t", 5, b"ab")
    made.b[0] = 0
    assert value.b.to_bytes() == b"ab"


def test_bodies_and_streams_cross_by_reference():
    for value in (Request("http://a/"), Response("x"), ReadableStream(), Blob()):
        assert structured_clone(value) is value
    form = FormData()
    form.append("a", "b")
    assert structured_clone(form).get("a") == "b"


async def test_used_bodies_do_not_cross():
    response = Response("x")
    await response.text()
    with pytest.raises(JsException, match="^TypeError"):
        structured_clone(response)


async def test_functions_become_stubs():
    calls = []

    async def add(amount=0):
        calls.append(amount)
        return sum(calls)

    stub = structured_clone(create_proxy(add))
    assert isinstance(stub, JsRpcStub)
    assert stub.constructor.name == "JsRpcStub"
    promise = stub(2)
    assert isinstance(promise, JsPromise)
    assert await promise == 2
    assert await structured_clone(stub)(3) == 5
    with pytest.raises(JsException, match="^DataCloneError"):
        await structured_clone(lambda: object())()
    with pytest.raises(JsException, match="^DataCloneError"):
        structured_clone(add, functions=False)
