"""Runs in a process of its own: installs the emulated modules and makes a worker current, as `sandbox up` would.

Loaded by pytest as a plugin (`-p hosting`) it gives the official suite its `env`; run as a script it serves a worker's
`fetch` once and prints the answer: `python hosting.py FOLDER_OF_STATE PATH_OF_MAIN_MODULE`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from sandbox.bindings.kv import KvNamespace, KvStores
from sandbox.clock import SystemClock
from sandbox.runtime import install
from sandbox.runtime.context import ExecutionContext, WorkerContext, current_worker
from sandbox.runtime.exchange import incoming_request, read_text
from sandbox.runtime.values import JsArray, JsObject, jsnull

install()


def enter(folder: Path) -> tuple[WorkerContext, KvStores]:
    """A worker with a KV binding and the vars of the oracle's probe, made current."""
    stores = KvStores(folder, SystemClock())
    env = JsObject(
        {
            "KV": KvNamespace(stores.get("test-kv")),
            "DB": JsObject(),  # the probe stops where it has no `exec`
            "S": "str",
            "J": JsObject({"a": JsArray([1, 2, JsObject({"b": jsnull})])}),
            "N": 3,
        }
    )
    context = WorkerContext("conformance", env)
    current_worker.set(context)
    return context, stores


async def serve_once(folder: Path, main: Path) -> str:
    context, stores = enter(folder)
    spec = importlib.util.spec_from_file_location("probe_worker", main)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    from workers import Request  # only there once `install` ran

    entrypoint = module.Default(ExecutionContext(), context.env)
    answer = await entrypoint.fetch(Request(incoming_request("GET", "http://probe.localhost:8787/", [])))
    text = await read_text(getattr(answer, "js_object", answer))
    await stores.close()
    return text


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print(asyncio.run(serve_once(Path(sys.argv[1]), Path(sys.argv[2]))))
else:
    _, _stores = enter(Path(os.environ["SANDBOX_TEST_KV_FOLDER"]))

    def pytest_unconfigure() -> None:
        asyncio.run(_stores.close())
