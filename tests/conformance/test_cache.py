"""The Cache API answers as Miniflare's does: `cache/answers.json` was recorded by `cache/record.mjs` from `cache/cases.json`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.bindings.cache import CacheStorage
from sandbox.bindings.kv import KvStores
from sandbox.clock import FakeClock
from sandbox.runtime.exchange import header_pairs, make_response, new_request, read_text
from sandbox.runtime.values import JsException

HERE = Path(__file__).parent / "cache"
CASES = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
ANSWERS = json.loads((HERE / "answers.json").read_text(encoding="utf-8"))
RECORDED_AT = 1_795_659_489.0
# Miniflare loses a response without a body; several ranges give the whole body here.
DIFFERENT = ('"status": 204', "bytes=0-0,2-3")


def told(headers: dict[str, str]) -> dict[str, str]:
    """Without the moment, and with Cache-Control as a set: Miniflare leaves a comma where it takes a directive out."""
    kept = {name: value for name, value in headers.items() if name != "date"}
    if "cache-control" in kept:
        kept["cache-control"] = ",".join(
            sorted(part.strip() for part in kept["cache-control"].split(",") if part.strip())
        )
    return kept


@pytest.mark.parametrize(
    "number", [n for n, case in enumerate(CASES) if not any(d in json.dumps(case) for d in DIFFERENT)]
)
async def test_as_recorded(number: int, tmp_path: Path) -> None:
    case, (refused, expected) = CASES[number], ANSWERS[number]
    stores = KvStores(tmp_path / "cache", FakeClock(RECORDED_AT), synchronous="OFF")
    cache = CacheStorage(stores, FakeClock(RECORDED_AT)).default
    error, got = None, None
    try:
        asked = new_request("https://example.com/x", method=case.get("method", "GET"), headers=case.get("request"))
        try:
            await cache.put(asked, make_response("kept", status=case.get("status", 200), headers=case["headers"]))
        except JsException as raised:
            error = str(raised)
        found = await cache.match(new_request("https://example.com/x", headers=case.get("match")))
        if found is not None:
            got = [found.status, told(dict(header_pairs(found))), await read_text(found)]
    finally:
        await stores.close()
    assert error == refused
    assert got == (None if expected is None else [expected[0], told(expected[1]), expected[2]])
