"""Exported workers answer in real Pyodide as they answer here. Skipped, with the reason, where Node or its packages lack."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.oracle import asking, exports
from tests.conformance.oracle import compare as oracle

WHY = exports.missing()
needs_pyodide = pytest.mark.skipif(WHY is not None, reason=WHY or "")
FIRST, *OTHERS = exports.workers()


def equal(outcome):
    assert outcome.absent is None, oracle.line(outcome)
    assert outcome.differences == [], oracle.line(outcome)
    assert outcome.asked >= 14


@pytest.mark.nightly
@needs_pyodide
@pytest.mark.timeout(180)
def test_the_first_worker():
    outcome, result = oracle.compare(FIRST)
    equal(outcome)
    assert result, "its own example has to give a result, or the comparison says little"


@pytest.mark.nightly
@needs_pyodide
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", OTHERS)
def test_the_other_workers(name):
    outcome, result = oracle.compare(name)
    equal(outcome)
    assert result


@pytest.mark.nightly
@needs_pyodide
@pytest.mark.timeout(500)
def test_the_stages_of_the_pipeline_over_the_sample_feeds_and_with_a_model():
    with ThreadPoolExecutor(oracle.AT_A_TIME) as pool:
        stages = list(oracle.pipeline(pool))
        for outcome, _ in stages:
            equal(outcome.result())
    asked = [
        outcome.result().worker for outcome, result in stages if "The model small took part." in json.dumps(result)
    ]
    assert len(asked) == 4, asked


@pytest.mark.nightly
@needs_pyodide
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("import uuid; NAME = uuid.uuid4()", "Randomness is not allowed while a Worker is starting"),
        ("import random; NAME = random.random()", "Randomness is not allowed while a Worker is starting"),
        ("import js; NAME = js.fetch('https://feeds.test/')", "Disallowed operation called within global scope"),
    ],
)
def test_chance_and_calls_at_import_are_refused_there(tmp_path, line, says):
    folder = tmp_path / "workers" / "hasty"
    folder.mkdir(parents=True)
    (folder / "wrangler.jsonc").write_text('{"name": "hasty", "main": "entry.py"}')
    (folder / "entry.py").write_text(f"{line}\n")
    (tmp_path / "packages").mkdir()
    with pytest.raises(RuntimeError, match=says):
        asking.ask_there(tmp_path, "hasty", tmp_path / "packages", [])


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        ({"a": [1, 2]}, {"a": [1, 2]}, []),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["a[1]: here 2, in Pyodide 3"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a: here [1, 2], in Pyodide [1]"]),
        ({"a": 1}, {"b": 1}, ["a: only here", "b: only there"]),
        ({"a": True}, {"a": 1}, ["a: here true, in Pyodide 1"]),
        ({"timestamp": "x"}, {"timestamp": "y"}, []),
        ({"timestamp": "x"}, {"timestamp": None}, ['timestamp: here "x", in Pyodide null']),
        ({"timestamp": "x"}, {}, ["timestamp: only here"]),
    ],
)
def test_what_counts_as_a_difference(here, there, found):
    assert list(oracle.differences(here, there, set(oracle.VOLATILE))) == found
