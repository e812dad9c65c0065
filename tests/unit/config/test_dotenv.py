from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.config.dotenv import expand, parse

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1", {"A": "1"}),
        ("A = 1 ", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("A: 1", {"A": "1"}),
        ("A:1", {}),
        ("A=", {"A": ""}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ("A", {}),
        ("# A=1", {}),
        ("  # A=1\n\n  B=2", {"B": "2"}),
        ("A=1 # comment", {"A": "1"}),
        ("A=1#comment", {"A": "1"}),
        ("A='1 # no comment'", {"A": "1 # no comment"}),
        ('A="x" # comment', {"A": "x"}),
        ("A='it''s'", {"A": "it''s"}),
        ('A="one\\ntwo"', {"A": "one\ntwo"}),
        ("A='one\\ntwo'", {"A": "one\\ntwo"}),
        ("A=one\\ntwo", {"A": "one\\ntwo"}),
        ('A="one\ntwo"\nB=2', {"A": "one\ntwo", "B": "2"}),
        ('A=`it\'s "quoted"`', {"A": 'it\'s "quoted"'}),
        ('A={"x": 1}', {"A": '{"x": 1}'}),
        ("A='unclosed\nB=2", {"A": "'unclosed", "B": "2"}),
        ("A='C:\\'", {"A": "C:\\"}),
        ("A='C:\\' # drive", {"A": "C:\\"}),
        ("A='it\\'s'", {"A": "it\\'s"}),
        ("A=b=c", {"A": "b=c"}),
        ("A=1\r\nB=2\rC=3", {"A": "1", "B": "2", "C": "3"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A.b-c=1", {"A.b-c": "1"}),
        ("not a line\nB=2", {"B": "2"}),
        ("URL=https://x.test/?a=1&b=2", {"URL": "https://x.test/?a=1&b=2"}),
    ],
)
def test_lines(text: str, values: dict[str, str]) -> None:
    assert parse(text) == values


@given(st.dictionaries(NAMES, st.text(alphabet=st.characters(exclude_characters="`\r\\", exclude_categories=("Cs",)))))
def test_what_is_written_in_quotes_comes_back(values: dict[str, str]) -> None:
    assert parse("".join(f"{name}=`{value}`  # note\n" for name, value in values.items())) == values


@given(st.text())
def test_any_text_parses_to_names_and_texts(text: str) -> None:
    for name, value in parse(text).items():
        assert re.fullmatch(r"[\w.-]+", name) and isinstance(value, str)


@given(
    st.dictionaries(NAMES, st.text(alphabet="${}AB:-+\\x", max_size=12)), st.dictionaries(NAMES, st.text(max_size=4))
)
def test_expansion_ends(values: dict[str, str], outside: dict[str, str]) -> None:
    assert expand(values, outside).keys() == values.keys()


@pytest.mark.parametrize(
    ("values", "outside", "name", "result"),
    [
        ({"A": "1", "B": "${A}2"}, {}, "B", "12"),
        ({"A": "1", "B": "$A-2"}, {}, "B", "1-2"),
        ({"B": "${A}"}, {}, "B", ""),
        ({"B": "${A}"}, {"A": "out"}, "B", "out"),
        ({"A": "file"}, {"A": "out"}, "A", "out"),
        ({"B": "${A:-default}"}, {}, "B", "default"),
        ({"B": "${A-default}"}, {}, "B", "default"),
        ({"A": "1", "B": "${A:-default}"}, {}, "B", "1"),
        ({"A": "1", "B": "${A:+set}"}, {}, "B", "set"),
        ({"B": "${A:+set}"}, {}, "B", ""),
        ({"A": "1", "B": "\\$A costs \\${A}"}, {}, "B", "$A costs ${A}"),
        ({"B": "${A:-${C}}", "C": "later"}, {}, "B", ""),
        ({"A": "${A}"}, {}, "A", ""),
        ({"A": "x$B"}, {"B": "$A", "A": ""}, "A", "x"),
        ({"PRICE": "5$"}, {}, "PRICE", "5$"),
    ],
)
def test_references(values: dict[str, str], outside: dict[str, str], name: str, result: str) -> None:
    assert expand(values, outside)[name] == result


def test_names_that_mean_each_other_come_to_an_end() -> None:
    assert "C" in expand({"C": "x$A"}, {"A": "$B", "B": "$A"})
