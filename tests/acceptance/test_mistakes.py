"""Mistakes of every kind: each is answered in a line or two, with the right exit code and never with a traceback."""

from __future__ import annotations

import os

import click
import pytest
from click.testing import CliRunner

from sandbox.cli.main import group


def commands(command=group, path=()):
    """Every command with its words."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=lambda path: " ".join(path) or "sandbox")
def test_every_help_has_an_example_that_names_the_command(path):
    shown = CliRunner().invoke(group, [*path, "--help"], prog_name="sandbox")
    assert shown.exit_code == 0
    assert "Example: sandbox " + " ".join(path) in shown.output.replace("\n  ", "\n")


def test_every_option_is_explained():
    for path, command in commands():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help or parameter.name in ("limit",), f"{path}: {parameter.opts}"


def test_all_problems_of_the_configuration_at_once(project):
    project.worker("good")
    bad = project.worker("bad")
    (bad / "wrangler.toml").write_text('name = "bad"\nmain = "src/missing.py"\ncompatibility_date = "someday"\n')
    worse = project.worker("worse")
    (worse / "wrangler.toml").write_text('name = "worse\n')
    project.toml('on_error = "panic"\n[pipelines.p]\n[[pipelines.p.stages]]\nname = "a"\nworker = "goood"\n')
    done = project.sandbox("up")
    assert done.code == 1 and "Traceback" not in done.err and done.out == ""
    assert "The configuration has 5 problems" in done.err or done.err.count("\n  ") >= 5
    for part in (
        "sandbox.toml: sandbox.on_error",
        "sandbox.toml: pipelines.p.stages[0].worker",
        'did you mean "good"?',
        "bad/wrangler.toml: main",
        "bad/wrangler.toml: compatibility_date",
        "worse/wrangler.toml",
    ):
        assert part in done.err, part


def test_strict_makes_warnings_errors(project, up):
    project.worker("one", wrangler='[[d1_databases]]\nbinding = "DB"\ndatabase_name = "x"\ndatabase_id = "y"\n')
    project.toml("prot = 9000\n")
    sandbox = up(project)
    assert "prot" in sandbox.console and "port" in sandbox.console
    assert "one asks for what is not supported yet: DB" in sandbox.console
    done = project.sandbox("up", "--strict", "--persist-to", "other")
    assert done.code == 2 and "prot" in done.err and "--strict" in done.err and "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["upp"], 2, "Did you mean 'up'?"),
        (["up", "--nope"], 2, "No such option"),
        (["up", "--var", "x"], 2, "KEY:VALUE"),
        (["up", "--ip", "0.0.0.0"], 2, "--token"),
        (["up", "-c", "nofile.toml"], 1, "does not exist"),
        (["run"], 2, "NAME"),
        (["run", "nothing"], 1, "workers: one"),
        (["run", "onne"], 1, 'did you mean "one"?'),
        (["run", "one", "--detach"], 1, "sandbox up"),
        (["run", "one", "--input", "nofile.json"], 2, "nofile.json"),
        (["run", "one", "-p", "x"], 2, "KEY=VALUE"),
        (["run", "one", "--sub-topic", "rail"], 2, "-p sub_topic=VALUE"),
        (["run", "one", "topic=rail links"], 2, "-p 'topic=rail links'"),
        (["run", "one", "-p", "topic=rail", "links"], 2, "unexpected extra argument (links)"),
        (["run", "one", "--jsn"], 2, "--json"),
        (["workers", "show", "onne"], 1, 'did you mean "one"?'),
        (["workers", "show", "nobody"], 1, "workers: one"),
        (["check", "onne"], 1, 'did you mean "one"?'),
        (["types", "onne"], 1, 'did you mean "one"?'),
        (["export", "onne", "out"], 1, 'did you mean "one"?'),
        (["trigger", "onne"], 1, 'did you mean "one"?'),
        (["probe", "onne"], 1, 'did you mean "one"?'),
        (["probe", "ftp://x"], 1, "not an http or https URL"),
        (["registry", "apply", "nofile.sql"], 2, "nofile.sql"),
        (["ref", "get", "nothing"], 1, "sandbox ref list"),
        (["ref", "put", "x", "@nofile"], 2, "nofile"),
        (["executions", "show", "../../x"], 1, "no execution"),
        (["executions", "list", "--status", "wrong"], 2, "completed"),
        (["executions", "list", "--status", "runing"], 2, 'did you mean "running"?'),
        (["logs", "--worker", "onne"], 2, 'did you mean "one"?'),
        (["logs", "--execution", "exec_0"], 2, "sandbox executions list"),
        (["logs", "--trace", "0" * 32], 2, "sandbox requests show"),
        (["requests", "list", "--worker", "nobody"], 2, "there are one"),
        (["requests", "list", "--status", "faild"], 2, 'did you mean "failed"?'),
        (["requests", "list", "--status", "999"], 2, "from 100 to 599"),
        (["requests", "list", "--method", "PSOT"], 2, 'did you mean "POST"?'),
        (["kv", "key", "list"], 2, "--binding"),
        (["kv", "key", "list", "--binding", "CACHE"], 1, "there are: "),
        (["kv", "key", "list", "--binding", "note"], 1, 'did you mean "NOTES"?'),
        (["kv", "key", "list", "--binding", "NOTES", "--worker", "onne"], 1, 'did you mean "one"?'),
        (["kv", "key", "put", "a", "b", "--namespace-id", "../x"], 2, "--namespace-id"),
        (["kv", "key", "get", "nokey", "--namespace-id", "nospace"], 1, "nospace"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_a_line_or_two(arguments, code, told, module_project):
    if not (module_project.root / "workers").is_dir():
        module_project.worker("one", wrangler='kv_namespaces = [{ binding = "NOTES", id = "notes" }]\n')
    done = module_project.sandbox(*arguments)
    assert done.code == code, done.err
    assert told in done.err
    assert "Traceback" not in done.err and done.out == ""
    assert len(done.err.splitlines()) <= 4


def test_a_folder_that_holds_no_sandbox(make_project, tmp_path):
    empty = make_project(tmp_path / "empty")
    (empty.root / "sandbox.toml").unlink()
    for arguments in (["up"], ["workers", "list"], ["kv", "namespace", "list"], ["executions", "list"]):
        done = empty.sandbox(*arguments)
        assert done.code == 1 and "no worker found" in done.err and "wrangler file" in done.err
    assert list(empty.root.iterdir()) == []


def test_input_that_is_no_json(project):
    project.worker("one")
    (project.root / "bad.json").write_text('{"a": ')
    done = project.sandbox("run", "one", "--input", "bad.json")
    assert done.code == 2 and "bad.json is not JSON" in done.err
    done = project.sandbox("run", "one", "--input", "-", stdin="{")
    assert done.code == 2 and "standard input is not JSON" in done.err


def test_sql_that_is_no_insert(project):
    project.worker("one")
    (project.root / "bad.sql").write_text("DROP TABLE worker_registry;")
    done = project.sandbox("registry", "apply", "bad.sql")
    assert done.code == 1 and "Traceback" not in done.err and "INSERT" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_state_folder_without_permission(project):
    project.worker("one")
    project.root.chmod(0o500)
    try:
        done = project.sandbox("up")
    finally:
        project.root.chmod(0o700)
    assert done.code == 1 and "Traceback" not in done.err


def test_a_state_folder_that_is_a_file(project):
    project.worker("one")
    project.state.write_text("x")
    done = project.sandbox("up")
    assert done.code == 1 and "is a file" in done.err and "Traceback" not in done.err


def test_a_damaged_journal_is_put_aside_and_said(project):
    project.worker("one")
    project.state.mkdir()
    damaged = b"this is no database at all" * 100
    (project.state / "journal.sqlite").write_bytes(damaged)
    done = project.sandbox("executions", "list")
    assert done.code == 0 and "journal.sqlite is damaged" in done.err and "Traceback" not in done.err
    (aside,) = project.state.glob("journal.sqlite.corrupt-*")
    assert aside.read_bytes() == damaged


def test_run_with_an_egress_mode_beside_a_sandbox_that_is_up(project, up):
    project.worker("hello")
    up(project)
    done = project.sandbox("run", "hello", "--egress", "replay")
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "restart that one with `up --egress`" in done.err


def test_a_probe_leaves_plain_workers_alone(project):
    project.worker("plain")
    done = project.sandbox("probe")
    assert (done.code, done.err) == (0, "")
    assert "no worker says" in done.out
