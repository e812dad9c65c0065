"""200 saves in 10 s, every fifth a syntax error, under requests of every kind and 20 executions: nothing fails by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.storm import project as made
from tests.acceptance.storm.load import storm

LAUNCH = Path(__file__).with_name("launch.py")
SHORT = {"saves": 30, "seconds": 2.0, "executions": 6}


@pytest.fixture
def storming(project, up):
    """Start the sandbox, without one of its guards, and let a storm loose on it."""

    def storming(guard: str = "none", **size):
        made.write(project)
        return storm(up(project, command=(str(LAUNCH), guard)), project, **size)

    return storming


def test_a_short_storm(storming):
    report = storming(**SHORT)
    print(report.text())
    assert report.problems == []
    assert report.stale > 0 and report.broken == 6
    assert report.executions == 6 and report.packets == 18
    assert all(report.requests.values())


@pytest.mark.nightly
def test_the_storm_notices_when_a_generation_is_not_kept_for_what_runs(storming):
    report = storming("lease", saves=10, seconds=0.7, executions=2, patience=2.0)
    assert any(": 500 " in problem for problem in report.problems), report.text()


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("guard", "noticed"),
    [
        ("last_good", ": 503 "),
        ("hold", "went to more than one generation"),
        ("forgetting", "generations left behind"),
    ],
)
def test_the_storm_notices_each_guard_that_is_taken_away(storming, guard, noticed):
    report = storming(guard, saves=30, seconds=2.0, executions=20, patience=3.0)
    assert any(noticed in problem for problem in report.problems), report.text()


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_the_whole_storm(storming):
    report = storming(saves=200, seconds=10.0, executions=20)
    print(report.text())
    assert report.problems == []
    assert report.broken == 40 and report.executions == 20 and report.packets == 60
    assert report.seconds < 15
