"""Cloudflare's own `workerd-test/sdk` and `workerd-test/python-rpc`, from the SDK's source distribution, unmodified."""

from __future__ import annotations

from tests.conformance.sdk.launch import run_project

TESTS = 21
EXCEPTIONS: dict[str, str] = {}
"""Tests that fail here and why. There are none."""


def test_sdk_suite(tmp_path):
    outcome = run_project("sdk", tmp_path)
    print(f"workerd-test/sdk: {len(outcome.passed)} of {TESTS} pass")
    assert set(outcome.failed) == set(EXCEPTIONS), outcome.output
    assert len(outcome.passed) == TESTS - len(EXCEPTIONS), outcome.output
    assert (outcome.skipped, outcome.code) == ([], 0), outcome.output


def test_python_rpc_scenario(tmp_path):
    """Its `Default.test()` as it stands, to the end. Only the JavaScript worker is replaced (see jsworker.py)."""
    outcome = run_project("python-rpc", tmp_path)
    print(f"workerd-test/python-rpc: {outcome.output.strip()}")
    assert outcome.code == 0, outcome.output
    assert "both directions ran to the end" in outcome.output
