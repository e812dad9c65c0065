"""Mutated requests and clients that leave, against the real process: it lives, answers, and keeps nothing."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.acceptance.rough.clients import Report, abort, mutated, rough

WORKER = Path(__file__).parents[2] / "fixtures" / "workers" / "rough"
GROWTH_KIB = 96 * 1024


@pytest.fixture
def running(project, up):
    project.copy(WORKER)
    return up(project)


def check(report: Report, running) -> None:
    print(f"\n{report.text()}")
    assert report.alive and not report.problems, report.text()
    for key in ("tasks", "descriptors", "generations", "held"):
        assert report.after[key] <= report.before[key], report.text()
    assert report.after["rss_kib"] - report.before["rss_kib"] < GROWTH_KIB, report.text()
    assert not re.search(r"Traceback|failed inside|never retrieved|never awaited", running.console), running.console
    assert running.ask(worker="rough").status == 200


async def test_clients_that_leave_at_every_moment(running) -> None:
    check(await rough(running, abort, "aborted requests", 100, 20_26), running)


async def test_mutated_requests(running) -> None:
    check(await rough(running, mutated, "mutated requests", 500, 20_26), running)


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_1_000_clients_that_leave(running) -> None:
    check(await rough(running, abort, "aborted requests", 1_000, random.randrange(1 << 30)), running)


@pytest.mark.nightly
@pytest.mark.timeout(900)
async def test_10_000_mutated_requests(running) -> None:
    check(await rough(running, mutated, "mutated requests", 10_000, random.randrange(1 << 30)), running)
