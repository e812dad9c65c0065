"""What Django has to be told, in each copy of it: it goes by the names of modules, and holds on to itself."""

from __future__ import annotations

import weakref
from types import SimpleNamespace
from typing import Any

from sandbox.loader.copies import adapt
from sandbox.loader.imports import after_import, plain_text
from sandbox.runtime import patch_asgiref


def install() -> None:
    """Have it done whenever a worker imports Django (idempotent)."""
    for package in ("asgiref", "django"):
        after_import(package, patch_asgiref)
    adapt("django.apps.registry", _find_apps_by_plain_names)
    adapt("django.template.backends.django", _name_tags_plainly)
    adapt("django.dispatch.dispatcher", _hold_signals_weakly)


def _find_apps_by_plain_names(module: Any) -> None:
    """The app of a model is found by the name of the model's module, as the worker writes it."""
    real = module.Apps.get_containing_app_config
    module.Apps.get_containing_app_config = lambda self, object_name: real(self, plain_text(object_name))


def _name_tags_plainly(module: Any) -> None:
    """`{% load NAME %}` finds the worker's own libraries of template tags."""
    real = module.get_package_libraries
    module.get_package_libraries = lambda package: map(plain_text, real(package))


def _hold_signals_weakly(module: Any) -> None:
    """A signal forgets receivers that were freed. It would be kept alive for that, and all of its copy of Django by it."""

    def finalize(receiver: Any, method: Any) -> Any:
        return weakref.finalize(receiver, _call, weakref.ref(method.__self__), method.__name__)

    module.weakref = SimpleNamespace(**{**vars(weakref), "finalize": finalize})


def _call(signal: weakref.ref[Any], method: str) -> None:
    if signal() is not None:
        getattr(signal(), method)()
