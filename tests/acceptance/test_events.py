"""Look, and do it again: `sandbox logs`, `requests list/show` and `replay` beside a sandbox that is up, and without one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

SHOP = """
import json
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = request.url.rpartition("/")[2]
        if path == "size":
            return Response(str(len(await request.bytes())))
        if path == "whoami":
            return Response.json({"who": request.headers.get("authorization")})
        order = await request.json()
        await self.env.ORDERS.put(f"order:{order['id']}", json.dumps(order))
        await self.env.ORDERS.get(f"order:{order['id']}")
        total = await self.env.PRICES.total(order["items"])
        print(f"order {order['id']}: {total}")
        return Response.json({"id": order["id"], "total": total})
"""
PRICES = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def total(self, items):
        known = {"tea": 3, "cake": 4}
        return sum(known[item] for item in items)
"""
BINDINGS = """
[[services]]
binding = "PRICES"
service = "prices"
[[kv_namespaces]]
binding = "ORDERS"
id = "orders"
"""


@pytest.fixture
def start_command():
    """`start_command(project, *arguments)` starts a command that goes on; it is ended with the test."""
    started = []

    def start(project, *arguments):
        command = [sys.executable, "-m", "sandbox", *arguments]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("SANDBOX")}
        env = {**clean, "PYTHONUNBUFFERED": "1"}
        started.append(subprocess.Popen(command, cwd=project.root, env=env, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def shop(project):
    project.worker("shop", SHOP, wrangler=BINDINGS)
    project.worker("prices", PRICES)
    return project


def order(running, number=7, items=("tea", "cake"), **headers):
    return running.ask(worker="shop", method="POST", json_body={"id": number, "items": items}, headers=headers)


def test_a_request_is_looked_at_and_done_again(shop, up, eventually):
    running = up(shop)
    answer = order(running, Authorization="Bearer hush-hush")
    assert answer.json == {"id": 7, "total": 7}
    name = answer.headers["x-sandbox-request"]
    assert name == "r1"
    failed = order(running, 8, ["coffee"])
    assert failed.status == 500

    listed = shop.sandbox("requests", "list", "--json").json["requests"]
    assert [(one["id"], one["worker"], one["method"], one["status"]) for one in listed] == [
        ("r2", "shop", "POST", 500),
        ("r1", "shop", "POST", 200),
    ]
    assert [one["bytes"] for one in listed] == [len(failed.body), len(answer.body)]
    table = shop.sandbox("requests", "list", "--status", "5xx", "--worker", "shop")
    assert "r2" in table.out and "r1" not in table.out
    assert "No request fits" in shop.sandbox("requests", "list", "--status", "404").out

    shown = shop.sandbox("requests", "show", name).out
    assert "hush-hush" not in shown and "authorization: [secret]" in shown
    tree = shown[shown.index("What happened") :].splitlines()[1:]
    assert [line[14:].split(" 200 ")[0] for line in tree if "prices.total" not in line] == [
        f"shop r1 POST http://shop.localhost:{running.port}/",
        "  shop kv.put orders order:7",
        "  shop order 7: 7",
    ]
    assert "1 KV read" in tree[0] and any("shop -> prices.total()" in line for line in tree)
    failed = shop.sandbox("requests", "show", "last").out
    assert "KeyError: 'coffee'" in failed and "500 in" in failed

    same = shop.sandbox("replay", name)
    assert (same.code, "the same answer" in same.out) == (0, True)
    assert "authorization was not sent" in same.out
    shop.worker("prices", PRICES.replace('"tea": 3', '"tea": 5'))
    running.wait(r"prices reloaded")
    done = shop.sandbox("replay", name)
    assert done.code == 1 and "$.total\n  - 7\n  + 9\n" in done.out
    report = shop.sandbox("replay", "r2", "--json")
    assert report.code == 0 and report.json["replay_of"] == "r2" and report.json["equal"]


def test_logs_of_a_sandbox_that_is_up_and_of_one_that_was(shop, up):
    running = up(shop)
    order(running)
    order(running, 8, ["coffee"])
    lines = shop.sandbox("logs").out
    assert "shop order 7: 7" in lines and "KeyError: 'coffee'" in lines and "POST http" in lines
    assert "kv.put" not in lines
    assert "kv.put orders order:7" in shop.sandbox("logs", "--level", "debug").out
    errors = shop.sandbox("logs", "--level", "error", "--json").out.splitlines()
    assert {json.loads(line)["kind"] for line in errors} == {"exception", "request"}
    trace = shop.sandbox("logs", "--trace", "r1", "--json").out.splitlines()
    assert [json.loads(line)["text"] for line in trace] == ["order 7: 7"]
    assert shop.sandbox("logs", "--grep", "order 7", "--since", "10m").out.count("\n") == 1
    assert running.stop() == 0
    assert "shop order 7: 7" in shop.sandbox("logs", "--worker", "shop").out
    assert shop.sandbox("requests", "show", "r1", "--json").json["request"]["response_body"]["text"]
    again = shop.sandbox("replay", "r1", "--json")
    assert again.code == 0 and again.json["request"] == "r3"
    assert shop.sandbox("logs", "-f").code == 2
    assert shop.sandbox("logs", "--since", "yesterday").code == 2


def test_following_shows_what_happens_next(shop, up, start_command):
    running = up(shop)
    order(running, 1)
    follower = start_command(shop, "logs", "-f", "--grep", "order")
    assert "shop order 1: 7" in follower.stdout.readline()
    order(running, 2)
    assert "shop order 2: 7" in follower.stdout.readline()


def test_credentials_are_given_anew(shop, up):
    running = up(shop)
    assert running.ask("/whoami", worker="shop", headers={"Authorization": "Bearer abc"}).json == {"who": "Bearer abc"}
    without = shop.sandbox("replay", "last")
    assert without.code == 1 and "authorization was not sent" in without.out and "$.who" in without.out
    given = shop.sandbox("replay", "last", "-H", "Authorization: Bearer abc")
    assert given.code == 0, given.out
    assert shop.sandbox("replay", "last", "-H", "nothing").code == 2


def test_what_cannot_be_done_again_is_said(shop, up):
    shop.toml("[events]\nbody_limit = 1000\n")
    running = up(shop)
    assert running.ask("/size", worker="shop", method="POST", body=b"x" * 5000).text == "5000"
    refused = shop.sandbox("replay", "last")
    assert refused.code == 1 and "was not kept: it is longer than body_limit" in refused.err
    running.ask("/api/workers")
    assert "r2" in shop.sandbox("requests", "list", "--all").out
    assert "went to the sandbox itself" in shop.sandbox("replay", "r2").err
    assert "no request r99" in shop.sandbox("requests", "show", "r99").err


def test_a_killed_sandbox_leaves_a_log_that_lacks_its_last_batch_at_most(shop, up, eventually):
    running = up(shop)
    for _ in range(300):
        running.ask("/size", worker="shop", method="POST", body=b"x")
    listed = shop.sandbox("requests", "list", "--limit", "1", "--json").json  # what is asked for is written first
    assert listed["requests"][0]["id"] == "r300"
    for _ in range(20):
        running.ask("/size", worker="shop", method="POST", body=b"x")
    running.send_signal(signal.SIGKILL)
    running.end()
    with closing(sqlite3.connect(shop.state / "events.sqlite")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found = shop.sandbox("requests", "list", "--limit", "1000", "--json").json["requests"]
    assert 300 <= len(found) <= 320
    assert [one["id"] for one in found] == [f"r{number}" for number in range(len(found), 0, -1)]


def test_it_can_be_turned_off(shop, up):
    shop.toml("[events]\nenabled = false\n")
    running = up(shop)
    assert "x-sandbox-request" not in order(running).headers
    refused = shop.sandbox("requests", "list")
    assert refused.code == 1 and "the event log is off" in refused.err
    assert not (shop.state / "events.sqlite").exists()


def test_a_filter_may_name_a_worker_that_is_gone_but_no_other(shop, up):
    running = up(shop)
    assert order(running).status == 200
    assert shop.sandbox("requests", "list", "--worker", "SHOP", "--json").json["requests"], "any spelling of its name"
    assert running.stop() == 0
    (shop.root / "workers" / "shop" / "wrangler.toml").unlink()
    gone = shop.sandbox("requests", "list", "--worker", "shop", "--status", "404")
    assert gone.code == 0 and "No request fits" in gone.out, gone.err
    assert shop.sandbox("logs", "--worker", "shop", "--grep", "order 7").code == 0
    slip = shop.sandbox("logs", "--worker", "shopp")
    assert slip.code == 2 and "nor is one in the event log" in slip.err and slip.out == ""
