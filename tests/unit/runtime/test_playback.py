"""A recorded tape played again: readings, calls, reads, and the order in which things finish."""

from __future__ import annotations

import asyncio

from sandbox.runtime.playback import Playback
from sandbox.runtime.tape import MAX_BYTES, MAX_READINGS, Recorded, RecordedCall, RecordedRead, Tape


def call(url: str, body: bytes = b"", method: str = "GET", answer: bytes | None = b"yes") -> RecordedCall:
    return RecordedCall("w", method, url, body, 200, [], answer, "network")


async def nobody(request):
    raise AssertionError("nobody asks")


def playback(**recorded) -> Playback:
    return Playback(Recorded(seed=1, started_ns=1_000, **recorded), nobody)


def test_readings_come_again_in_order_and_then_go_on():
    tape = playback(readings={"time": [5, 9]})
    assert [tape.read("time", 1), tape.read("time", 1)] == [5, 9]
    assert not tape.notes
    assert 9 <= tape.read("time", 1) < 9 + 10**9
    assert tape.notes == ["the clock 'time' is read more often than it was"]
    assert playback().read("time", 7) >= 1_000
    assert playback().read("monotonic", 7) >= 7


def test_each_recorded_call_is_given_once():
    tape = playback(
        calls=[call("http://a/", answer=b"1"), call("http://a/", answer=b"2"), call("http://b/", body=b"x")]
    )
    assert [tape.take_call("GET", "http://a/", b"").answer for _ in range(2)] == [b"1", b"2"]
    assert tape.take_call("GET", "http://a/", b"") is None
    assert tape.take_call("POST", "http://b/", b"x") is None
    assert tape.take_call("GET", "http://b/", b"yz") is None
    tape.close()
    assert [(one.kind, one.what, one.nearest) for one in tape.divergences] == [
        ("call", "GET http://a/ was not recorded", "GET http://a/: asked more often than it was"),
        ("call", "POST http://b/ was not recorded", "GET http://b/: the method is POST"),
        ("call", "GET http://b/ was not recorded", "GET http://b/: the body differs (1 bytes then, 2 now)"),
        ("call_missing", "GET http://b/ was not called this time", None),
    ]


def test_secrets_are_no_difference():
    tape = Playback(
        Recorded(1, 0, calls=[call("http://a/?key=[secret]", body=b"[secret]")]),
        nobody,
        lambda text: text.replace("hunter2", "[secret]"),
    )
    assert tape.take_call("GET", "http://a/?key=hunter2", b"hunter2") is not None


def test_reads_that_were_not_made_are_noted():
    tape = playback(
        reads=[RecordedRead("n", "a", True, b"1"), RecordedRead("n", "big", True), RecordedRead("n", "a", False, at=2)]
    )
    assert [read.value for read in tape.reads_of("n", "a")] == [b"1", None]
    assert tape.reads_of("n", "b") == []
    tape.not_read("n", "b", None)
    tape.not_read("n", "big", tape.reads_of("n", "big")[0])
    assert tape.list_of("n", "", None, None) is None
    assert [one.kind for one in tape.divergences] == ["kv_read", "over", "kv_list"]


async def test_things_finish_in_the_recorded_order():
    tape = playback(turns=["c", "a", "b", "a"])
    finished: list[str] = []

    async def one(name: str) -> None:
        await tape.turn(name)
        finished.append(name)

    await asyncio.gather(one("a"), one("b"), one("c"), one("a"))
    assert finished == ["c", "a", "b", "a"]


async def test_what_does_not_come_is_left_out_and_what_is_new_does_not_wait():
    tape = playback(turns=["gone", "a", "gone", "b"])
    finished: list[str] = []

    async def one(name: str) -> None:
        await tape.turn(name)
        finished.append(name)

    await asyncio.gather(one("b"), one("new"), one("a"))
    assert finished == ["new", "a", "b"]


def test_a_tape_keeps_no_more_than_its_limits_and_says_so():
    tape = Tape(1)
    for at in range(MAX_READINGS + 2):
        tape.read("time", at)
    tape.call_ended(call("http://a/", answer=b"x" * (MAX_BYTES - 10)))
    tape.call_ended(call("http://b/", answer=b"x" * 20))
    tape.kv_read(RecordedRead("n", "k", True, b"x" * 20))
    assert len(tape.recorded.readings["time"]) == MAX_READINGS
    assert [one.answer is None for one in tape.recorded.calls] == [False, True]
    assert tape.recorded.reads[-1].value is None
    assert tape.recorded.over == [
        "readings of time after the first 10,000",
        "the bodies of GET http://b/",
        "the value of k in n",
    ]
