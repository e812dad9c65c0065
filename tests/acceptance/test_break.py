"""`sandbox up --break`, `sandbox break` and `sandbox continue`, between three processes."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

WORDS = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "words"

    async def process(self, job):
        return {"text": job.input["text"] * job.parameters.get("times", 1)}
"""
CACHES = 'kv_namespaces = [{ binding = "PROGRESS_CACHE", id = "p" }, { binding = "RESULT_CACHE", id = "r" }]\n'


@pytest.fixture
def run(project):
    """`run(*arguments)` starts `sandbox run`; what it returns waits for its end."""
    with ThreadPoolExecutor() as threads:
        yield lambda *arguments: threads.submit(project.sandbox, "run", *arguments).result


def test_a_message_is_held_shown_edited_and_goes_on(project, up, run):
    project.worker("words", WORDS, wrangler=CACHES)
    running = up(project, "--break", "process:words")
    running.wait(r"messages are held at process:words")

    result = run("words", "-p", "text=ab", "-p", "times=2", "--out", "out")
    running.wait(r"held h1 process:words, packet_\w+, exec_\w+ stage words")
    running.wait(r"go on: sandbox continue h1 +change it: sandbox continue h1 --edit")
    assert '"times": 2' in running.console

    listed = project.sandbox("continue", "--list")
    assert listed.out.splitlines()[1].split()[:4] == ["h1", "process", "words", "words"]
    shown = project.sandbox("continue", "--show", "--json").json
    assert shown["message"]["parameters"] == {"text": "ab", "times": 2}
    wrong = project.sandbox("continue", "--message", "-", stdin='{"packet_id": 5}')
    assert wrong.code == 1 and wrong.err.startswith("error: message.packet_id: ")

    edited = project.sandbox("continue", "--edit", EDITOR='sed -i \'s/"times": 2/"times": 3/\'')
    assert (edited.code, edited.out) == (0, "h1: edited\n"), edited.err
    done = result()
    assert done.code == 0, done.err
    assert "held h1 process:words: sandbox continue h1" in done.err
    assert json.loads((project.root / "out" / "words.json").read_text()) == {"text": "ababab"}
    running.wait(r"h1 process:words edited")
    logs = project.sandbox("logs")
    assert logs.code == 0 and "held h1 process:words" in logs.out and "h1 process:words edited" in logs.out, logs.err


def test_breakpoints_come_and_go_while_it_is_up(project, up, run):
    project.worker("words", WORDS, wrangler=CACHES)
    running = up(project)
    assert project.sandbox("break", "add", "handshake:words", "kv.put:result:*").out == (
        "b1: handshake:words\nb2: kv.put:result:*\n"
    )
    result = run("words", "-p", "text=ab")
    running.wait(r"held h1 handshake:words")
    assert project.sandbox("continue").out == "h1: continued\n"
    running.wait(r"held h2 kv\.put:words")
    assert project.sandbox("break", "remove", "b1", "b2").out == (
        "b1 removed\nb2 removed\n1 message still held: sandbox continue --list\n"
    )
    assert project.sandbox("continue", "--edit", EDITOR="true").code == 1  # nothing was saved: held still
    assert project.sandbox("continue", "--all").out == "h2: continued\n"
    assert result().code == 0


def test_an_edit_that_cannot_be_sent_is_kept_and_all_that_is_wrong_is_said(project, up, run, make_terminal, tmp_path):
    project.worker("words", WORDS, wrangler=CACHES)
    running = up(project, "--break", "process:words")
    result = run("words", "-p", "text=ab", "--out", "out")
    running.wait(r"held h1 process:words")
    slips = r"""sed -i 's/"parameters": {/"parameters": 7, "was": {/; s/"packet_id": "/"packet_id": 5, "had": "/' """
    refused = project.sandbox("continue", "--edit", EDITOR=slips, TMPDIR=str(tmp_path))
    assert refused.code == 1 and "Traceback" not in refused.err
    assert "message.packet_id: expected a string" in refused.err and "message.parameters: expected an" in refused.err
    kept = re.search(r"sandbox continue h1 --message (\S+)", refused.err)
    assert kept is not None and '"parameters": 7' in (mended := Path(kept[1])).read_text()
    assert mended.stat().st_mode & 0o077 == 0
    mended.write_text(mended.read_text().replace("5", '"p"').replace("7", '{"times": 2}') + "}")  # one bracket too many
    typo = project.sandbox("continue", "h1", "--message", str(mended))
    assert typo.code == 1 and "is not JSON" in typo.err

    # at a terminal the editor is opened again on what was written
    (tmp_path / "editor.sh").write_text(
        f"if [ -e {tmp_path}/second ]; then sed -i s/ba/text/ $1; else touch {tmp_path}/second; "
        'sed -i \'s/"parameters": {/"parameters": 7, "ba": {/\' $1; fi\n'
    )
    editor = make_terminal("continue", "--edit", cwd=project.root, EDITOR=f"sh {tmp_path}/editor.sh")
    editor.expect("message.parameters: expected an")
    editor.expect(r"edit again\? \[Y/n\]: ")
    editor.say("y", then=None)
    editor.expect(r"edit again\? \[Y/n\]: ")
    editor.say("n", then=None)
    again = editor.expect(r"h1 is still held, and what was written is in (\S+)")
    assert '"text": {' in Path(again[1]).read_text(), "both edits"
    editor.end()
    assert project.sandbox("continue", "h1").code == 0
    assert result().code == 0


def test_it_stops_at_once_although_something_is_held(project, up, run):
    project.worker("words", WORDS, wrangler=CACHES)
    running = up(project, "--break", "process")
    result = run("words", "-p", "text=ab")
    running.wait(r"held h1 process:words")
    assert running.stop() == 0
    running.wait(r"h1 process:words interrupted")
    done = result()
    assert done.code == 1 and "Traceback" not in done.err
    assert project.sandbox("executions", "list", "--json").json["executions"][0]["state"] == "failed"


def test_mistakes(project, up):
    project.worker("words", WORDS, wrangler=CACHES)
    wrong = project.sandbox("up", "--break", "process:wrods")
    assert wrong.code == 2
    assert wrong.err == "error: --break process:wrods: there is no worker 'wrods'\n hint: did you mean \"words\"?\n"
    assert project.sandbox("continue").err.startswith("error: no sandbox is up for this folder")
    assert project.sandbox("continue", "--edit", "--fail").code == 2
