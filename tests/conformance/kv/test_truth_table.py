"""The oracle's KV probe, served by our runtime, line by line against what real Pyodide and Miniflare answered."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ORACLE = ROOT.parent / "shared" / "oracle"

# Rows that are not compared, and why.
EXCLUDED = {
    "put object": "a DevalueError of the recording: it comes from Miniflare's Node proxy, which workerd does not have",
}
# What differs from run to run, or is the name of a class's home and not a behaviour.
NORMALISED = [
    (re.compile(r"0x[0-9a-f]+"), "0xADDRESS"),
    (re.compile(r"'expiration': \d+"), "'expiration': TIME"),
    (re.compile(r"Invalid expiration of \d{10}\."), "Invalid expiration of TIME."),
    (re.compile(r"sandbox\.runtime\.\S+\.JsException "), "pyodide.ffi.JsException "),
    (re.compile(r"-> sandbox\.runtime\.\S+ "), "-> pyodide.ffi.JsProxy "),
]


def normalised(line: str) -> str:
    for pattern, text in NORMALISED:
        line = pattern.sub(text, line)
    return line.rstrip()


def label(line: str) -> str:
    return re.split(r" +(?:->|!!) ", line)[0].strip()


def test_probe_against_the_recorded_answers(tmp_path: Path) -> None:
    if not ORACLE.is_dir():
        pytest.skip(f"the recorded answers are not here ({ORACLE.name}/ beside the project)")
    recorded = (ORACLE / "kv_d1_ground_truth.txt").read_text(encoding="utf-8").partition("---- D1")[0].splitlines()
    run = subprocess.run(
        [sys.executable, str(HERE / "hosting.py"), str(tmp_path / "kv"), str(ORACLE / "probe" / "src" / "worker.py")],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stderr
    ours = run.stdout.splitlines()
    assert [label(normalised(line)) for line in ours] == [label(normalised(line)) for line in recorded]
    assert len(recorded) > 80
    compared = [(a, b) for a, b in zip(recorded, ours, strict=True) if label(a) not in EXCLUDED]
    assert len(recorded) - len(compared) == len(EXCLUDED)
    different = [f"recorded: {a}\n    ours: {b}" for a, b in compared if normalised(a) != normalised(b)]
    assert not different, "\n".join(different)
