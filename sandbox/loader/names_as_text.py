"""Module names given as text (`import_module("utils")`, `find_spec`, `pkgutil.get_data`, logging) mean the worker's own.

These functions belong to shared modules, so they are wrapped once for the process. The wrappers look who is calling and
which worker is current, and do nothing for everybody else.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import logging
import pkgutil
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from sandbox.loader import for_django
from sandbox.loader.finder import install_finder
from sandbox.loader.imports import ROOT, after_import, copies_meant_by, meant_by, owner_of, plain_text, tell_of_import
from sandbox.runtime.stdlib import STAND_INS

_bootstrap: Any = vars(importlib)["_bootstrap"]
_real_gcd_import = _bootstrap._gcd_import
_real_find_spec = importlib.util.find_spec
_real_get_data = pkgutil.get_data
_DOTTED_ROOT = ROOT + "."


def install() -> None:
    """Wrap the functions and register the finder (idempotent)."""
    install_finder()
    # Not `importlib.import_module` itself: libraries hold it by `from importlib import import_module` (jinja2 does),
    # and all of them end here.
    _bootstrap._gcd_import = _gcd_import
    importlib.util.find_spec = _find_spec
    pkgutil.get_data = _get_data
    # Loggers live as long as the process: `getLogger(__name__)` in generation 4 is that of generation 3, and is called
    # what the worker calls it (so dictConfig's "loggers" find it).
    logging.Logger.manager.getLogger = _get_logger  # type: ignore[method-assign]
    after_import("logging", _adapt_dict_config)
    for_django.install()


def _adapt_dict_config() -> None:
    """Let `logging.config.dictConfig` find the worker's own classes, once that module is there."""
    config = sys.modules.get("logging.config")
    if config is not None:
        config.BaseConfigurator.importer = staticmethod(_dict_config_import)


def _gcd_import(name: str, package: str | None = None, level: int = 0) -> ModuleType:
    frame = sys._getframe(2)
    if level == 0:
        own = meant_by(name, frame)
        if own is None and owner_of(frame.f_globals.get("__name__")) is not None:
            tell_of_import(name)
        name = own or name
    elif package:
        package = meant_by(package, frame) or package
    copies = copies_meant_by(frame)
    if copies is None:
        module: ModuleType = _real_gcd_import(name, package, level)
    else:
        module = copies.run(_real_gcd_import, name, package, level)
    if level == 0 and name in STAND_INS and owner_of(frame.f_globals.get("__name__")) is not None:
        return STAND_INS[name]
    return module


def _find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
    frame = sys._getframe(1)
    if name.startswith("."):
        package = package and (meant_by(package, frame) or package)
    else:
        name = meant_by(name, frame) or name
    copies = copies_meant_by(frame)
    if copies is None:
        return _real_find_spec(name, package)
    found: ModuleSpec | None = copies.run(_real_find_spec, name, package)
    return found


def _get_data(package: str, resource: str) -> bytes | None:
    qualified = meant_by(package, sys._getframe(1))
    if qualified is not None:
        # The real one would run a module again that it does not see in sys.modules under the plain name.
        importlib.import_module(qualified)
    return _real_get_data(qualified or package, resource)


_real_get_logger = logging.Logger.manager.getLogger


def _get_logger(name: str) -> logging.Logger:
    if isinstance(name, str) and name.startswith(_DOTTED_ROOT):
        name = plain_text(name) or "root"
    return _real_get_logger(name)


def _dict_config_import(name: str) -> ModuleType:
    qualified = meant_by(name, sys._getframe(1))
    if qualified is None:
        return builtins.__import__(name)
    importlib.import_module(qualified)
    return sys.modules[qualified.removesuffix(name) + name.partition(".")[0]]
