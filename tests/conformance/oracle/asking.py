"""What a worker is asked, here and in Pyodide, and what it answers."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.app import Sandbox
from sandbox.config.load import load_sandbox
from sandbox.runtime import exchange
from tests.conformance.oracle.exports import ANSWERS, FEEDS, MODEL, ROUTE, node, oracle_home

PACKET = {"packet_id": "packet-1", "execution_id": "execution-1", "stage_id": "stage-1"}
TIMEOUT_S = 120
MORE: dict[str, list[tuple[str, str, Any]]] = {
    "bitware_rss_source_finder": [
        ("POST", "/find", {"topic": "machine learning", "languages": ["en"], "limit": 25}),
        ("POST", "/find", {"topic": "Klimawandel in Städten", "keywords": ["Stadtplanung"]}),
        ("POST", "/find", {"topic": "night trains", "catalogue": f"{ROUTE}feeds.opml"}),
        ("POST", "/find", {"topic": "night trains", "catalogue": f"{ROUTE}nothing.opml"}),
        ("POST", "/discover", {"sites": [f"{ROUTE}harbour-courier.xml", f"{ROUTE}nothing"]}),
        ("POST", "/feeds", {"feeds": [f"{ROUTE}lumen.xml", "no address"]}),
        ("POST", "/import", {"opml": f"{ROUTE}feeds.opml"}),
        ("POST", "/feeds/disable", {"url": f"{ROUTE}lumen.xml"}),
        ("GET", "/feeds?topic=railways&limit=5", None),
        ("GET", "/feeds?language=fr&offset=10&limit=7", None),
        ("POST", "/find", {"topic": "Lumen"}),
        ("POST", "/feeds/enable", {"url": f"{ROUTE}lumen.xml"}),
        ("POST", "/find", {"topic": "Lumen"}),
        ("POST", "/find", {}),
    ],
}
"""What is asked of a worker beside the protocol: method, path, body."""


def requests(example: Any, parameters: Any, more: Iterable[tuple[str, str, Any]]) -> list[dict[str, Any]]:
    """The five endpoints in the order of a run, a repetition, what has to be refused, and `more`. Bodies are text, so that
    both sides get the same bytes: JavaScript would write 1.0 as 1."""

    def post(endpoint: str, **more: Any) -> dict[str, Any]:
        return {"method": "POST", "path": f"/api/{endpoint}", "body": json.dumps({**PACKET, **more})}

    given = {"input_ref": {"storage_type": "inline", "inline_data": example}}
    wrong = {"input_ref": {"storage_type": "inline", "inline_data": {"unknown": [1]}}}
    progress = {"method": "GET", "path": f"/api/progress/{PACKET['packet_id']}"}
    return [
        {"method": "GET", "path": "/health"},
        post("handshake", **given),
        progress,
        post("process", parameters=parameters, **given),
        progress,
        post("process", parameters=parameters, **given),
        post("acknowledge", success=True, error=None),
        progress,
        {"method": "GET", "path": "/health"},
        post("handshake", **wrong),
        post("process", parameters={}, **{**wrong, "packet_id": "packet-2"}),
        post("handshake"),
        {"method": "GET", "path": "/api/process"},
        {"method": "GET", "path": "/nowhere"},
        *(
            {"method": method, "path": path, **({} if body is None else {"body": json.dumps(body)})}
            for method, path, body in more
        ),
    ]


async def ask_here(
    project: Path, name: str, given: Any = None, parameters: Any = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is asked (with the worker's own example and of its own routes, or with an input and parameters of a packet) and
    what it answers here."""
    answers: list[dict[str, Any]] = []
    async with Sandbox(load_sandbox(project), serve=False, watch=False) as sandbox:
        await sandbox.ready()

        async def ask(method: str, path: str, body: str | None = None) -> Any:
            headers = {} if body is None else {"content-type": "application/json"}
            request = exchange.new_request(f"http://worker.test{path}", method=method, headers=headers, body=body)
            return await sandbox.fetch(name, request)

        example = given or (await exchange.read_json(await ask("GET", "/health"))).get("example_input")
        plan = requests(example, parameters or {}, () if given else MORE.get(name, ()))
        namespace = next(kv.id for kv in sandbox.workers.config(name).kv_namespaces if kv.binding == "RESULT_CACHE")
        for each in plan:
            response = await ask(each["method"], each["path"], each.get("body"))
            text = await exchange.read_text(response)
            reference = json.loads(text).get("output_ref") or {}
            stored = None
            if reference.get("storage_type") == "reference":
                entry = await sandbox.kv.get(namespace).get(reference["ref_id"])
                stored = None if entry is None else bytes(entry.value).decode()
            kind = exchange.header(response, "content-type")
            answers.append({"status": response.status, "type": kind, "body": text, "stored": stored})
    return plan, answers


def ask_there(project: Path, name: str, packages: Path, plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What it answers in Pyodide. Raises RuntimeError with the last line of what went wrong."""
    routes = [{"prefix": ROUTE, "folder": str(FEEDS)}, {"prefix": MODEL, "answers": ANSWERS}]
    file = project / "plan.json"
    folders = {folder.name: str(folder.resolve()) for folder in (project / "workers").iterdir()}
    whole = {
        "workers": folders,
        "ask": name.replace("_", "-"),
        "requests": plan,
        "packages": str(packages),
        "routes": routes,
    }
    file.write_text(json.dumps(whole), encoding="utf-8")
    home = oracle_home()
    runner = Path(__file__).with_name("run.mjs")
    command = [str(node(home)), str(runner), str(file)]
    done = subprocess.run(
        command, env={**os.environ, "SANDBOX_ORACLE": str(home)}, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if re.match(r"\s*(\w+\.)*\w*(Error|Exception)\b", line)]
        raise RuntimeError(lines[-1].strip() if lines else done.stderr[-500:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"status"')]
