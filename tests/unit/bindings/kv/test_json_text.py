"""Errors of JSON text, word for word as V8 throws them."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.bindings.kv import json_text
from sandbox.runtime.values import JsException, json_stringify

CASES = {
    "v": "Unexpected token 'v', \"v\" is not valid JSON",
    "": "Unexpected end of JSON input",
    "{": "Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    "[1,": "Unexpected end of JSON input",
    "[1": "Expected ',' or ']' after array element in JSON at position 2 (line 1 column 3)",
    "[1,]": "Unexpected token ']', \"[1,]\" is not valid JSON",
    "{'a':1}": "Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    '{"a" 1}': "Expected ':' after property name in JSON at position 5 (line 1 column 6)",
    '{"a":1,}': "Expected double-quoted property name in JSON at position 7 (line 1 column 8)",
    '{"a":1\n"b"': "Expected ',' or '}' after property value in JSON at position 7 (line 2 column 1)",
    "1 2": "Unexpected non-whitespace character after JSON at position 2 (line 1 column 3)",
    '"abc': "Unterminated string in JSON at position 4 (line 1 column 5)",
    '"\\x"': "Bad escaped character in JSON at position 2 (line 1 column 3)",
    '"\\u12G4"': "Bad Unicode escape in JSON at position 5 (line 1 column 6)",
    '"a\nb"': "Bad control character in string literal in JSON at position 2 (line 1 column 3)",
    "-": "No number after minus sign in JSON at position 1 (line 1 column 2)",
    "1.": "Unterminated fractional number in JSON at position 2 (line 1 column 3)",
    "1e": "Exponent part is missing a number in JSON at position 2 (line 1 column 3)",
    "01": "Unexpected number in JSON at position 1 (line 1 column 2)",
    "tru": "Unexpected end of JSON input",
    "trux": "Unexpected token 'x', \"trux\" is not valid JSON",
    "NaN": '"NaN" is not valid JSON',
    "undefined": '"undefined" is not valid JSON',
    "[object Object]": '"[object Object]" is not valid JSON',
    "this text is no JSON at all": "Unexpected token 'h', \"this text i\"... is not valid JSON",
    "[1, 2, 3, 4, 5, x, 6, 7, 8, 9]": "Unexpected token 'x', ...\" 3, 4, 5, x, 6, 7, 8\"... is not valid JSON",
    "<!DOCTYPE html><html></html>": "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
    "[1, 2, 3, 4, 5, 6, 7, 8, x]": "Unexpected token 'x', ...\" 6, 7, 8, x]\" is not valid JSON",
}


@pytest.mark.parametrize(("text", "message"), CASES.items())
def test_words(text: str, message: str) -> None:
    with pytest.raises(JsException) as error:
        json_text.parse(text)
    assert str(error.value) == f"SyntaxError: {message}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_what_is_json_is_read(value: Any) -> None:
    assert json.loads(json_stringify(json_text.parse(json.dumps(value))) or "") == value


@given(st.text(alphabet='{}[],:"\\ue0-1.x\n tfnul', max_size=12))
def test_every_other_text_has_words(text: str) -> None:
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        with pytest.raises(JsException, match=r"(?s)^SyntaxError: .*JSON"):
            json_text.parse(text)
    else:
        json_text.parse(text)


def test_words_are_those_of_node(request: pytest.FixtureRequest) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = (
        "const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "const words = t => { try { JSON.parse(t); return null } catch (e) { return e.message } };"
        "console.log(JSON.stringify(texts.map(words)))"
    )
    run = subprocess.run(
        [node, "-e", script], input=json.dumps(list(CASES)), capture_output=True, text=True, check=True
    )
    said = [message.partition(" (line ")[0] for message in json.loads(run.stdout)]
    if not said[-1].startswith("Unexpected token 'x', ..."):
        pytest.skip("this node is too old to say what stands around a token")
    assert said == [message.partition(" (line ")[0] for message in CASES.values()]
