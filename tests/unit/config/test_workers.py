"""One worker folder: wrangler's rules, and what is said when one is broken."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import SystemClock, iso
from sandbox.config.load import ConfigError
from sandbox.config.models import KvBinding, ModuleRule, ServiceBinding, UnsupportedBinding

TOML = """
    name = "feed_fetcher"
    main = "src/entry.py"
    compatibility_date = "2026-01-01"
    compatibility_flags = ["python_workers"]
    [vars]
    TEXT = "x"
    NUMBER = 3
    JSON = { a = [1, 2], b = true }
    [[kv_namespaces]]
    binding = "RESULT_CACHE"
    id = "results"
    [[kv_namespaces]]
    binding = "LOCAL"
    [[services]]
    binding = "OTHER"
    service = "other"
    entrypoint = "Named"
    props = { key = 1 }
    [dev]
    port = 8801
    [limits]
    cpu_ms = 50
"""


def test_a_toml_worker(project: Any) -> None:
    project.write("w/wrangler.toml", TOML)
    project.write("w/src/entry.py")
    project.write("w/pyproject.toml", '[project]\nname = "w"\ndependencies = ["feedparser>=6", "jinja2"]')
    config, warnings = project.load_worker(project.root / "w")
    assert not warnings
    assert config.name == "feed_fetcher"
    assert config.main == project.root / "w/src/entry.py"
    assert config.vars == {"TEXT": "x", "NUMBER": 3, "JSON": {"a": [1, 2], "b": True}}
    assert config.kv_namespaces == (KvBinding("RESULT_CACHE", "results"), KvBinding("LOCAL", "LOCAL"))
    assert config.services == (ServiceBinding("OTHER", "other", "Named", {"key": 1}),)
    assert (config.dev_port, config.cpu_ms) == (8801, 50)
    assert config.dependencies == ("feedparser>=6", "jinja2")
    assert config.host_label == "feed-fetcher"


def test_the_same_worker_in_jsonc(project: Any) -> None:
    import json
    from textwrap import dedent

    project.write("a/wrangler.toml", TOML)
    project.write("a/src/entry.py")
    text = json.dumps(tomllib.loads(dedent(TOML)), indent=1)
    project.write("b/wrangler.jsonc", "// a worker\n" + text.replace("]", ",]  /* list */"))
    project.write("b/src/entry.py")
    a, _ = project.load_worker(project.root / "a")
    b, _ = project.load_worker(project.root / "b")
    for name in ("name", "vars", "kv_namespaces", "services", "rules", "dev_port", "cpu_ms", "compatibility_flags"):
        assert getattr(a, name) == getattr(b, name), name


def test_json_comes_before_jsonc_before_toml(project: Any) -> None:
    folder = project.worker("w", name="from_json")
    project.write("w/wrangler.toml", 'name = "from_toml"')
    config, warnings = project.load_worker(folder)
    assert config.name == "from_json"
    assert [w.message for w in warnings] == ["is used, and wrangler.toml beside it is not"]


def test_what_a_change_of_which_reloads(project: Any) -> None:
    config, _ = project.load_worker(project.worker("w"), env="staging")
    watched = {path.name for path in config.watched}
    assert watched >= {"wrangler.json", "wrangler.jsonc", "wrangler.toml", "pyproject.toml"}
    assert watched >= {".dev.vars", ".dev.vars.staging", ".env", ".env.local", ".env.staging", ".env.staging.local"}


@pytest.mark.parametrize(
    ("changes", "key", "part"),
    [
        ({"main": None}, "main", "is missing"),
        ({"main": 3}, "main", "must be text, not 3"),
        ({"main": "src/none.py"}, "main", "there is no file"),
        ({"main": "src/index.ts"}, "main", "not a Python file"),
        ({"main": "../other/entry.py"}, "main", "outside the worker's folder"),
        ({"name": "a b"}, "name", "cannot be a worker's name"),
        ({"name": "../x"}, "name", "cannot be a worker's name"),
        ({"name": "x" * 65}, "name", "cannot be a worker's name"),
        ({"name": "x" * 64}, "name", "longer than the 63"),
        ({"name": 7}, "name", "must be text"),
        ({"compatibility_date": "yesterday"}, "compatibility_date", "must be a date"),
        ({"compatibility_date": "2026-02-30"}, "compatibility_date", "must be a date"),
        ({"compatibility_date": 2026}, "compatibility_date", "must be a date"),
        (
            {"compatibility_flags": None},
            "compatibility_flags",
            "The `python_workers` compatibility flag is required to use Python.",
        ),
        ({"compatibility_flags": []}, "compatibility_flags", "is required to use Python"),
        ({"compatibility_flags": "python_workers"}, "compatibility_flags", "must be a list"),
        ({"compatibility_flags": ["python_workers", 1]}, "compatibility_flags[1]", "must be text"),
        ({"vars": []}, "vars", "must be a table"),
        ({"kv_namespaces": {}}, "kv_namespaces", "must be a list"),
        ({"kv_namespaces": ["X"]}, "kv_namespaces[0]", "must be a table"),
        ({"kv_namespaces": [{}]}, "kv_namespaces[0].binding", "is missing"),
        ({"kv_namespaces": [{"binding": "a.b"}]}, "kv_namespaces[0].binding", "cannot be a binding's name"),
        ({"kv_namespaces": [{"binding": "A", "id": "../../x"}]}, "kv_namespaces[0].id", "cannot be a namespace id"),
        ({"kv_namespaces": [{"binding": "A"}, {"binding": "A"}]}, "", 'the name "A" is given to 2'),
        ({"vars": {"A": 1}, "kv_namespaces": [{"binding": "A"}]}, "", 'the name "A" is given to 2'),
        ({"services": [{"binding": "A"}]}, "services[0].service", "is missing"),
        ({"rules": [{"type": "Txt", "globs": []}]}, "rules[0].type", "must be one of"),
        ({"rules": [{"type": "Text"}]}, "rules[0].globs", "is missing"),
        ({"dev": {"port": 70000}}, "dev.port", "from 0 to 65535"),
        ({"dev": {"port": True}}, "dev.port", "must be a whole number"),
        ({"limits": {"cpu_ms": 0}}, "limits.cpu_ms", "at least 1"),
    ],
)
def test_what_is_refused(project: Any, changes: dict[str, Any], key: str, part: str) -> None:
    folder = project.worker("w", **changes)
    project.write("w/src/index.ts")
    project.write("other/entry.py")
    (problem,) = project.worker_errors(folder)
    assert (problem.file, problem.key) == (folder / "wrangler.json", key)
    assert part in problem.message
    assert str(problem).startswith(str(folder / "wrangler.json"))


def test_all_problems_of_a_worker_at_once(project: Any) -> None:
    folder = project.worker("w", main=None, compatibility_date="x", kv_namespaces=[{}], limits={"cpu_ms": "5"})
    project.write("w/pyproject.toml", '[project]\ndependencies = "feedparser"')
    keys = {problem.key for problem in project.worker_errors(folder)}
    assert keys == {"main", "compatibility_date", "kv_namespaces[0].binding", "limits.cpu_ms", "project.dependencies"}


@pytest.mark.parametrize("name", ["entry.py", "src"])
def test_a_link_out_of_the_folder_is_refused(project: Any, name: str, tmp_path: Path) -> None:
    folder = project.worker("w")
    elsewhere = project.write("elsewhere/entry.py")
    if name == "src":
        (folder / "src/entry.py").unlink()
        (folder / "src").rmdir()
        (folder / "src").symlink_to(elsewhere.parent)
    else:
        (folder / "src/entry.py").unlink()
        (folder / "src/entry.py").symlink_to(elsewhere)
    (problem,) = project.worker_errors(folder)
    assert "outside the worker's folder" in problem.message


def test_a_link_inside_the_folder_and_a_linked_folder_are_fine(project: Any) -> None:
    folder = project.worker("w", main="src/linked.py")
    (folder / "src/linked.py").symlink_to("entry.py")
    (project.root / "alias").symlink_to(folder)
    config, _ = project.load_worker(project.root / "alias")
    assert config.main_module == "linked"


def test_python_modules_beside_the_main_module(project: Any) -> None:
    folder = project.worker("w")
    project.write("w/src/python_modules/x.py")
    (problem,) = project.worker_errors(folder)
    text = "The 'python_modules' directory cannot exist in your module root. Delete it to continue."
    assert (problem.key, problem.message) == ("main", text)


def test_python_modules_in_the_project_root_is_where_it_belongs(project: Any) -> None:
    folder = project.worker("w")
    project.write("w/python_modules/x.py")
    project.load_worker(folder)
    project.write("w/entry.py")
    project.load_worker(project.worker("w", main="entry.py"))


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("wrangler.toml", 'name = "x"\nmain = \n', "line 2"),
        ("wrangler.jsonc", '{\n "name": oops}', "line 2, column 10"),
        ("wrangler.json", "[]", "must hold an object"),
        ("wrangler.toml", "compatibility_date = 2026-01-01\n", None),
    ],
)
def test_files_that_do_not_parse(project: Any, name: str, text: str, part: str | None) -> None:
    path = project.write(f"w/{name}", text)
    errors = project.worker_errors(path.parent)
    assert all(problem.file == path for problem in errors)
    if part is None:
        assert 'put it in quotes: "2026-01-01"' in next(p.hint for p in errors if p.key == "compatibility_date")
    else:
        assert part in errors[0].message


def test_bytes_that_are_no_text(project: Any) -> None:
    path = project.write("w/wrangler.toml")
    path.write_bytes(b"\xff\xfe\x00")
    (problem,) = project.worker_errors(path.parent)
    assert "not UTF-8" in problem.message


def test_a_folder_without_a_wrangler_file(project: Any) -> None:
    (problem,) = project.worker_errors(project.root)
    assert "holds no wrangler file" in problem.message


@pytest.mark.parametrize(
    ("changes", "key", "part"),
    [
        ({"compatibility_date": "9999-01-01"}, "compatibility_date", "future"),
        ({"name": "Upper"}, "name", "refused by Cloudflare"),
        ({"kv_namespaces": [{"binding": "A", "remote": True}]}, "kv_namespaces[0].remote", "ignored"),
        ({"services": [{"binding": "A", "service": "b", "remote": True}]}, "services[0].remote", "ignored"),
        ({"kv_namespace": []}, "kv_namespace", "not a known key"),
        ({"build": {"command": "make"}}, "build.command", "not run"),
    ],
)
def test_what_is_only_warned_about(project: Any, changes: dict[str, Any], key: str, part: str) -> None:
    _, (warning,) = project.load_worker(project.worker("w", **changes))
    assert (warning.severity, warning.key) == ("warning", key)
    assert part in warning.message


def test_an_unknown_key_comes_with_the_nearest_known_one(project: Any) -> None:
    _, (warning,) = project.load_worker(project.worker("w", compatability_date="2026-01-01"))
    assert warning.hint == 'did you mean "compatibility_date"?'


def test_without_a_date_today_is_used_and_suggested(project: Any) -> None:
    before = iso(SystemClock().now())[:10]
    config, (warning,) = project.load_worker(project.worker("w", compatibility_date=None))
    assert before <= config.compatibility_date <= iso(SystemClock().now())[:10]
    assert config.compatibility_date in (warning.hint or "")


def test_without_a_name_the_folder_gives_it(project: Any) -> None:
    folder = project.worker("w")
    project.write("w/wrangler.json", (folder / "wrangler.json").read_text().replace('"name": "w", ', ""))
    config, (warning,) = project.load_worker(folder)
    assert (config.name, warning.key) == ("w", "name")


def test_requirements_txt_is_ignored_by_pywrangler(project: Any) -> None:
    folder = project.worker("w")
    project.write("w/requirements.txt", "jinja2")
    config, (warning,) = project.load_worker(folder)
    assert config.dependencies == ()
    assert warning.file == folder / "requirements.txt"


def test_default_rules_and_how_one_replaces_them(project: Any) -> None:
    config, _ = project.load_worker(project.worker("w"))
    assert {rule.type: rule.globs for rule in config.rules} == {
        "PythonModule": ("**/*.py",),
        "Text": ("**/*.txt", "**/*.html", "**/*.sql"),
        "Data": ("**/*.bin",),
        "CompiledWasm": ("**/*.wasm", "**/*.wasm?module"),
    }
    rules = [{"type": "Text", "globs": ["**/*.md"]}, {"type": "Data", "globs": ["**/*.json"], "fallthrough": True}]
    config, _ = project.load_worker(project.worker("w", rules=rules))
    assert ModuleRule("Text", ("**/*.md",)) in config.rules
    assert [rule.globs for rule in config.rules if rule.type == "Text"] == [("**/*.md",)]
    assert [rule.globs for rule in config.rules if rule.type == "Data"] == [("**/*.json",), ("**/*.bin",)]


@pytest.mark.parametrize(
    ("changes", "kind", "binding"),
    [
        ({"d1_databases": [{"binding": "DB", "database_id": "x"}]}, "d1_databases", "DB"),
        ({"r2_buckets": [{"binding": "FILES", "bucket_name": "x"}]}, "r2_buckets", "FILES"),
        ({"queues": {"producers": [{"binding": "Q", "queue": "q"}]}}, "queues.producers", "Q"),
        ({"queues": {"consumers": [{"queue": "q"}]}}, "queues.consumers", None),
        ({"durable_objects": {"bindings": [{"name": "DO", "class_name": "X"}]}}, "durable_objects", "DO"),
        ({"workflows": [{"name": "w", "binding": "FLOW", "class_name": "X"}]}, "workflows", "FLOW"),
        ({"ai": {"binding": "AI"}}, "ai", "AI"),
        ({"browser": {"binding": "B"}}, "browser", "B"),
        ({"images": {"binding": "IMG"}}, "images", "IMG"),
        ({"vectorize": [{"binding": "V", "index_name": "i"}]}, "vectorize", "V"),
        ({"hyperdrive": [{"binding": "H", "id": "i"}]}, "hyperdrive", "H"),
        ({"analytics_engine_datasets": [{"binding": "A"}]}, "analytics_engine_datasets", "A"),
        ({"mtls_certificates": [{"binding": "CERT", "certificate_id": "i"}]}, "mtls_certificates", "CERT"),
        ({"send_email": [{"name": "MAIL"}]}, "send_email", "MAIL"),
        ({"worker_loaders": [{"binding": "LOADER"}]}, "worker_loaders", "LOADER"),
        ({"secrets_store_secrets": [{"binding": "S", "store_id": "i"}]}, "secrets_store_secrets", "S"),
        ({"dispatch_namespaces": [{"binding": "D", "namespace": "n"}]}, "dispatch_namespaces", "D"),
        ({"unsafe": {"bindings": [{"name": "U", "type": "x"}]}}, "unsafe.bindings", "U"),
    ],
)
def test_what_is_not_there_is_recorded(project: Any, changes: dict[str, Any], kind: str, binding: str | None) -> None:
    config, warnings = project.load_worker(project.worker("w", **changes))
    assert config.unsupported == (UnsupportedBinding(kind, binding),)
    assert not warnings


# --- environments ---------------------------------------------------------------------------------------------------


def test_an_environment_takes_over_some_keys_and_must_repeat_others(project: Any) -> None:
    folder = project.worker(
        "w",
        vars={"A": "top"},
        kv_namespaces=[{"binding": "KV"}],
        limits={"cpu_ms": 10},
        dev={"port": 8801},
        env={"staging": {"vars": {"B": "staging"}, "compatibility_date": "2026-02-02"}},
    )
    config, (warning, forgotten) = project.load_worker(folder, env="staging")
    assert config.vars == {"B": "staging"}
    assert config.kv_namespaces == ()
    assert (config.compatibility_date, config.cpu_ms, config.dev_port) == ("2026-02-02", 10, 8801)
    assert config.name == "w"
    assert (warning.key, forgotten.key) == ("env.staging.kv_namespaces", "env.staging.vars.A")
    assert "not inherited" in warning.message and "not inherited" in forgotten.message


def test_a_problem_in_an_environment_points_there(project: Any) -> None:
    folder = project.worker("w", env={"staging": {"vars": 1}})
    (problem,) = project.worker_errors(folder, env="staging")
    assert problem.key == "env.staging.vars"
    project.load_worker(folder)  # the top level alone is fine


def test_an_environment_that_is_not_there(project: Any) -> None:
    (problem,) = project.worker_errors(project.worker("w", env={"staging": {}}), env="production")
    assert (problem.key, problem.hint) == ("env", "there are staging")
    config, (warning,) = project.load_worker(project.worker("w", vars={"A": 1}), env="production")
    assert config.vars == {"A": 1}
    assert 'no environment "production"' in warning.message


def test_a_service_in_an_environment_is_the_worker_here(project: Any) -> None:
    service = {"binding": "OTHER", "service": "other-staging"}
    config, _ = project.load_worker(project.worker("w", env={"staging": {"services": [service]}}), env="staging")
    assert config.services[0].service == "other"


def test_cloudflare_env_chooses_too(project: Any) -> None:
    project.environ["CLOUDFLARE_ENV"] = "staging"
    config, _ = project.load_worker(project.worker("w", env={"staging": {"vars": {"B": 1}}}))
    assert config.vars == {"B": 1}


# --- local values ---------------------------------------------------------------------------------------------------

ALL = (".dev.vars.staging", ".dev.vars", ".env.staging.local", ".env.staging", ".env.local", ".env")


@pytest.mark.parametrize("env", ["staging", None])
def test_precedence_of_the_files(project: Any, env: str | None) -> None:
    folder = project.worker("w", vars={"FROM": "vars"}, env={"staging": {"vars": {"FROM": "vars"}}})
    files = [name for name in ALL if env or "staging" not in name]
    for name in files:
        project.write(f"w/{name}", f"FROM={name}\nONLY_{name.replace('.', '_').upper()}=1")
    for name in files:
        config, _ = project.load_worker(folder, env=env)
        assert config.secrets["FROM"] == name
        only = {key for key in config.secrets if key != "FROM"}
        if name.startswith(".dev.vars"):
            assert only == {f"ONLY_{name.replace('.', '_').upper()}"}, "one file, instead of the others"
        else:
            assert len(only) == len(files) - files.index(name), "the .env files are joined"
        (folder / name).unlink()
    config, _ = project.load_worker(folder, env=env)
    assert config.secrets == {} and config.vars == {"FROM": "vars"}


def test_dev_vars_are_not_expanded_and_env_files_are(project: Any) -> None:
    folder = project.worker("w")
    project.write("w/.env", "HOST=x\nURL=http://${HOST}/")
    assert project.load_worker(folder)[0].secrets["URL"] == "http://x/"
    project.write("w/.dev.vars", "HOST=x\nURL=http://${HOST}/")
    assert project.load_worker(folder)[0].secrets["URL"] == "http://${HOST}/"


def test_the_process_environment_only_when_asked(project: Any) -> None:
    folder = project.worker("w")
    project.write("w/.env", "A=${OUT}\nB=file")
    project.environ |= {"OUT": "out", "B": "process"}
    assert project.load_worker(folder)[0].secrets == {"A": "", "B": "file"}
    project.environ["CLOUDFLARE_INCLUDE_PROCESS_ENV"] = "true"
    secrets = project.load_worker(folder)[0].secrets
    assert (secrets["A"], secrets["B"], secrets["OUT"]) == ("out", "process", "out")


def test_env_files_can_be_switched_off(project: Any) -> None:
    folder = project.worker("w")
    project.write("w/.env", "A=1")
    project.environ["CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV"] = "false"
    assert project.load_worker(folder)[0].secrets == {}


def test_required_secrets_drop_the_rest_and_name_the_missing(project: Any) -> None:
    folder = project.worker("w", vars={"MODE": "a"}, secrets={"required": ["KEY", "GONE", "SHELL"]})
    project.write("w/.env", "KEY=1\nMODE=b\nEXTRA=2")
    project.environ["SHELL"] = "from the shell"
    config, (warning,) = project.load_worker(folder)
    assert config.secrets == {"KEY": "1", "MODE": "b", "SHELL": "from the shell"}
    assert warning.message == "no value for GONE"


def test_var_wins_over_everything(project: Any) -> None:
    folder = project.worker("w", vars={"A": "vars"})
    project.write("w/.dev.vars", "A=secret\nB=secret")
    config, _ = project.load_worker(folder, var={"A": "given"})
    assert {**config.vars, **config.secrets} == {"A": "given", "B": "secret"}


def test_env_file_replaces_all_others(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project.worker("w")
    for name in (".dev.vars", ".env", "my.env"):
        project.write(f"w/{name}", f"FROM={name}\nA=1")
    project.write("shared.env", "FROM=shared")
    monkeypatch.chdir(project.root)
    config, _ = project.load_worker(folder, env_files=[Path("my.env"), Path("shared.env")])
    assert config.secrets == {"FROM": "shared", "A": "1"}
    assert {path.name for path in config.watched} >= {"my.env", "shared.env"}
    _, (warning,) = project.load_worker(folder, env_files=[Path("gone.env")])
    assert "does not exist" in warning.message


def test_a_binding_is_not_replaced_by_a_local_value(project: Any) -> None:
    folder = project.worker("w", kv_namespaces=[{"binding": "KV"}])
    project.write("w/.dev.vars", "KV=text")
    config, _ = project.load_worker(folder)
    assert config.secrets == {} and config.kv_namespaces[0].binding == "KV"


def test_secrets_stay_out_of_repr_and_errors(project: Any) -> None:
    folder = project.worker("w")
    project.write("w/.dev.vars", "KEY=canary-value")
    config, _ = project.load_worker(folder)
    assert "canary-value" not in repr(config)
    with pytest.raises(ConfigError) as caught:
        project.load_worker(project.worker("w", main=None))
    assert "canary-value" not in str(caught.value)
