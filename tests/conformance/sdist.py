"""The source distribution of the SDK in use, which holds Cloudflare's own test suites.

They are run from there and not copied. `$SANDBOX_SDK_SDIST` names the archive or its unpacked folder; else it is fetched
once from the package index and kept in the user's cache folder.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

PACKAGE = "workers-runtime-sdk"
FETCH_TIMEOUT_S = 45
MISSING = (
    f"the source distribution of {PACKAGE} is neither named by $SANDBOX_SDK_SDIST nor cached, and could not be fetched"
)


@functools.cache
def sdist_path() -> Path | None:
    """The unpacked folder (with `tests/` in it) of the installed version, or None where it cannot be had."""
    wanted = version(PACKAGE)
    named = os.environ.get("SANDBOX_SDK_SDIST")
    if named:
        path = Path(named)
        if path.is_dir():
            return path if (path / "tests").is_dir() else None
        return _unpacked(path, wanted) if path.is_file() else None
    folder = _cache() / f"{PACKAGE.replace('-', '_')}-{wanted}"
    if (folder / "tests").is_dir():
        return folder
    with tempfile.TemporaryDirectory() as scratch:
        archive = _fetched(wanted, Path(scratch))
        return None if archive is None else _unpacked(archive, wanted)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workers-sandbox" / "sdist"


def _fetched(wanted: str, folder: Path) -> Path | None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    command += ["--timeout", "10", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), f"{PACKAGE}=={wanted}"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=FETCH_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(folder.glob("*.tar.gz"), None)


def _unpacked(archive: Path, wanted: str) -> Path | None:
    """Unpack into the cache, so that a half-unpacked folder never takes the name of a whole one."""
    folder = _cache() / f"{PACKAGE.replace('-', '_')}-{wanted}"
    if (folder / "tests").is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        with tarfile.open(archive) as content:
            content.extractall(scratch, filter="data")
        unpacked = next((path for path in Path(scratch).iterdir() if (path / "tests").is_dir()), None)
        if unpacked is None:
            return None
        try:
            unpacked.rename(folder)
        except OSError:  # another process was faster
            if not (folder / "tests").is_dir():
                shutil.rmtree(folder, ignore_errors=True)
                return None
    return folder
