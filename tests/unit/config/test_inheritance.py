"""What a named environment takes over: each row is how wrangler 4.164.0 reads the same file (`unstable_readConfig`)."""

from __future__ import annotations

from typing import Any

import pytest

TOP = {
    "vars": {"A": 1},
    "kv_namespaces": [{"binding": "KV", "id": "top"}],
    "services": [{"binding": "S", "service": "other"}],
    "triggers": {"crons": ["0 6 * * *"]},
    "limits": {"cpu_ms": 50},
    "assets": {"directory": "public", "binding": "ASSETS"},
    "rules": [{"type": "Text", "globs": ["**/*.md"]}],
    "ratelimits": [{"name": "RL", "namespace_id": "1", "simple": {"limit": 1, "period": 60}}],
    "version_metadata": {"binding": "V"},
    "dev": {"port": 8799},
}
OWN = {
    "name": "w-own",
    "compatibility_date": "2026-02-02",
    "compatibility_flags": ["python_workers", "x"],
    "vars": {"B": 2},
    "kv_namespaces": [{"binding": "KV", "id": "own"}],
    "services": [{"binding": "S", "service": "other-own"}],
    "triggers": {"crons": ["0 7 * * *"]},
    "limits": {"cpu_ms": 60},
    "assets": {"directory": "own", "binding": "OWN"},
    "rules": [{"type": "Data", "globs": ["**/*.dat"]}],
    "ratelimits": [{"name": "RL2", "namespace_id": "2", "simple": {"limit": 2, "period": 60}}],
    "version_metadata": {"binding": "V2"},
}
EMPTY: dict[str, Any] = {"vars": {}, "kv_namespaces": [], "triggers": {"crons": []}}

# key: without an environment, in one that says nothing, in one that says everything, in one that empties it
ROWS: dict[str, tuple[Any, Any, Any, Any]] = {
    # inheritable: a block's value replaces the whole, it is never joined with the top level's
    "compatibility_date": ("2026-01-01", "2026-01-01", "2026-02-02", "2026-01-01"),
    "compatibility_flags": (("python_workers",), ("python_workers",), ("python_workers", "x"), ("python_workers",)),
    "crons": (("0 6 * * *",), ("0 6 * * *",), ("0 7 * * *",), ()),
    "cpu_ms": (50, 50, 60, 50),
    "assets": (("public", "ASSETS"), ("public", "ASSETS"), ("own", "OWN"), ("public", "ASSETS")),
    "rules": ("**/*.md", "**/*.md", "**/*.dat", "**/*.md"),
    # not inheritable
    "vars": ({"A": 1}, {}, {"B": 2}, {}),
    "kv_namespaces": (["top"], [], ["own"], []),
    "services": (["other"], [], ["other"], []),
    "ratelimits": (["RL"], [], ["RL2"], []),
    "version_metadata": ("V", None, "V2", None),
    # the top level's alone
    "dev_port": (8799, 8799, 8799, 8799),
}
READ = {
    "assets": lambda assets: (assets.directory.name, assets.binding),
    "rules": lambda rules: rules[0].globs[0],
    "kv_namespaces": lambda bindings: [binding.id for binding in bindings],
    "services": lambda bindings: [binding.service for binding in bindings],
    "ratelimits": lambda bindings: [binding.binding for binding in bindings],
}


@pytest.mark.parametrize("key", ROWS)
def test_a_row_as_wrangler_reads_it(project: Any, key: str) -> None:
    folder = project.worker("w", **TOP, env={"bare": {}, "own": OWN, "empty": EMPTY})
    for name in ("public", "own"):
        project.write(f"w/{name}/index.html")
    for env, expected in zip((None, "bare", "own", "empty"), ROWS[key], strict=True):
        config, _ = project.load_worker(folder, env=env)
        value = getattr(config, key)
        assert READ.get(key, lambda given: given)(value) == expected, env


def test_what_an_environment_forgets_is_named_and_what_it_empties_is_not(project: Any) -> None:
    folder = project.worker("w", vars={"A": 1}, kv_namespaces=[{"binding": "KV"}], env={"bare": {}, "empty": EMPTY})
    _, warnings = project.load_worker(folder, env="bare")
    assert {warning.key for warning in warnings} == {"env.bare.vars", "env.bare.kv_namespaces"}
    assert project.load_worker(folder, env="empty")[1] == []


def test_a_service_is_found_by_the_name_that_its_own_environment_gives(project: Any) -> None:
    project.worker("workers/api", env={"production": {"services": [{"binding": "MAIL", "service": "acme-post"}]}})
    project.worker("workers/mailer", env={"production": {"name": "acme-post"}})
    loaded = project.load(env="production")
    assert [binding.service for binding in loaded.config.workers["api"].services] == ["mailer"]
    assert loaded.warnings == ()
