"""Cloudflare's own `workerd-test/wsgi`, from the SDK's source distribution, unmodified."""

from __future__ import annotations

from tests.conformance.sdk.launch import run_project

TESTS = 18
"""10 tests, and one with eight sets of parameters that go over a real socket."""


def test_wsgi_suite(tmp_path):
    outcome = run_project("wsgi", tmp_path)
    print(f"workerd-test/wsgi: {len(outcome.passed)} of {TESTS} pass")
    assert outcome.failed == {}, outcome.output
    assert (len(outcome.passed), outcome.skipped, outcome.code) == (TESTS, [], 0), outcome.output
