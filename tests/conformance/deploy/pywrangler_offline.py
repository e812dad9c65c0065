"""pywrangler with what this machine has in place of what it would download: python pywrangler_offline.py INDEX ARGUMENT...

Two things are put in its place. The packages compiled for Pyodide come from the folder INDEX instead of index.pyodide.org.
And the environment for editors, `.venv-workers`, of which nothing is uploaded, is made with Pyodide's Python instead of a
CPython of the same version, which uv would download from GitHub. All else is pywrangler's own code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pywrangler import cli, resolve, sync, utils


def _create_workers_venv() -> None:
    folder = sync.get_venv_workers_path()
    utils.run_command(["uv", "venv", "--quiet", "--clear", str(folder), "--python", utils.get_uv_pyodide_interp_name()])


if __name__ == "__main__":
    index = Path(sys.argv.pop(1)).resolve().as_uri()
    resolve.get_pyodide_index = lambda: index
    sync.create_workers_venv = _create_workers_venv
    cli.app(prog_name="pywrangler")
