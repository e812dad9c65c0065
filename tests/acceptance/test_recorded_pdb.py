"""The recorded sessions of pdb, run again: what a terminal shows must be what tests/sessions/ says.

`RECORD=1 pytest tests/acceptance/test_recorded_pdb.py` records them anew.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

SESSIONS = Path(__file__).parents[1] / "sessions"
PROMPT = r"\(Pdb\) $"
HEAD = (
    "# Recorded from pseudo terminals by tests/acceptance/test_recorded_pdb.py (which compares); "
    "ports, ids, times and the project's path are evened out.\n\n"
)
WORDS = '''"""words: counts the words of a text."""

from sandbox.handshake import HandshakeWorker, Job


class Default(HandshakeWorker):
    name = "words"

    async def process(self, job: Job):
        words = job.input["text"].split()
        breakpoint()
        await job.progress(50, "counting")
        return {"words": len(words), "longest": max(words, key=len)}
'''
SHOP = """from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        item = request.url.partition("item=")[2]
        return Response(f"{item} costs {await self.env.PRICES.price(item)}")
"""
PRICES = """from workers import WorkerEntrypoint

PRICES = {"apple": 3, "pear": 4}


class Default(WorkerEntrypoint):
    async def price(self, item):
        return PRICES[item]
"""
CACHES = (
    'kv_namespaces = [{ binding = "PROGRESS_CACHE", id = "progress" }, { binding = "RESULT_CACHE", id = "result" }]\n'
)


def evened(text: str, root: Path) -> str:
    text = text.replace(str(root), "/home/you/project")
    text = re.sub(r"localhost:\d+", "localhost:8787", text)
    text = re.sub(r"pid \d+", "pid 4711", text)
    text = re.sub(r"exec_[0-9a-f]{32}", "exec_" + "0123456789abcdef" * 2, text)
    text = re.sub(r"\d+(\.\d+)? (ms|s)\b", "N ms", text)
    text = re.sub(r"\(Python [^)]*\)", "(Python 3.11.7, workers-runtime-sdk 1.9.5)", text)
    text = re.sub(r"\d+(\.\d+)? (k?B)\b", r"N \2", text)
    text = re.sub(r"\n *[~^]{3,}(?=\n)", "", text)  # the interpreter's own marks differ between versions
    text = re.sub(r"(?<=\S) {2,}", "  ", text)  # columns are as wide as the times in them
    text = re.sub(r"note: Python 3\.[^\n]*\n", "", text)  # said once the files have been read, and where it is far only
    text = re.sub(r"[^\n]*keeps the loop busy[^\n]*\n", "", text)  # said where the machine was slow
    return re.sub(r"[ \t]+(?=\n)", "", text)


def compare(name: str, text: str) -> None:
    path = SESSIONS / name
    if os.environ.get("RECORD"):
        SESSIONS.mkdir(exist_ok=True)
        path.write_text(HEAD + text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == HEAD + text


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="recorded before pdb opened on the line of breakpoint() itself")
def test_pdb_in_a_worker(project, make_terminal):
    project.worker("words", WORDS, wrangler=CACHES)
    up = make_terminal("up", cwd=project.root)
    up.expect("Ctrl-C stops it")
    run = make_terminal("run", "words", "-p", "text=to be or not to be", "--out", "out", cwd=project.root)
    up.expect(PROMPT)
    run.expect(r"is stopped at .*\n")
    for line in ("p words", "p job.input, job.packet_id[:4]", "words.append('indeed')", "n", "n", "w"):
        up.say(line)
    up.say("c", then=None)
    assert run.end() == 0
    up.press("\x03")
    assert up.end() == 0
    # What is drawn while it runs, and drawn over, is left out of the other terminal.
    told = re.findall(r"words (?:is stopped [^\n]*|goes on)", run.screen)
    told += run.screen[run.screen.index("words  ok") :].splitlines()
    text = f"$ sandbox up\n{up.screen}\n\n(meanwhile, in another terminal)\n$ sandbox run words -p text='to be or not to be'\n"
    compare("pdb.txt", evened(text + "\n".join(told) + "\n", project.root))


def test_a_prompt_at_an_unhandled_exception(project, make_terminal, asker):
    project.worker("shop", SHOP, wrangler='[[services]]\nbinding = "PRICES"\nservice = "prices"\n')
    project.worker("prices", PRICES)
    up = make_terminal("up", "--pdb", cwd=project.root)
    client = asker(int(up.expect(r"is up at http://localhost:(\d+)").group(1)))
    up.expect("Ctrl-C stops it")
    answer = client.begin("/?item=plum", worker="shop")
    up.expect(PROMPT)
    for line in ("p item", "p sorted(PRICES)", "p request.method, request.url"):
        up.say(line)
    up.say("c", then=None)
    assert answer().status == 500
    up.expect(r"500 \d")
    up.press("\x03")
    assert up.end() == 0
    text = "$ sandbox up --pdb\n" + up.screen
    compare("pdb_unhandled.txt", evened(text, project.root))
