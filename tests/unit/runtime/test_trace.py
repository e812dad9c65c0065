"""W3C Trace Context: what is taken from a header, what goes out, and that no id comes twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.runtime.trace import (
    Trace,
    continued,
    current_trace,
    for_execution,
    hop,
    parse_traceparent,
    trace_headers,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEX = "0123456789abcdef"


@pytest.mark.parametrize(
    ("header", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-01", 1),
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f"00-{TRACE}-{SPAN}-ff", 255),
        (f"01-{TRACE}-{SPAN}-01", 1),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", 1),
        (f"fe-{TRACE}-{SPAN}-01-", 1),
    ],
)
def test_valid_headers(header, flags):
    assert parse_traceparent(header) == (TRACE, SPAN, flags)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE}-{SPAN}-0A",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}",
        f"0-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01what",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{'٠' * 32}-{SPAN}-01",
    ],
)
def test_headers_that_do_not_count(header):
    assert parse_traceparent(header) is None
    begun = continued(header, "vendor=1")
    assert begun.trace_id != TRACE and begun.parent_id is None and begun.state is None and not begun.remote


@given(st.text(alphabet=HEX + "-gG ٠", max_size=70))
def test_whatever_comes_in_what_goes_out_is_valid(text):
    trace = continued(text)
    found = parse_traceparent(trace.traceparent)
    assert found == (trace.trace_id, trace.span_id, trace.flags)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", trace.traceparent)
    assert (parse_traceparent(text) is not None) == trace.remote


@given(
    st.text(alphabet=HEX, min_size=2, max_size=2),
    st.text(alphabet=HEX, min_size=32, max_size=32),
    st.text(alphabet=HEX, min_size=16, max_size=16),
    st.integers(0, 255),
)
def test_a_valid_header_is_continued(version, trace_id, span_id, flags):
    found = parse_traceparent(f"{version}-{trace_id}-{span_id}-{flags:02x}")
    valid = version != "ff" and set(trace_id) != {"0"} and set(span_id) != {"0"}
    assert (found is not None) == valid
    if valid:
        trace = continued(f"{version}-{trace_id}-{span_id}-{flags:02x}")
        assert (trace.trace_id, trace.parent_id) == (trace_id, span_id)
        assert trace.span_id not in (span_id, "0" * 16)
        assert trace.flags == flags & 0x03  # bits without a meaning go out as zero


def test_a_child_is_in_the_trace_and_under_its_parent():
    parent = Trace(execution_id="exec_1", state="vendor=1")
    child = parent.child(stage="fetch")
    grandchild = child.child(packet_id="packet_1")
    assert child.trace_id == grandchild.trace_id == parent.trace_id
    assert (child.parent_id, grandchild.parent_id) == (parent.span_id, child.span_id)
    assert (grandchild.execution_id, grandchild.stage, grandchild.packet_id) == ("exec_1", "fetch", "packet_1")
    assert parent.stage is None
    assert grandchild.state == "vendor=1"


def test_no_id_comes_twice():
    made = [Trace() for _ in range(5000)]
    assert len({trace.trace_id for trace in made}) == len({trace.span_id for trace in made}) == 5000


def test_a_hop_is_left_again():
    outer = Trace()
    with hop(outer):
        with hop() as inner:
            assert current_trace.get() is inner and inner.parent_id == outer.span_id
        assert current_trace.get() is outer
    assert current_trace.get() is None


def test_an_execution_has_one_trace():
    execution = "exec_" + TRACE
    assert for_execution(execution).trace_id == TRACE  # after a restart as well
    asked = continued(f"00-{'1' * 32}-{SPAN}-01")
    begun = for_execution(execution, asked=asked)
    assert (begun.trace_id, begun.parent_id, begun.execution_id) == ("1" * 32, asked.span_id, execution)
    assert for_execution(execution, asked=Trace()).trace_id == TRACE  # the request that asked was in no trace
    with hop(begun.child(stage="s")) as current:
        assert for_execution(execution) is current
        assert for_execution("exec_" + "2" * 32).trace_id == "2" * 32


def test_headers_that_are_there_stay():
    trace = continued(f"00-{TRACE}-{SPAN}-01", "vendor=1")
    assert trace_headers(trace, []) == [("traceparent", trace.traceparent), ("tracestate", "vendor=1")]
    assert trace_headers(trace, [("traceparent", "own")]) == []
    assert trace_headers(trace, [("tracestate", "own=1")]) == [("traceparent", trace.traceparent)]
