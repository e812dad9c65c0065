"""Secrets are masked where a message is shown, and put back where the mask was left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.intercept.edits import BadEdit, masked, restored

MASK = "[secret]"
SECRETS = ("s3cr3t-one", "s3cr3t-two")
TEXTS = st.one_of(st.text(max_size=5), st.sampled_from(SECRETS), st.sampled_from(SECRETS).map(lambda s: f"Bearer {s}!"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def redact(text):
    for secret in SECRETS:
        text = text.replace(secret, MASK)
    return text


@given(VALUES)
def test_what_is_sent_back_as_it_was_shown_is_what_was_held(message):
    shown = masked(message, redact)
    assert not any(secret in json.dumps(shown) for secret in SECRETS)
    assert restored(message, shown, json.loads(json.dumps(shown)), MASK) == message


@given(VALUES, VALUES)
def test_no_secret_comes_out_of_an_edit_that_had_none_at_its_place(message, edited):
    """Whatever is written elsewhere stays as it was written, and never turns into a secret of another place."""
    plain = masked(edited, lambda text: redact(text).replace(MASK, "other"))
    assert restored({"a": message}, masked({"a": message}, redact), {"b": plain}, MASK) == {"b": plain}


@pytest.mark.parametrize(
    ("edited", "path"),
    [
        ({"other": MASK}, "message.other"),
        ({"token": f"Bearer {MASK}"}, "message.token"),
        ({"list": ["x", MASK]}, r"message.list\[1\]"),
        ({"list": [MASK]}, r"message.list\[0\]"),
        ({"token": {"in": MASK}}, "message.token.in"),
    ],
)
def test_a_mask_in_another_place_is_refused(edited, path):
    message = {"token": "s3cr3t-one", "list": ["s3cr3t-one", "s3cr3t-two", "x"]}
    with pytest.raises(BadEdit, match=f"^{path}: holds "):
        restored(message, masked(message, redact), edited, MASK)


def test_the_rest_may_be_changed_around_it():
    message = {"parameters": {"token": "s3cr3t-one", "limit": 1}, "list": ["s3cr3t-two", "b"]}
    shown = masked(message, redact)
    edited = {"parameters": {**shown["parameters"], "limit": 2}, "list": [shown["list"][0], "c"], "more": True}
    assert restored(message, shown, edited, MASK) == {
        "parameters": {"token": "s3cr3t-one", "limit": 2},
        "list": ["s3cr3t-two", "c"],
        "more": True,
    }
