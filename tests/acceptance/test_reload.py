"""Saving a file: only its worker changes, nothing is ever down, and the console says what happened."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

SYNTAX_ERROR = "from workers import Response, WorkerEntrypoint\n\nclass Default(WorkerEntrypoint:\n    pass\n"
ENV = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(getattr(self.env, "WORD", "none"))
"""


def text_of(sandbox, worker):
    return sandbox.ask(worker=worker).text


def test_saving_reloads_that_worker_only(project, up, eventually):
    project.worker("one")
    project.worker("two")
    sandbox = up(project)
    assert (text_of(sandbox, "one"), text_of(sandbox, "two")) == ("one", "two")
    project.worker("one", text="changed")
    sandbox.wait(r"^one reloaded in \d+ ms \(generation 2\)")
    assert (text_of(sandbox, "one"), text_of(sandbox, "two")) == ("changed", "two")
    assert "two reloaded" not in sandbox.console


def test_a_syntax_error_keeps_old_code_serving_until_it_is_mended(project, up):
    folder = project.worker("one")
    sandbox = up(project)
    entry = folder / "src" / "entry.py"
    entry.write_text(SYNTAX_ERROR)
    sandbox.wait("one does not load; the last good code serves on")
    sandbox.wait(r"SyntaxError: .*src/entry.py:3")
    answer = sandbox.ask(worker="one")
    assert (answer.status, answer.text, answer.headers.get("x-sandbox-stale")) == (200, "one", "1")
    sandbox.wait(r"one answered with old code \(generation 1\): .*entry.py:3")
    listed = project.sandbox("workers", "list")
    assert "stale (generation 1)" in listed.out
    project.worker("one", text="mended")
    sandbox.wait("one reloaded")
    answer = sandbox.ask(worker="one")
    assert (answer.text, answer.headers.get("x-sandbox-stale")) == ("mended", None)


def test_an_error_on_import_names_file_and_line_of_a_module(project, up):
    folder = project.worker("one", ENV.replace("from workers", "import helper\nfrom workers", 1))
    (folder / "src" / "helper.py").write_text("x = 1\n")
    sandbox = up(project)
    (folder / "src" / "helper.py").write_text("x = 1\ny = x / 0\n")
    sandbox.wait(r"ZeroDivisionError: division by zero \(src/helper.py:2")
    (folder / "src" / "helper.py").write_text("x = 2\n")
    sandbox.wait("one reloaded")


def test_a_saved_file_that_replaced_the_old_one(project, up):
    folder = project.worker("one")
    sandbox = up(project)
    for text in ("first", "second"):
        after = len(sandbox.lines)
        fresh = folder / "src" / ".entry.py.swp"
        fresh.write_text((folder / "src" / "entry.py").read_text().replace("Response(", f"Response('{text}' or "))
        os.replace(fresh, folder / "src" / "entry.py")
        sandbox.wait("one reloaded", after=after)
        assert text_of(sandbox, "one") == text


def test_deleting_and_restoring_the_entry_file(project, up):
    folder = project.worker("one")
    sandbox = up(project)
    entry = folder / "src" / "entry.py"
    text = entry.read_text()
    entry.unlink()
    sandbox.wait("one does not load; the last good code serves on")
    answer = sandbox.ask(worker="one")
    assert (answer.text, answer.headers.get("x-sandbox-stale")) == ("one", "1")
    entry.write_text(text.replace("'one'", "'back'"))
    sandbox.wait("one reloaded")
    assert text_of(sandbox, "one") == "back"


def test_renaming_the_entry_file_and_naming_it_in_the_wrangler_file(project, up, eventually):
    folder = project.worker("one")
    sandbox = up(project)
    (folder / "src" / "entry.py").rename(folder / "src" / "main.py")
    sandbox.wait("one does not load")
    wrangler = folder / "wrangler.toml"
    wrangler.write_text(wrangler.read_text().replace("src/entry.py", "src/main.py"))
    sandbox.wait("one reloaded")
    assert "x-sandbox-stale" not in sandbox.ask(worker="one").headers


def test_a_changed_wrangler_file_gives_a_new_var(project, up):
    project.worker("one", ENV)
    sandbox = up(project)
    assert text_of(sandbox, "one") == "none"
    project.worker("one", ENV, wrangler='[vars]\nWORD = "new"\n')
    sandbox.wait("one reloaded")
    assert text_of(sandbox, "one") == "new"


def test_a_broken_wrangler_file_keeps_the_old_one_in_force(project, up):
    folder = project.worker("one", ENV, wrangler='[vars]\nWORD = "old"\n')
    sandbox = up(project)
    wrangler = folder / "wrangler.toml"
    good = wrangler.read_text()
    wrangler.write_text(good + "main = [\n")
    sandbox.wait("one does not load")
    sandbox.wait(r"wrangler\.toml")
    assert text_of(sandbox, "one") == "old"
    wrangler.write_text(good.replace("old", "newer"))
    sandbox.wait("one reloaded")
    assert text_of(sandbox, "one") == "newer"


def test_a_new_kv_namespace_and_a_new_secret_are_known_at_once(project, up):
    folder = project.worker("one", ENV)
    sandbox = up(project)
    project.worker(
        "one",
        ENV.replace("return", "print('it is', self.env.WORD); return", 1),
        wrangler='[[kv_namespaces]]\nbinding = "FRESH"\nid = "fresh-space"\n',
    )
    (folder / ".dev.vars").write_text("WORD=canary-0123456789\n")
    sandbox.wait("one reloaded")
    while text_of(sandbox, "one") != "canary-0123456789":
        pass
    sandbox.wait(r"it is \[secret\]")
    assert "canary-0123456789" not in sandbox.console
    assert "fresh-space" in project.sandbox("kv", "namespace", "list").out


def test_a_changed_sandbox_toml_brings_a_pipeline(project, up):
    project.worker("one")
    sandbox = up(project)
    assert sandbox.ask("/api/pipelines").json["pipelines"] == []
    project.toml('[pipelines.fresh]\n[[pipelines.fresh.stages]]\nname = "a"\nworker = "one"\n')
    sandbox.wait("configuration read again")
    assert [row["name"] for row in sandbox.ask("/api/pipelines").json["pipelines"]] == ["fresh"]


def test_a_sandbox_toml_that_was_not_there_is_taken_up(project, up):
    (project.root / "sandbox.toml").unlink()
    project.worker("hello")
    sandbox = up(project, "--persist-to", str(project.state))
    project.toml('[pipelines.fresh]\n[[pipelines.fresh.stages]]\nname = "only"\nworker = "hello"\n')
    sandbox.wait("configuration read again")
    assert [row["name"] for row in sandbox.ask("/api/pipelines").json["pipelines"]] == ["fresh"]


def test_a_broken_sandbox_toml_changes_nothing_and_is_said(project, up):
    project.worker("one")
    sandbox = up(project)
    project.toml('[pipelines.fresh]\n[[pipelines.fresh.stages]]\nname = "a"\nworker = "onne"\n')
    sandbox.wait("the configuration has errors; the old one stays in force")
    sandbox.wait(r'sandbox\.toml.*onne.*did you mean "one"')
    assert text_of(sandbox, "one") == "one"
    project.toml("")
    sandbox.wait("configuration read again")


def test_what_only_a_restart_can_change_is_said(project, up):
    project.worker("one")
    sandbox = up(project)
    (project.root / "sandbox.toml").write_text('[sandbox]\nport = 0\nstate = "elsewhere"\n')
    sandbox.wait("restart to change state")


def test_a_new_worker_folder_appears_and_an_old_one_goes(project, up, eventually):
    project.worker("one")
    sandbox = up(project)
    folder = project.worker("two")
    sandbox.wait(r"two is new: http://two\.localhost")
    assert text_of(sandbox, "two") == "two"
    assert "two" in sandbox.ask("/health").json["workers"]
    after = len(sandbox.lines)
    project.worker("two", text="again")
    sandbox.wait("two reloaded", after=after)
    shutil.rmtree(folder)
    sandbox.wait("two is gone", after=after)
    assert sandbox.ask(worker="two").status == 404
    assert text_of(sandbox, "one") == "one"


def test_a_worker_broken_at_the_start(project, up):
    project.worker("one")
    project.worker("bad", SYNTAX_ERROR)
    sandbox = up(project)
    sandbox.wait("bad does not load; it cannot serve until this is mended")
    sandbox.wait(r"bad +http://bad\.localhost:\d+ +does not load")
    assert text_of(sandbox, "one") == "one"
    answer = sandbox.ask(worker="bad")
    assert answer.status == 503
    error = answer.json["error"]
    assert error["worker"] == "bad" and "SyntaxError" in error["message"] and "entry.py:3" in error["message"]
    page = sandbox.ask(worker="bad", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html") and "SyntaxError" in page.text
    project.worker("bad", text="mended")
    sandbox.wait("bad reloaded")
    assert text_of(sandbox, "bad") == "mended"


def test_a_missing_package_is_answered_with_the_install_line(project, up):
    folder = project.worker("one", "import no_such_package_at_all\n" + ENV)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "one"\nversion = "0"\ndependencies = ["no_such_package_at_all"]\n'
    )
    sandbox = up(project)
    sandbox.wait(r"install .*no_such_package_at_all")
    error = sandbox.ask(worker="one").json["error"]
    assert "no_such_package_at_all" in error["message"] and "install" in error["hint"]


def test_without_reloading_nothing_is_watched(project, up):
    project.worker("one")
    sandbox = up(project, "--no-reload")
    project.worker("one", text="changed")
    assert text_of(sandbox, "one") == "one"
    assert sandbox.stop() == 0
    assert "reloaded" not in sandbox.console


def test_on_error_fail_answers_503(project, up):
    folder = project.worker("one")
    project.toml('on_error = "fail"\n')
    sandbox = up(project)
    (folder / "src" / "entry.py").write_text(SYNTAX_ERROR)
    sandbox.wait("one does not load")
    assert sandbox.ask(worker="one").status == 503


def test_callers_see_new_code_of_a_worker_at_the_end_of_a_chain_of_bindings(project, up):
    calls = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(await self.word())

    async def word(self):
        return {}
"""
    for name, following in (("first", "second"), ("second", "third"), ("third", None)):
        services = f'[[services]]\nbinding = "NEXT"\nservice = "{following}"\n' if following else ""
        project.worker(name, calls.format("await self.env.NEXT.word()" if following else "'one'"), wrangler=services)
    sandbox = up(project)
    assert text_of(sandbox, "first") == "one"
    (project.root / "workers" / "third" / "src" / "entry.py").write_text(calls.format("'two'"))
    sandbox.wait("third reloaded")
    assert text_of(sandbox, "first") == "two"
    assert "first reloaded" not in sandbox.console and "second reloaded" not in sandbox.console


# A namespace of users has limits of its own: the machine's stay as they are.
FEW_WATCHES = """
import os, sys
limited = 'echo 3 > /proc/sys/user/max_inotify_watches; exec "$@"'
os.execvp("unshare", ["unshare", "-Ur", "sh", "-c", limited, "sh", sys.executable, "-m", "sandbox", *sys.argv[1:]])
"""


def test_when_the_systems_watches_are_used_up_it_says_so_and_polls(project, up):
    try:
        subprocess.run(["unshare", "-Ur", "sh", "-c", "echo 3 > /proc/sys/user/max_inotify_watches"], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a namespace of users with limits of its own")
    project.worker("one")
    sandbox = up(project, command=("-c", FEW_WATCHES), WATCHFILES_POLL_DELAY_MS="50")
    sandbox.wait(r"watching by polling, every 50 ms: the system gives no more file watches \(.*limit reached\)")
    sandbox.wait(r"sudo sysctl fs\.inotify\.max_user_watches=\d+")
    project.worker("one", text="changed")
    sandbox.wait("one reloaded")
    assert text_of(sandbox, "one") == "changed"


def test_polling_can_be_asked_for(project, up):
    project.worker("one")
    sandbox = up(project, WATCHFILES_FORCE_POLLING="1", WATCHFILES_POLL_DELAY_MS="50")
    sandbox.wait("watching by polling, every 50 ms: WATCHFILES_FORCE_POLLING is set")
    project.worker("one", text="changed")
    sandbox.wait("one reloaded")
