"""Where `include` patterns look for worker folders."""

from __future__ import annotations

from sandbox.config.discover import search_folders


def test_what_stands_before_the_first_wildcard(tmp_path):
    found = search_folders(tmp_path, ["workers/*", "a/b-*/c", "plain/worker", "*", "workers/x*"])
    assert found == (tmp_path / "workers", tmp_path / "a", tmp_path)
