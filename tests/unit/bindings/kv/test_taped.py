"""A packet's reads of KV on its tape: played again, they are what they were, whoever writes meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.bindings.kv import KvStores
from sandbox.bindings.kv.taped import taped
from sandbox.clock import FakeClock
from sandbox.runtime.playback import Playback
from sandbox.runtime.tape import Tape

MINE, THEIRS = "mine", "theirs"
STEPS = st.lists(
    st.tuples(st.sampled_from([MINE, THEIRS, "read"]), st.sampled_from("ab"), st.sampled_from([None, b"", b"1", b"2"])),
    max_size=25,
)


async def nobody(request):
    raise AssertionError("nobody asks")


async def go(steps, store, others=None):
    """What the reads among the steps found. Without `others` nobody else writes."""
    found = []
    for who, key, value in steps:
        target = {MINE: store, THEIRS: others, "read": None}[who]
        if target is not None and value is None:
            await target.delete(key)
        elif target is not None:
            await target.put(key, value)
        elif who == "read":
            entry = await store.get(key)
            found.append(entry and entry.value)
    return found


@pytest.mark.parametrize("size", [3, 300 * 1024])
async def test_what_another_wrote_over_it_is_read_again(tmp_path, size):
    stores = KvStores(tmp_path / "kv", FakeClock())
    real, tape = stores.get("kv"), Tape(1)
    steps = [(MINE, "a", b"x"), ("read", "a", None), (THEIRS, "a", b"y" * size), ("read", "a", None)]
    found = await go(steps, taped(tape, real), real)
    assert found == [b"x", b"y" * size]
    playback = Playback(tape.recorded, nobody)
    assert await go(steps, taped(playback, real)) == found
    assert (playback.divergences, playback.notes) == ([], [])
    await stores.close()


@given(STEPS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_reads_are_what_they_were(tmp_path_factory, steps):
    stores = KvStores(tmp_path_factory.mktemp("taped") / "kv", FakeClock())
    real, tape = stores.get("kv"), Tape(1)
    found = await go(steps, taped(tape, real), real)
    playback = Playback(tape.recorded, nobody)
    assert await go(steps, taped(playback, real)) == found
    assert playback.divergences == []
    await stores.close()
