"""`assets` of a wrangler file."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.config.bindings import NAME, NAME_HINT
from sandbox.config.models import AssetsConfig
from sandbox.config.tables import Table, shown

HTML_HANDLING = ("auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none")
NOT_FOUND_HANDLING = ("none", "404-page", "single-page-application")
MAX_PATTERNS = 100
"""Entries of `run_worker_first` [docs: static-assets/binding]."""


def read_assets(table: Table, folder: Path) -> AssetsConfig | None:
    """The settings, None where there are none or nothing can be served by them (then with problems)."""
    assets = table.table("assets")
    if assets is None:
        return None
    binding = assets.text("binding")
    if binding is not None and not NAME.fullmatch(binding):
        assets.error("binding", f"{shown(binding)} cannot be a binding's name", f"use {NAME_HINT}")
        binding = None
    has_main = table.raw("main") is not None
    if binding is not None and not has_main:
        assets.error("binding", "needs a worker with a main module", "leave it out, or add main")
    first = _run_worker_first(assets)
    if first and not has_main:
        assets.error("run_worker_first", "needs a worker with a main module", "leave it out, or add main")
    html = assets.choice("html_handling", HTML_HANDLING) or HTML_HANDLING[0]
    missing = assets.choice("not_found_handling", NOT_FOUND_HANDLING) or NOT_FOUND_HANDLING[0]
    directory = _directory(assets, folder)
    assets.warn_unknown()
    return AssetsConfig(directory, binding, html, missing, first) if directory is not None else None


def _directory(assets: Table, folder: Path) -> Path | None:
    given = assets.text("directory")
    if given is None:
        if "directory" not in assets.data:
            assets.error("directory", "is missing", 'name the folder of the files, as in directory = "./public"')
        return None
    root = folder.resolve()
    path = Path(os.path.normpath(root / given))
    if not path.is_dir():
        assets.error("directory", f"there is no folder {shown(given)} in {folder}")
        return None
    real = path.resolve()
    if real != path and not real.is_relative_to(root):
        assets.error(
            "directory", f"{shown(given)} is a link that leads out of the worker's folder (to {real})", "name that"
        )
        return None
    if real != root and root.is_relative_to(real):
        assets.error(
            "directory", f"{shown(given)} holds the worker's own folder", "name a folder of files to serve alone"
        )
        return None
    return real


def _run_worker_first(assets: Table) -> bool | tuple[str, ...]:
    if not isinstance(assets.raw("run_worker_first"), list):
        return assets.flag("run_worker_first")
    patterns = assets.strings("run_worker_first") or ()
    for pattern in patterns:
        if not pattern.startswith(("/", "!/")):
            assets.error("run_worker_first", f"{shown(pattern)} must begin with / or !/")
    if patterns and all(pattern.startswith("!") for pattern in patterns):
        assets.error("run_worker_first", "holds exceptions only", 'add a pattern without !, as in "/*"')
    if len(patterns) > MAX_PATTERNS:
        assets.error("run_worker_first", f"holds {len(patterns)} patterns, more than {MAX_PATTERNS}")
    return patterns
