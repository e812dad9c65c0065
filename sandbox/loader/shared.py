"""Packages of one's own that workers share: imported from outside the workers' folders and from no environment.

Installed as editable, say, or found by PYTHONPATH. All workers have one copy of such a package, as of any installed one;
when it is edited it is imported anew, and so are the workers that use it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import sandbox


def files_of(packages: Iterable[str]) -> dict[str, str]:
    """The source files of those packages that are one's own, as real paths, each with its package."""
    wanted = {package for package in packages if _is_own(package)}
    found = {}
    for name, module in list(sys.modules.items()) if wanted else ():
        package = name.partition(".")[0]
        file = getattr(module, "__file__", None) if package in wanted else None
        if isinstance(file, str) and file.endswith(".py"):
            found[os.path.realpath(file)] = package
    return found


def forget(package: str) -> None:
    """Take a package and all its modules out of `sys.modules`, and its byte code off the disk: that is told apart by whole
    seconds, and two saves may lie closer together."""
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        file = getattr(sys.modules.pop(name), "__file__", None)
        if isinstance(file, str) and file.endswith(".py"):
            with suppress(OSError, NotImplementedError):
                Path(importlib.util.cache_from_source(file)).unlink()
    importlib.invalidate_caches()


def _is_own(package: str) -> bool:
    module = sys.modules.get(package)
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    if not isinstance(file, str) or package in sys.stdlib_module_names:
        return False
    real = os.path.realpath(file)
    return not any(real.startswith(folder + os.sep) for folder in _installed())


@cache
def _installed() -> frozenset[str]:
    """The folders of the interpreter, of its environment, and ours."""
    folders = {sys.prefix, sys.base_prefix, site.getusersitepackages(), *site.getsitepackages()}
    folders |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.add(str(Path(sandbox.__file__).parent))
    return frozenset(os.path.realpath(folder) for folder in folders)
