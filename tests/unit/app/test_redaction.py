"""Secrets are taken out of texts in every form in which they may stand there."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest

from sandbox.app.redaction import MASK, Redaction

KEY = "-----BEGIN KEY-----\nabc/def+ghi==\n\"quoted\" 'lines' ümlaut\n-----END KEY-----"


@pytest.fixture
def redact():
    redaction = Redaction()
    redaction.know(["short", "pass word&more", KEY, "pass word"])
    return redaction


@pytest.mark.parametrize("secret", ["pass word&more", KEY])
@pytest.mark.parametrize(
    "form",
    [
        str,
        repr,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: quote(text, safe=""),
        quote_plus,
    ],
)
def test_no_form_of_it_stays(redact, secret, form):
    shown = redact(f"before {form(secret)} after")
    assert MASK in shown and shown.startswith("before ") and shown.endswith(" after")
    for part in (secret, "abc/def", "def%2B", "more"):
        assert part not in shown


def test_a_key_of_several_lines_is_known_line_by_line(redact):
    assert redact("abc/def+ghi==") == MASK


def test_the_longest_goes_first_and_short_ones_stay(redact):
    assert redact("pass word&more, pass word, short") == f"{MASK}, {MASK}, short"


def test_knowing_nothing_changes_nothing():
    assert Redaction()("text") == "text"
