from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.config import jsonc

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
SPACE = st.sampled_from(["", " ", "\n", "\t", "// a, b] \" '\n", '/* , ] } " */', "/**/", "//\n", "/* \n // */ "])


def decorated(value: object, draw: st.DataObject) -> str:
    """JSON of the value with comments wherever space may stand, and trailing commas."""

    def space() -> str:
        return draw.draw(SPACE)

    def trailing(items: list[str]) -> str:
        return "," + space() if items and draw.draw(st.booleans()) else ""

    if isinstance(value, dict):
        items = [f"{space()}{json.dumps(k)}{space()}:{space()}{decorated(v, draw)}" for k, v in value.items()]
        return space() + "{" + ",".join(items) + trailing(items) + space() + "}" + space()
    if isinstance(value, list):
        items = [decorated(item, draw) for item in value]
        return space() + "[" + ",".join(items) + trailing(items) + space() + "]" + space()
    return space() + json.dumps(value, ensure_ascii=draw.draw(st.booleans())) + space()


@given(VALUES, st.data())
def test_comments_and_trailing_commas_change_nothing(value: object, data: st.DataObject) -> None:
    assert jsonc.loads(decorated(value, data)) == value


@given(VALUES, st.sampled_from([None, 2]))
def test_plain_json_comes_back_as_it_is(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    assert jsonc.strip(text) == text


@given(VALUES, st.data())
def test_length_and_line_breaks_stay(value: object, data: st.DataObject) -> None:
    text = decorated(value, data)
    plain = jsonc.strip(text)
    assert len(plain) == len(text)
    assert [at for at, char in enumerate(plain) if char == "\n"] == [at for at, char in enumerate(text) if char == "\n"]


@given(st.text(alphabet='{}[]",:/*\\\n1a '))
def test_any_text_parses_or_is_refused_with_a_place(text: str) -> None:
    try:
        jsonc.loads(text)
    except jsonc.JsoncError as error:
        assert 1 <= error.line <= text.count("\n") + 1
        assert error.column >= 1


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("{\n  // first\n  oops\n}", 3, 3),
        ('{"a": 1 /* never closed', 1, 9),
        ("[1,,]", 1, 4),
        ("[,]", 1, 2),
        ("{,}", 1, 2),
        ('{"a":,}', 1, 6),
        ('{"a": "line\nbreak"}', 1, 12),
        ("[1] // fine\n[2]", 2, 1),
        ('{"a": NaN}', 1, 7),
        ("[1 / 2]", 1, 4),
    ],
)
def test_errors_say_where(text: str, line: int, column: int) -> None:
    with pytest.raises(jsonc.JsoncError) as caught:
        jsonc.loads(text)
    assert (caught.value.line, caught.value.column) == (line, column), str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"http://x/*y*/"', "http://x/*y*/"),
        ('"a \\" // b"', 'a " // b'),
        ('["\\\\", 1, /*,*/ ]', ["\\", 1]),
        ("\ufeff{}", {}),
        ("{} // to the end", {}),
        ('{"a": [], "b": {},\r\n}', {"a": [], "b": {}}),
        ("[[1,],]", [[1]]),
    ],
)
def test_looks_like_a_comment_or_comma(text: str, value: object) -> None:
    assert jsonc.loads(text) == value


def test_deep_nesting_is_an_error_and_not_a_crash() -> None:
    with pytest.raises(jsonc.JsoncError):
        jsonc.loads("[" * 100_000)
