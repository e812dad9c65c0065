"""Static assets answer as Miniflare's do: `assets/answers.json` was recorded by `assets/record.mjs` from `assets/cases.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.bindings.assets import AssetServers
from sandbox.config.models import AssetsConfig, WorkerConfig
from sandbox.runtime.exchange import header_pairs, incoming_request, read_text

HERE = Path(__file__).parent / "assets"
CASES = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
ANSWERS = json.loads((HERE / "answers.json").read_text(encoding="utf-8"))
KEPT = ("location", "content-type", "cache-control", "x-one", "x-two", "x-file")


async def ask(asked: str, worker: WorkerConfig, servers: AssetServers) -> dict[str, Any]:
    method, path, *pairs = asked.split(" ")
    headers = [(name, value) for name, _, value in (pair.partition("=") for pair in pairs)]
    request = incoming_request(method, f"http://site.localhost{path}", headers)
    answer = await servers.front(worker, request)
    if answer is None and "?ask=" in path:
        other = incoming_request(method, f"http://site.localhost{path.partition('?ask=')[2]}", [])
        answer = await servers.of(worker.assets).answer(other)
    if answer is None:
        body = "worker" if method != "HEAD" else ""
        return {"status": 200, "headers": {"content-type": "text/plain;charset=UTF-8"}, "body": body}
    kept = {name: value for name, value in header_pairs(answer) if name in KEPT}
    return {"status": answer.status, "headers": kept, "body": await read_text(answer)}


@pytest.mark.parametrize("number", range(len(CASES)))
async def test_as_recorded(number: int, tmp_path: Path) -> None:
    case = CASES[number]
    for name, text in case["files"].items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    first = case.get("run_worker_first", False)
    assets = AssetsConfig(
        tmp_path,
        "ASSETS",
        case["html_handling"],
        case["not_found_handling"],
        tuple(first) if isinstance(first, list) else first,
    )
    has_main = case.get("worker", True)
    worker = WorkerConfig("site", tmp_path, tmp_path / "w", tmp_path, "2026-08-01", assets=assets, has_main=has_main)
    servers, wrong = AssetServers(), []
    for asked, expected in ANSWERS[number].items():
        got = await ask(asked, worker, servers)
        if got != expected:
            wrong.append(f"{asked}\n   miniflare {expected}\n   here      {got}")
    assert not wrong, "\n".join(wrong)
