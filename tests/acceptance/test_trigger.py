"""`sandbox trigger`: with a sandbox that is up, and without one."""

from __future__ import annotations

CODE = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("ok")

    async def scheduled(self, controller, env, ctx):
        print("at", controller.scheduledTime)
        if controller.cron == "once":
            controller.noRetry()
        if controller.cron == "bad":
            raise ValueError("not today")
"""


def test_trigger(project, up):
    project.worker("shop", CODE)
    alone = project.sandbox(*"trigger shop --time 1000 --json".split())
    assert alone.code == 0, alone.err
    assert '"scheduled_time": "1970-01-01T00:00:01.000Z"' in alone.out
    running = up(project)
    done = project.sandbox("trigger", "shop", "--cron", "0 6 * * *", "--time", "2026-11-26T06:00:00Z")
    assert (done.code, done.out) == (0, "shop scheduled 0 6 * * * at 2026-11-26T06:00:00.000Z: ok\n"), done.err
    running.wait("at 1795672800000")
    failed = project.sandbox("trigger", "shop", "--cron", "bad")
    assert failed.code == 1 and failed.out.endswith(": exception\n")
    assert failed.err == "error: shop: ValueError: not today (src/entry.py:13 in scheduled)\n"
    running.wait("ValueError: not today")
    shown = project.sandbox("trigger", "shop", "--cron", "bad", "--json")
    assert (shown.code, shown.json["error"]) == (1, failed.err.removeprefix("error: ").strip())
    once = project.sandbox("trigger", "shop", "--cron", "once", "--json")
    assert once.json["no_retry"] is True and once.json["outcome"] == "ok" and once.json["error"] is None
    wrong = project.sandbox("trigger", "shop", "--time", "soon")
    assert wrong.code == 1 and wrong.err.startswith("error: time: 'soon' is no time\n hint: ")
    assert project.sandbox("trigger").code == 2
    # Without the flag the path is the worker's own.
    assert running.ask("/__scheduled?cron=bad", worker="shop").text == "ok"
    assert running.stop() == 0


def test_wranglers_path_for_test_scheduled(project, up):
    project.worker("shop", CODE)
    running = up(project, "--test-scheduled")
    answer = running.ask("/__scheduled?cron=0+6+*+*+*", worker="shop")
    assert (answer.status, answer.text) == (200, "Ran scheduled event")
    running.wait("shop at ")
    failed = running.ask("/__scheduled?cron=bad", worker="shop")
    assert (failed.status, failed.text) == (500, "exception")
    assert running.ask("/__scheduled/else", worker="shop").text == "ok"
    assert running.ask("/cdn-cgi/handler/scheduled", worker="shop").text == "ok"
    assert running.stop() == 0


def test_trigger_of_a_worker_without_a_handler_for_it(project):
    project.worker("shop", CODE.split("    async def scheduled")[0])
    failed = project.sandbox("trigger", "shop")
    assert failed.code == 1
    assert "error: shop: TypeError: Handler does not export a scheduled() function.\n" in failed.err
