"""Worker code and its clock, and the chance a packet draws: through the imports a worker writes."""

from __future__ import annotations

import asyncio
import copy
import datetime as real_datetime
import os
import pickle
import random
import secrets
import time
import uuid
from unittest import mock

import pytest

from sandbox.clock import FakeClock, SystemClock
from sandbox.runtime.context import current_worker
from sandbox.runtime.stdlib import chance
from sandbox.runtime.tape import Tape, on_tape

START = 1_700_000_000.0

CLOCKS = """
import time, datetime
from datetime import date, datetime as moment, timezone
from time import time as now, time_ns
from dataclasses import dataclass, field
from js import Date

@dataclass
class Note:
    at: moment = field(default_factory=moment.now)

class Mine(moment):
    pass

class Frozen(moment):
    @classmethod
    def now(cls, tz=None):
        return "frozen"

class Louder(moment):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz).replace(microsecond=7)

def of(owner):
    return owner.now()

def today():
    return date.today(), moment.today()

def readings():
    return {
        "time": time.time(), "now": now(), "ns": time_ns(), "date": Date.now() / 1000,
        "aware": moment.now(timezone.utc).timestamp(), "naive": moment.now().timestamp(),
        "keyword": datetime.datetime.now(tz=timezone.utc).timestamp(),
        "note": Note().at.timestamp(), "mine": Mine.now().timestamp(), "instance": moment(2020, 1, 1).now().timestamp(),
        "gmtime": time.mktime(time.localtime()),
    }
"""


def test_the_clock_of_the_worker_is_what_every_reading_shows(load):
    generation = load(CLOCKS)
    entry = importlib_entry(generation)
    clock = generation.context.clock
    with running(generation):
        first = entry.readings()
        clock.advance(3600.25)
        second = entry.readings()
    assert set(first.values()) == {START, int(START * 1e9)}
    assert second.pop("ns") == 1_700_003_600_250_000_000
    assert second.pop("gmtime") == START + 3600
    assert set(second.values()) == {START + 3600.25}


def test_dates_of_workers_are_the_real_classes(load):
    generation = load(CLOCKS)
    entry = importlib_entry(generation)
    with running(generation):
        value, mine = entry.of(entry.moment), entry.of(entry.Mine)
        assert entry.moment is real_datetime.datetime
        assert type(value) is real_datetime.datetime
        assert type(mine) is entry.Mine
        assert pickle.loads(pickle.dumps(value)) == value
        assert value - real_datetime.datetime.fromtimestamp(START) == real_datetime.timedelta(0)
        assert type(entry.today()[0]) is real_datetime.date
        assert entry.today()[0] == entry.today()[1].date() == real_datetime.date.fromtimestamp(START)
        assert entry.of(entry.Frozen) == "frozen"
        assert entry.of(entry.Louder).microsecond == 7


def test_what_is_called_now_and_is_no_date_is_left_alone(load):
    generation = load(
        """
        import enum

        class When(enum.Enum):
            now = 1
            later = 2

        class Thing:
            def __init__(self):
                self.now = 5
                self.now += 1
            def today(self):
                return "today"

        def which(value):
            match value:
                case When.now:
                    return "now"
                case _:
                    return "later"

        thing = Thing()
        seen = (thing.now, thing.today(), which(When.now), which(When.later), When.now.name)
        """
    )
    entry = importlib_entry(generation)
    assert entry.seen == (6, "today", "now", "later", "now")


def test_an_attribute_that_is_missing_is_reported_at_the_worker_s_line(load):
    generation = load("def ask(thing):\n    return thing.now()\n")
    with pytest.raises(AttributeError, match="'int' object has no attribute 'now'"):
        importlib_entry(generation).ask(3)


def test_an_unmoved_clock_is_the_machine_s(load):
    generation = load(CLOCKS)
    generation.context.clock = SystemClock()
    entry = importlib_entry(generation)
    with running(generation):
        before = time.time()
        shown = entry.readings()["time"]
        assert before <= shown <= time.time()
        generation.context.clock.offset = 7200.0
        assert entry.of(entry.moment).timestamp() - time.time() > 7000
        assert entry.time.monotonic() <= time.monotonic()


CHANCE = """
import os, random, secrets, uuid
from random import choice, Random
from uuid import uuid4
from secrets import token_hex
import os.path
from os import path, urandom
from js import Math, crypto, Uint8Array

def draw():
    numbers = Random()
    many = list(range(10))
    random.shuffle(many)
    return [
        random.random(), choice("abcdef"), many, numbers.random(), random.SystemRandom().random(),
        str(uuid4()), str(uuid.uuid4()), uuid.uuid4().version, token_hex(4), secrets.token_bytes(3), secrets.token_urlsafe(),
        secrets.randbelow(1000), secrets.choice("abc"), urandom(4), os.urandom(2), Math.random(), str(crypto.randomUUID()),
    ]
"""


def test_a_packet_draws_the_same_from_the_same_seed(load):
    entry = importlib_entry(load(CHANCE))
    assert draw(entry, 5) == draw(entry, 5)
    assert draw(entry, 5)[0] != draw(entry, 6)[0]
    assert entry.draw() != entry.draw()  # no packet: real chance
    assert all(len(set(pair)) == 2 for pair in [draw(entry, 1)[5:7]])


async def test_packets_in_flight_do_not_share_a_sequence(load):
    entry = importlib_entry(
        load(
            """
            import asyncio, random, uuid
            async def draw(count):
                drawn = []
                for _ in range(count):
                    drawn.append((random.random(), str(uuid.uuid4())))
                    await asyncio.sleep(0)
                return drawn
            """
        )
    )

    async def packet(seed: int):
        with on_tape(Tape(seed)):
            return await entry.draw(20)

    together = await asyncio.gather(packet(1), packet(2), packet(1), entry.draw(20))
    assert together[0] == together[2] == await packet(1)
    assert together[1] == await packet(2)
    assert not {drawn for drawn, _ in together[3]} & {drawn for drawn, _ in together[0] + together[1]}


def test_seeding_in_a_packet_stays_in_it_and_does_not_repeat_ids(load):
    entry = importlib_entry(
        load("import random, uuid\ndef draw():\n    random.seed(7)\n    return random.random(), uuid.uuid4()")
    )
    state = random.getstate()
    with on_tape(Tape(1)):
        first, second = entry.draw(), entry.draw()
    assert first[0] == second[0] == random.Random(7).random()
    assert first[1] != second[1]
    assert random.getstate() == state


def test_readings_are_kept_until_the_packet_is_over(load):
    generation = load(CLOCKS)
    entry = importlib_entry(generation)
    tape = Tape(1)
    with running(generation), on_tape(tape):
        entry.time.time()
        generation.context.clock.advance(2)
        entry.of(entry.moment)
        entry.time.perf_counter()
        tape.close()
        entry.time.time()
    assert tape.recorded.readings["time"] == [int(START * 1e9), int((START + 2) * 1e9)]
    assert len(tape.recorded.readings["perf_counter"]) == 1


def test_a_module_imported_by_a_packet_does_not_draw_from_it(load):
    entry = importlib_entry(
        load(
            "def late():\n    import later\n    return later.drawn",
            files={"later.py": "import random\ndrawn = random.random()"},
        )
    )
    with on_tape(Tape(3)):
        assert entry.late() != random.Random(3).random()
        assert entry.late() == entry.late()


def test_stand_ins_behave_as_the_modules_they_stand_for(load):
    entry = importlib_entry(
        load(
            """
            import importlib
            from time import *
            from secrets import *
            import os, random, secrets, time, uuid
            named = importlib.import_module("random")
            def sleepy():
                return sleep is time.sleep
            """
        )
    )
    assert entry.named is entry.random
    assert entry.sleepy()
    assert entry.random is not random
    assert not entry.os.environ and os.environ
    assert entry.os.path is os.path
    assert "getcwd" in dir(entry.os)
    assert repr(entry.random).startswith("<module 'random' from")
    assert isinstance(random.Random(1), entry.random.Random)
    assert issubclass(random.Random, entry.random.Random)
    assert not isinstance(3, entry.random.Random)
    assert type(pickle.loads(pickle.dumps(entry.random.Random(4)))) is random.Random
    assert copy.deepcopy(entry.random.Random(4)).random() == random.Random(4).random()
    assert entry.random.Random(4).random() == random.Random(4).random()
    with mock.patch("random.random", return_value=0.5), mock.patch("os.getcwd", return_value="/here"):
        assert (entry.random.random(), entry.os.getcwd()) == (0.5, "/here")
    with mock.patch.object(entry.time, "time", return_value=1), mock.patch.object(entry.os, "getpid", return_value=2):
        assert (entry.time.time(), entry.os.getpid()) == (1, 2)
    assert entry.time.time() > 1
    assert entry.os.getpid() == os.getpid()
    assert entry.secrets.compare_digest is secrets.compare_digest
    with pytest.raises(AttributeError, match="nothing"):
        entry.time.nothing  # noqa: B018


@pytest.mark.parametrize("version", [1, 4, 6, 7, 8])
def test_every_kind_of_uuid_repeats_and_is_well_formed(load, version):
    entry = importlib_entry(load("import uuid"))
    # 6, 7 and 8 came with Python 3.14; ours are made without the real ones, but for 8
    draw = getattr(entry.uuid, f"uuid{version}", None) or getattr(chance, f"_uuid{version}")
    if version == 8 and not hasattr(uuid, "uuid8"):
        pytest.skip("this Python has no uuid8")
    with running_clock(), on_tape(Tape(9)):
        first, again = draw(), draw()
    with running_clock(), on_tape(Tape(9)):
        assert draw() == first != again
    assert (first.version, first.variant) == (version, uuid.RFC_4122)
    if version == 1:
        assert abs((first.time - 0x01B21DD213814000) / 1e7 - START) < 1


def draw(entry, seed: int):
    with on_tape(Tape(seed)):
        return entry.draw()


def importlib_entry(generation):
    import importlib

    return importlib.import_module(f"{generation._namespace.prefix}.entry")


class running:
    """As within one of the generation's events."""

    def __init__(self, generation) -> None:
        self.context = generation.context

    def __enter__(self):
        self.token = current_worker.set(self.context)

    def __exit__(self, *exc):
        current_worker.reset(self.token)


class running_clock(running):
    def __init__(self) -> None:
        from sandbox.runtime.context import WorkerContext

        self.context = WorkerContext("w", clock=FakeClock())
