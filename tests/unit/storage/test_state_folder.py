"""The state folder: private, held by one sandbox at a time, no way out of it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.storage import StateFolder, StateFolderBusy, StateFolderRefused

HOLD = """
import sys
from pathlib import Path
from sandbox.storage import StateFolder
StateFolder.open(Path(sys.argv[1])).lock({"address": "http://localhost:8787"})
print("held", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_made_private(tmp_path: Path) -> None:
    loose = tmp_path / "state"
    loose.mkdir(mode=0o755)
    folder = StateFolder.open(loose)
    assert mode(loose) == 0o700
    path = folder.path_for("kv", "x.sqlite")
    assert path == loose.resolve() / "kv" / "x.sqlite"
    assert mode(path.parent) == 0o700
    assert not (loose / ".gitignore").exists()
    made = StateFolder.open(tmp_path / "new" / "deep").path
    assert mode(made) == 0o700 and (made / ".gitignore").read_text().endswith("\n*\n")


@pytest.mark.parametrize("parts", [("..",), ("a/b",), ("",), (".",), ("kv", ".."), ("a\\b",), ("a\0",)])
def test_no_path_leads_out(tmp_path: Path, parts: tuple[str, ...]) -> None:
    with pytest.raises(StateFolderRefused):
        StateFolder.open(tmp_path).path_for(*parts)


def test_symbolic_links_inside_are_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = StateFolder.open(tmp_path / "state")
    (folder.path / "kv").symlink_to(outside)
    with pytest.raises(StateFolderRefused, match="symbolic link"):
        folder.path_for("kv", "x.sqlite")
    (folder.path / "sandbox.lock").symlink_to(outside / "made")
    with pytest.raises(StateFolderRefused, match="symbolic link"):
        folder.lock({})
    assert list(outside.iterdir()) == []


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateFolderRefused):
        StateFolder.open(tmp_path / "state")


def test_the_holder_is_told_and_forgotten(tmp_path: Path) -> None:
    mine, other = StateFolder.open(tmp_path), StateFolder.open(tmp_path)
    assert other.holder() is None
    mine.lock({"address": "http://localhost:1"})
    holder = other.holder()
    assert holder is not None
    assert (holder["pid"], holder["address"]) == (os.getpid(), "http://localhost:1")
    assert mode(tmp_path / "sandbox.lock") == 0o600
    mine.lock({"address": "http://localhost:22222"})
    mine.lock({"address": "short"})
    assert (other.holder() or {})["address"] == "short"
    assert mine.holder() == other.holder()
    with pytest.raises(StateFolderBusy, match="short") as refusal:
        other.lock({})
    assert refusal.value.holder["pid"] == os.getpid()
    mine.release()
    mine.release()
    assert other.holder() is None
    other.lock({})
    other.release()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    folder = StateFolder.open(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        info = folder.holder()
        assert info is not None
        assert info["pid"] == holder.pid
        with pytest.raises(StateFolderBusy):
            folder.lock({})
        holder.kill()
        holder.wait()
    assert json.loads((tmp_path / "sandbox.lock").read_text())["pid"] == holder.pid  # its file is still there
    assert folder.holder() is None
    folder.lock({})
    folder.release()
