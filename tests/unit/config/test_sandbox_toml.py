"""sandbox.toml and everything it includes: found, read, checked, all problems at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.config.load import find_root, find_sandbox_toml, find_state, load_sandbox
from sandbox.config.models import EgressRoute, LegacyAdapter, MatchConfig, ScrubConfig
from sandbox.config.problems import ConfigError

FULL = """
    [sandbox]
    port = 9000
    ip = "127.0.0.1"
    state = "data"
    include = ["workers/*", "extra"]
    on_error = "fail"
    allow_hosts = ["box.internal"]

    [egress]
    mode = "replay"
    cassettes = "tests/cassettes"
    scrub = { headers = ["x-mine"], query = ["q"], fields = ["f"], keep = ["key"], patterns = ['sk-\\w+'] }
    match = { ignore_query = ["ts"], ignore_fields = ["id"], headers = ["accept"] }
    [[egress.routes]]
    match = "https://feeds.test/*"
    folder = "feeds"
    [[egress.routes]]
    match = "https://api.test/*"
    worker = "Feed-Fetcher"
    [[egress.routes]]
    match = "https://old.test/*"
    upstream = "http://127.0.0.1:9999"

    [workers.feed-fetcher]
    port = 9001
    max_concurrent_executions = 4
    probe = { input = { query = "x" } }
    [workers.abroad]
    url = "https://abroad.test"
    token = "fixed"
    legacy = { method = "post", path = "/run", input_map = { q = "topic" }, output_map = { data = "result" } }

    [pipelines.report]
    description = "All of it"
    [[pipelines.report.stages]]
    name = "fetch"
    worker = "feed-fetcher"
    [[pipelines.report.stages]]
    name = "elsewhere"
    worker = "abroad"
    needs = ["fetch"]
"""


def test_the_whole_schema(project: Any) -> None:
    project.worker("workers/feed_fetcher")
    project.worker("extra")
    project.write("feeds/x.xml")
    project.write("sandbox.toml", FULL)
    config, warnings = project.load().config, project.load().warnings
    assert not warnings
    assert (config.root, config.path) == (project.root, project.root / "sandbox.toml")
    assert (config.port, config.ip, config.on_error, config.allow_hosts) == (
        9000,
        "127.0.0.1",
        "fail",
        ("box.internal",),
    )
    assert config.state == project.root / "data"
    assert list(config.workers) == ["feed_fetcher", "extra"]
    assert (config.egress.mode, config.egress.cassettes) == ("replay", Path("tests/cassettes"))
    assert config.egress.scrub == ScrubConfig(("x-mine",), ("q",), ("f",), ("key",), (r"sk-\w+",))
    assert config.egress.match == MatchConfig(("ts",), ("id",), ("accept",))
    assert config.egress.routes == (
        EgressRoute("https://feeds.test/*", folder=project.root / "feeds"),
        EgressRoute("https://api.test/*", worker="feed_fetcher"),
        EgressRoute("https://old.test/*", upstream="http://127.0.0.1:9999"),
    )
    settings = config.settings["feed_fetcher"]
    assert (settings.port, settings.max_concurrent_executions, settings.probe_input) == (9001, 4, {"query": "x"})
    assert list(config.external()) == ["abroad"]
    assert config.settings["abroad"].legacy == LegacyAdapter("POST", "/run", {"q": "topic"}, {"data": "result"})
    assert [stage.worker for stage in config.pipelines["report"].stages] == ["feed_fetcher", "abroad"]
    assert "fixed" not in repr(config)


def test_defaults(project: Any) -> None:
    project.worker("workers/a")
    project.write("sandbox.toml")
    config = project.load().config
    assert (config.port, config.ip, config.on_error, config.egress.mode) == (8787, "127.0.0.1", "stale", "offline")
    assert config.state == project.root / "kv_data"


def test_without_sandbox_toml_the_workers_folder(project: Any) -> None:
    project.worker("workers/b")
    project.write("workers/a/wrangler.toml", 'name = "a"\nmain = "m.py"\ncompatibility_flags = ["python_workers"]')
    project.write("workers/a/m.py")
    project.write("workers/README.md")
    project.write("workers/empty/notes.txt")
    config = project.load().config
    assert (config.path, list(config.workers)) == (None, ["a", "b"])


@pytest.mark.parametrize("inside", ["", "src"])
def test_without_sandbox_toml_the_worker_around_here(project: Any, inside: str) -> None:
    folder = project.worker("alone")
    config = load_sandbox(folder / inside, environ={}).config
    assert list(config.workers) == ["alone"]
    assert (config.root, config.state) == (folder, folder / "kv_data")


def test_nothing_to_serve(project: Any) -> None:
    (problem,) = project.problems()
    assert "no worker found" in problem.message and problem.hint
    project.write("sandbox.toml")
    (problem,) = project.problems()
    assert problem.file == project.root / "sandbox.toml"
    project.write("sandbox.toml", '[workers.abroad]\nurl = "http://abroad.test"')
    assert list(project.load().config.external()) == ["abroad"]


def test_sandbox_toml_is_found_upwards_and_by_name(project: Any) -> None:
    project.worker("workers/a")
    path = project.write("sandbox.toml", "[sandbox]\nport = 9000")
    project.write("other.toml", "[sandbox]\nport = 9001")
    deep = project.root / "workers/a/src"
    assert find_sandbox_toml(deep) == path
    assert load_sandbox(deep, environ={}).config.port == 9000
    assert project.load(config_file=Path("other.toml")).config.port == 9001
    (problem,) = project.problems(config_file=Path("gone.toml"))
    assert (problem.file.name, problem.message) == ("gone.toml", "does not exist")


def test_a_broken_file_says_its_line(project: Any) -> None:
    project.write("sandbox.toml", "[sandbox]\nport = \n")
    (problem,) = project.problems()
    assert "not valid TOML" in problem.message and "line 2" in problem.message


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        ("sandbox = 1", "sandbox", "must be a table, not 1"),
        ("[sandbox]\nport = '8787'", "sandbox.port", 'must be a whole number, not "8787"'),
        ("[sandbox]\nport = 65536", "sandbox.port", "from 0 to 65535"),
        ("[sandbox]\nport = true", "sandbox.port", "must be a whole number, not true"),
        ("[sandbox]\non_error = 'stall'", "sandbox.on_error", "must be one of stale, fail"),
        ("[sandbox]\ninclude = 'workers/*'", "sandbox.include", "must be a list"),
        ("[sandbox]\ninclude = ['workers/*', 1]", "sandbox.include[1]", "must be text"),
        ("[sandbox]\ninclude = ['workers/*', 'gone']", "sandbox.include[1]", '"gone" is no folder'),
        ("[sandbox]\ninclude = ['workers/*', 'workers']", "sandbox.include[1]", '"workers" holds no wrangler file'),
        ("[sandbox]\nstate = ''", "sandbox.state", "is empty"),
        ("[egress]\nmode = 'off'", "egress.mode", "must be one of offline"),
        ("[egress.scrub]\nheaders = 'x'", "egress.scrub.headers", "must be a list"),
        ("[egress.scrub]\npatterns = ['(']", "egress.scrub.patterns", "is no regular expression"),
        ("[egress.match]\nignore_query = [1]", "egress.match.ignore_query[0]", "must be text"),
        ("[[egress.routes]]\nworker = 'a'", "egress.routes[0].match", "is missing"),
        ("[[egress.routes]]\nmatch = 'feeds.test'\nworker = 'a'", "egress.routes[0].match", "matches no address"),
        ("[[egress.routes]]\nmatch = 'http://x/'", "egress.routes[0]", "has no target"),
        (
            "[[egress.routes]]\nmatch = 'http://x/'\nworker = 'a'\nfolder = 'workers'",
            "egress.routes[0]",
            "has folder and worker",
        ),
        ("[[egress.routes]]\nmatch = 'http://x/'\nfolder = 'gone'", "egress.routes[0].folder", "there is no folder"),
        ("[[egress.routes]]\nmatch = 'http://x/'\nworker = 'b'", "egress.routes[0].worker", "there is no worker"),
        ("[[egress.routes]]\nmatch = 'http://x/'\nupstream = 'x'", "egress.routes[0].upstream", "no http or https"),
        ("[workers.a]\nport = 0", "workers.a.port", "from 1 to 65535"),
        ("[workers.a]\nport = 8787", "workers.a.port", "8787 is taken by the sandbox itself"),
        ("[workers.a]\nmax_concurrent_executions = 0", "workers.a.max_concurrent_executions", "at least 1"),
        ("[workers.b]\nurl = 'ftp://b.test'", "workers.b.url", "no http or https address"),
        ("[workers.b]\nurl = 'http://b.test:99999'", "workers.b.url", "no http or https address"),
        ("[workers.a]\n[workers.A]", "workers.A", "second table"),
        ("[workers.'a b']\nurl = 'http://b.test'", "workers.a b", "cannot be a worker's name"),
        ("[workers.a]\nlegacy = { method = 'GET' }", "workers.a.legacy.path", "is missing"),
        ("[workers.a]\nlegacy = { path = 'run' }", "workers.a.legacy.path", "must begin with /"),
    ],
)
def test_what_is_refused(project: Any, text: str, key: str, part: str) -> None:
    project.worker("workers/a")
    path = project.write("sandbox.toml", text)
    (problem,) = [problem for problem in project.problems() if problem.severity == "error"]
    assert (problem.file, problem.key) == (path, key)
    assert part in problem.message


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("[sandbox]\nprot = 1", "sandbox.prot", 'did you mean "port"?'),
        ("[sanbox]\nport = 1", "sanbox", 'did you mean "sandbox"?'),
        ("[pipeline.x]", "pipeline", 'did you mean "pipelines"?'),
        ("[egress]\nmodus = 1", "egress.modus", 'did you mean "mode"?'),
        ("[workers.aa]\nport = 1", "workers.aa", 'did you mean "a"?'),
        ("[workers.a]\nmax_concurrent = 1", "workers.a.max_concurrent", 'did you mean "max_concurrent_executions"?'),
        ("[workers.a]\nprobe = { imput = 1 }", "workers.a.probe.imput", 'did you mean "input"?'),
        (
            "[[egress.routes]]\nmatch = 'http://x/'\nworker = 'a'\nfolders = 1",
            "egress.routes[0].folders",
            'did you mean "folder"?',
        ),
    ],
)
def test_unknown_keys_are_warnings_with_the_nearest_name(project: Any, text: str, key: str, hint: str) -> None:
    project.worker("workers/a")
    project.write("sandbox.toml", text)
    (warning,) = project.load().warnings
    assert (warning.severity, warning.key, warning.hint) == ("warning", key, hint)


def test_everything_wrong_in_every_file_at_once(project: Any) -> None:
    project.worker("workers/a", main=None)
    project.worker("workers/b", compatibility_date="x")
    project.write(
        "sandbox.toml",
        """
        [sandbox]
        prot = 1
        port = "x"
        [egress]
        mode = "x"
        [[pipelines.p.stages]]
        name = "one"
        worker = "a"
        [[pipelines.p.stages]]
        name = "two"
        worker = "c"
        """,
    )
    problems = project.problems()
    assert {(problem.file.parent.name, problem.key) for problem in problems if problem.severity == "error"} == {
        ("a", "main"),
        ("b", "compatibility_date"),
        (project.root.name, "sandbox.port"),
        (project.root.name, "egress.mode"),
        (project.root.name, "pipelines.p.stages[1].worker"),
    }
    assert [problem.key for problem in problems if problem.severity == "warning"] == ["sandbox.prot"]
    with pytest.raises(ConfigError) as caught:
        project.load()
    assert "5 problems" in str(caught.value) and "pipelines.p.stages[1].worker" in str(caught.value)


@pytest.mark.parametrize("second", ["feed_fetcher", "feed-fetcher", "Feed_Fetcher"])
def test_names_that_meet_name_both_files(project: Any, second: str) -> None:
    project.worker("workers/one", name="feed_fetcher")
    project.worker("workers/two", name=second)
    (problem,) = [problem for problem in project.problems() if problem.severity == "error"]
    assert problem.file == project.root / "workers/two/wrangler.json"
    assert str(project.root / "workers/one/wrangler.json") in problem.message


def test_a_hosted_worker_wins_over_its_url(project: Any) -> None:
    project.worker("workers/a")
    project.write("sandbox.toml", '[workers.A]\nurl = "https://a.test"')
    config = project.load().config
    assert list(config.workers) == ["a"] and config.external() == {}


def test_dev_ports_that_meet_give_way(project: Any) -> None:
    project.worker("workers/a", dev={"port": 8787})
    project.worker("workers/b", dev={"port": 8800})
    project.worker("workers/c", dev={"port": 8800})
    loaded = project.load()
    assert {name: worker.dev_port for name, worker in loaded.config.workers.items()} == {
        "a": None,
        "b": 8800,
        "c": None,
    }
    assert [warning.key for warning in loaded.warnings] == ["dev.port", "dev.port"]


def test_a_service_that_is_not_here_is_a_warning(project: Any) -> None:
    services = [{"binding": "A", "service": "B"}, {"binding": "X", "service": "bb"}]
    project.worker("workers/a", services=services)
    project.worker("workers/b")
    (warning,) = project.load().warnings
    assert (warning.key, warning.hint) == ("services[1].service", 'did you mean "b"?')
    assert "env.X fails" in warning.message


def test_the_command_line_wins(project: Any) -> None:
    folder = project.worker("workers/a")
    project.write("workers/a/.dev.vars", "A=file")
    project.write("given.env", "B=env-file")
    project.write("sandbox.toml", '[sandbox]\nallow_hosts = ["a.test"]\nport = 9000\n[egress]\nmode = "record"')
    config = project.load(
        overrides={
            "port": 0,
            "ip": "::1",
            "egress": "online",
            "state": Path("elsewhere"),
            "allow_hosts": ["b.test", "a.test"],
            "on_error": None,
            "var": {"A": "given"},
        }
    ).config
    assert (config.port, config.ip, config.egress.mode, config.on_error) == (0, "::1", "online", "stale")
    assert (config.state, config.allow_hosts) == (project.root / "elsewhere", ("a.test", "b.test"))
    assert config.workers["a"].vars == {"A": "given"} and config.workers["a"].secrets == {}
    config = project.load(overrides={"env_files": [project.root / "given.env"]}).config
    assert config.workers["a"].secrets == {"B": "env-file"}
    assert folder == config.workers["a"].root


def test_an_override_nobody_knows_is_a_bug(project: Any) -> None:
    with pytest.raises(TypeError):
        project.load(overrides={"prot": 1})


def test_one_environment_for_all_workers(project: Any) -> None:
    project.worker("workers/a", env={"staging": {"vars": {"A": 1}}})
    project.worker("workers/b")
    loaded = project.load(env="staging")
    assert loaded.config.workers["a"].vars == {"A": 1}
    assert [warning.file.parent.name for warning in loaded.warnings] == ["b"]


# --- the state folder -----------------------------------------------------------------------------------------------


def test_where_the_state_is(project: Any) -> None:
    root, deep = project.root, project.write("deep/er/x").parent
    assert find_state(deep, environ={}) == deep / "kv_data"
    project.write("sandbox.toml", "")
    assert find_state(deep, environ={}) == root / "kv_data"
    project.write("sandbox.toml", '[sandbox]\nstate = "../data"')
    assert find_state(deep, environ={}) == root.parent / "data"
    assert find_state(deep, environ={"SANDBOX_STATE": "from_env"}) == deep / "from_env"
    assert find_state(deep, persist_to=Path("given"), environ={"SANDBOX_STATE": "from_env"}) == deep / "given"
    assert find_state(deep, persist_to=root / "given") == root / "given"
    project.write("other.toml", '[sandbox]\nstate = "other"')
    assert find_state(root, config_file=Path("other.toml"), environ={}) == root / "other"


def test_the_state_is_found_though_all_else_is_broken(project: Any) -> None:
    project.worker("workers/a", main=None)
    project.write("sandbox.toml", '[sandbox]\nport = "x"\nstate = "data"')
    assert find_state(project.root, environ={}) == project.root / "data"


def test_a_state_that_cannot_be_read_is_said(project: Any) -> None:
    project.write("sandbox.toml", "[sandbox]\nstate = 1")
    with pytest.raises(ConfigError):
        find_state(project.root, environ={})


def test_up_and_the_other_commands_agree_on_the_state(project: Any) -> None:
    folder = project.worker("alone")
    inside = folder / "src"
    assert find_root(inside) == folder
    assert find_state(inside, environ={}) == load_sandbox(inside, environ={}).config.state


def test_workers_here_come_before_a_worker_around_here(project: Any) -> None:
    around = project.worker("alone")
    project.worker("alone/inner/workers/a")
    assert find_root(around / "inner") == around / "inner"
    assert list(load_sandbox(around / "inner", environ={}).config.workers) == ["a"]
