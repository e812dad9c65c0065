"""Cursors read base64 as Node does: any text is one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.bindings.kv import cursor


@given(st.binary(max_size=600))
def test_round_trip(key: bytes) -> None:
    assert cursor.decode(cursor.encode(key)) == key


@given(st.text(max_size=50))
def test_no_text_is_refused(text: str) -> None:
    cursor.decode(text)


def test_what_is_not_base64_is_skipped() -> None:
    assert cursor.decode("!!") == b""
    assert cursor.decode("T D\no x") == b"L:1"
    assert cursor.decode("TDox") == b"L:1"
    assert cursor.decode("_-8") == cursor.decode("/+8=") == b"\xff\xef"
    assert cursor.decode("TDoxT") == b"L:1"
