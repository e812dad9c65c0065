"""The pure part of faults: what stands where, whom it meets, and chance that repeats itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.config.faults import KINDS, BadFault, fault_of
from sandbox.config.models import FaultConfig
from sandbox.intercept.chance import draw
from sandbox.intercept.faults import Fault, Faults
from sandbox.intercept.places import Passing, Place, glob

WORKERS = ["feed_fetcher", "report-builder"]


def of(**fields):
    return fault_of(fields, WORKERS)


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({}, ("request",)),
        ({"route": "/classify*"}, ("request",)),
        ({"route": "https://feeds.test/*"}, ("outbound",)),
        ({"at": "outbound"}, ("outbound",)),
        ({"at": "process"}, ("process",)),
        ({"key": "a*"}, ("kv.get", "kv.put", "kv.delete", "kv.list")),
        ({"at": "kv.put", "binding": "CACHE"}, ("kv.put",)),
        ({"binding": "CACHE"}, ("service", "kv.get", "kv.put", "kv.delete", "kv.list")),
        ({"at": "service", "binding": "OTHER", "route": "/x"}, ("service",)),
    ],
)
def test_where_it_stands_follows_from_what_narrows_it_down(fields, points):
    assert of(kind="latency", ms=1, **fields).points == points


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "kind: is missing"),
        ({"kind": "latncy"}, "kind: must be one of"),
        ({"kind": "latency"}, "ms: is missing"),
        ({"kind": "latency", "ms": -1}, "ms: must be from 0"),
        ({"kind": "latency", "ms": 1, "status": 500}, "status: is not for kind latency"),
        ({"kind": "status", "status": 99}, "status: must be from 200 to 599"),
        ({"kind": "status", "status": 503, "headers": {"x": "a\r\nb"}}, "headers.x: a header cannot hold"),
        ({"kind": "status", "status": 503, "headers": {"a b": "x"}}, "headers.a b: cannot be a header's name"),
        ({"kind": "status", "status": 503, "headers": {"x": []}}, "headers.x: must be text"),
        ({"kind": "status", "status": 503, "body": 5}, "body: must be text"),
        ({"kind": "drop", "worker": "fed_fetcher"}, 'worker: there is no worker "fed_fetcher"'),
        ({"kind": "drop", "probability": 1.5}, "probability: must be from 0 to 1"),
        ({"kind": "drop", "probability": float("nan")}, "probability: must be a number"),
        ({"kind": "drop", "probability": True}, "probability: must be a number"),
        ({"kind": "drop", "times": 0}, "times: must be at least 1"),
        ({"kind": "drop", "at": "moon"}, "at: must be one of"),
        ({"kind": "drop", "route": "classify"}, "route: "),
        ({"kind": "drop", "at": "outbound", "route": "/x"}, "route: "),
        ({"kind": "drop", "at": "process", "route": "/x"}, "route: process has no route"),
        ({"kind": "drop", "at": "request", "binding": "X"}, "binding: "),
        ({"kind": "drop", "at": "request", "key": "X"}, "key: is for KV"),
        ({"kind": "slow_body", "at": "kv.get", "bytes_per_second": 5}, "kind: slow_body is not for KV"),
        ({"kind": "kv_429", "at": "request"}, "at: kv_429 is for KV"),
        ({"kind": "drop", "wroker": "x"}, "wroker: is not known"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(fields, told):
    with pytest.raises(BadFault) as caught:
        of(**fields)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "passing", "meets"),
    [
        ({}, Passing("request", "feed_fetcher", "/"), True),
        ({}, Passing("process", "feed_fetcher"), False),
        ({"worker": "Report_Builder"}, Passing("request", "report-builder", "/"), True),
        ({"worker": "feed*"}, Passing("request", "feed_fetcher", "/"), True),
        ({"worker": "feed*"}, Passing("request", "report-builder", "/"), False),
        ({"route": "/a/*"}, Passing("request", "w", "/a/b/c?d=1"), True),
        ({"route": "/a"}, Passing("request", "w", "/a?d=1"), True),
        ({"route": "/a?d=2"}, Passing("request", "w", "/a?d=1"), False),
        ({"route": "/a.b"}, Passing("request", "w", "/axb"), False),
        ({"route": "https://f.test/*"}, Passing("outbound", "w", "https://f.test/x"), True),
        ({"at": "kv", "binding": "CACHE"}, Passing("kv.get", "w", None, ("CACHE", "ns-1"), ("k",)), True),
        ({"at": "kv", "binding": "ns-1"}, Passing("kv.get", "w", None, ("CACHE", "ns-1"), ("k",)), True),
        ({"at": "kv", "binding": "OTHER"}, Passing("kv.get", "w", None, ("CACHE", "ns-1"), ("k",)), False),
        ({"at": "kv.put", "key": "re*"}, Passing("kv.put", "w", None, (), ("result:1",)), True),
        ({"key": "b"}, Passing("kv.get", "w", None, (), ("a", "b")), True),
        ({"key": "c"}, Passing("kv.get", "w", None, (), ("a", "b")), False),
    ],
)
def test_whom_it_meets(fields, passing, meets):
    assert Place.of(of(kind="latency", ms=1, **fields)).meets(passing) is meets


@given(st.text(alphabet="ab*.?/\n", max_size=8), st.text(alphabet="ab.?/\n", max_size=8))
def test_a_glob_matches_as_a_plain_walk_says(pattern, text):
    def walk(pattern, text):
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(walk(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return bool(text) and text[0] == pattern[0] and walk(pattern[1:], text[1:])

    assert (glob(pattern).fullmatch(text) is not None) == walk(pattern, text)


@settings(max_examples=50)
@given(
    st.floats(0, 1),
    st.integers(0, 2**53),
    st.one_of(st.none(), st.integers(1, 20)),
    st.lists(st.booleans(), max_size=60),
)
def test_the_nth_decision_depends_on_the_seed_and_on_n_alone(probability, seed, times, others):
    """Whatever passes elsewhere in between, and whatever another fault does."""
    config = of(kind="drop", probability=probability, seed=seed, **({"times": times} if times else {}))
    alone, among = Fault("f1", config, "added"), Fault("f2", config, "added")
    noise = Fault("f3", of(kind="drop", probability=0.5), "added")
    decisions = []
    for other in others:
        if other:
            noise.strikes()
        decisions.append(among.strikes())
    assert decisions == [alone.strikes() for _ in others]
    expected = [draw(seed, n)[0] < probability for n in range(1, len(others) + 1)]
    if times is not None:
        expected = [hit and sum(expected[:at]) < times for at, hit in enumerate(expected)]
    assert [decision is not None for decision in decisions] == expected
    assert among.injected == sum(expected) and among.seen == len(others)


def test_chance_is_the_same_everywhere_and_fair():
    assert draw(7, 1) == (0.581280766397928, 0.7407131747557736)
    hits = sum(draw(1, n)[0] < 0.3 for n in range(10_000))
    assert 2_800 < hits < 3_200


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([10**400, "kv", "/x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = [*FaultConfig.__dataclass_fields__, "self", "other"]


@given(st.sampled_from([*KINDS, "slow-body", "x"]), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_whatever_is_given_is_a_fault_or_a_clear_refusal(kind, fields):
    try:
        fault = make().add(**{**fields, "kind": kind})
    except BadFault as error:
        assert error.message
    else:
        assert fault.config.points and fault.as_json()["kind"] == fault.config.kind


def make(told=None):
    return Faults(lambda: WORKERS, lambda: None, lambda *seen: (told if told is not None else []).append(seen))


def test_latencies_add_up_and_the_first_end_is_the_last_that_is_asked():
    told: list = []
    faults = make(told)
    faults.add(kind="latency", ms=100)
    faults.add(kind="latency", ms=50, jitter_ms=50, seed=3)
    faults.add(kind="slow_body", bytes_per_second=10)
    end = faults.add(kind="status", status=503)
    never = faults.add(kind="drop")
    struck = faults.meet(Passing("request", "feed_fetcher", "/"))
    assert struck is not None and struck.end is end and [fault.id for fault in struck.shapes] == ["f3"]
    assert 0.15 <= struck.delay < 0.2
    assert (never.seen, end.injected, len(told)) == (0, 1, 4)
    assert faults.meet(Passing("process", "feed_fetcher")) is None


def test_what_sandbox_toml_says_comes_back_and_what_was_added_stays():
    faults = make()
    one, two = of(kind="drop", worker="feed_fetcher"), of(kind="latency", ms=5)
    faults.configure([one, two])
    by_hand = faults.add(kind="status", status=500)
    kept = next(iter(faults))
    faults.meet(Passing("request", "feed_fetcher", "/"))
    faults.remove("f2")
    faults.configure([one, two])
    assert [(fault.config, fault.origin) for fault in faults] == [
        (one, "sandbox.toml"),
        (two, "sandbox.toml"),
        (by_hand.config, "added"),
    ]
    assert kept in faults and kept.injected == 1
    faults.configure([])
    assert list(faults) == [by_hand]
