"""`sandbox fault` against the sandbox that is up, and `[[faults]]` of sandbox.toml."""

from __future__ import annotations

BINDINGS = """
kv_namespaces = [{ binding = "NOTES", id = "notes-id" }]
services = [{ binding = "PLAIN", service = "plain" }]
"""


def test_faults_come_and_go_while_it_is_up(project, up):
    project.worker("echo")
    project.toml('[[faults]]\nkind = "status"\nstatus = 418\nworker = "echo"\nroute = "/pot"\n')
    running = up(project)
    running.wait("1 fault is in force: sandbox fault list")
    assert running.ask("/pot", worker="echo").status == 418
    running.wait(r"fault f1: 418 instead of an answer: request echo /pot")

    added = project.sandbox(
        *"fault add status --worker echo --status 503 --body later --times 1 --seed 5 --header".split(),
        "Retry-After: 2",
    )
    assert added.code == 0, added.err
    assert added.out.startswith("f2: status status=503 times=1, request echo\n")
    answer = running.ask("/", worker="echo")
    assert (answer.status, answer.text, answer.headers["retry-after"]) == (503, "later", "2")
    assert running.ask("/", worker="echo").status == 200

    listed = project.sandbox("fault", "list")
    rows = [line.split() for line in listed.out.splitlines()]
    assert rows[0] == ["Fault", "What", "Where", "From", "Seed", "Seen", "Injected"]
    assert rows[1][0] == "f1" and rows[1][-2:] == ["1", "1"] and "sandbox.toml" in rows[1]
    assert rows[2][0] == "f2" and rows[2][-2:] == ["2", "1"]
    (first, second) = project.sandbox("fault", "list", "--json").json
    assert (first["route"], second["headers"], second["injected"]) == ("/pot", {"Retry-After": "2"}, 1)

    assert "fault f1: 418 instead of an answer: request echo /pot" in project.sandbox("logs").out
    assert project.sandbox("fault", "remove", "f1").out == "f1 removed\n"
    assert running.ask("/pot", worker="echo").status == 200
    assert project.sandbox("fault", "remove", "--all").out == "1 removed\n"
    assert running.stop() == 0


def test_mistakes_are_told_in_one_or_two_lines(project, up):
    project.worker("echo", wrangler=BINDINGS)
    project.worker("plain")
    absent = project.sandbox("fault", "list")
    assert (absent.code, absent.err) == (
        1,
        "error: no sandbox is up for this folder\n hint: start one with: sandbox up\n",
    )
    up(project)
    wrong = project.sandbox("fault", "add", "status", "--worker", "ecko", "--status", "99")
    assert wrong.code == 1 and "Traceback" not in wrong.err
    assert 'worker: there is no worker "ecko"' in wrong.err and "status: must be from 200 to 599, not 99" in wrong.err
    assert 'did you mean "echo"?' in wrong.err
    slip = project.sandbox("fault", "add", "kv-429", "--binding", "NOTE")
    assert slip.code == 1 and 'no worker has a KV binding "NOTE"' in slip.err and 'did you mean "NOTES"?' in slip.err
    other = project.sandbox("fault", "add", "drop", "--worker", "plain", "--binding", "NOTES")
    assert other.code == 1 and 'plain has no binding "NOTES"' in other.err and "there are none" in other.err
    elsewhere = project.sandbox("fault", "add", "drop", "--at", "service", "--binding", "notes-id")
    assert elsewhere.code == 1 and "services: PLAIN" in elsewhere.err
    assert project.sandbox("fault", "add", "drop", "--worker", "ec*", "--binding", "notes-id").code == 0
    assert project.sandbox("fault", "remove", "f7").err.startswith("error: there is no fault f7")
    assert project.sandbox("fault", "add", "drop", "--header", "x").code == 2


def test_a_fault_that_cannot_be_keeps_it_from_starting(project):
    project.worker("echo")
    project.toml(
        '[[faults]]\nkind = "latency"\nworker = "echo"\n[[faults]]\nkind = "drop"\nprobability = 2\n'
        '[[faults]]\nkind = "drop"\nbinding = "NOPE"\n'
    )
    done = project.sandbox("up")
    assert done.code == 1
    assert "faults[0].ms: is missing" in done.err
    assert "faults[1].probability: must be from 0 to 1, not 2" in done.err
    assert 'faults[2].binding: no worker has a binding "NOPE"' in done.err
