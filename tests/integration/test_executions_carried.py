"""An execution exported from one sandbox and replayed in another, and files that are none."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sandbox.app import Sandbox
from sandbox.config.load import load_sandbox
from sandbox.errors import Conflict, NotFound
from sandbox.orchestrator.replay import bundle
from sandbox.orchestrator.replay.bundle import BadBundle
from sandbox.runtime.exchange import new_request, read_bytes, read_json

from .conftest import write_worker

SECRETS = [f'canary-{at:02d}-{"x" * at}"q' if at % 5 == 0 else f"canary-{at:02d}-{at * 7919}" for at in range(20)]
KV = """
[[kv_namespaces]]
binding = "PROGRESS_CACHE"
id = "progress"
[[kv_namespaces]]
binding = "RESULT_CACHE"
id = "results"
"""
ASKING = """
import random, uuid
from workers import fetch
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "asking"

    async def process(self, job):
        secret = self.env.SECRET_3
        url = f"https://api.test/answer.txt?api_key=not-known-to-us&s={secret}"
        response = await fetch(url, headers={"Authorization": f"Bearer {self.env.SECRET_4}"}, method="POST",
                               body='{"token": "%s", "n": 1}' % self.env.SECRET_1)
        seen = await self.env.PROGRESS_CACHE.get(f"of-{self.env.SECRET_6}")
        await job.checkpoint({"secret": self.env.SECRET_7})
        if job.parameters.get("fail"):
            raise RuntimeError(f"failed with {self.env.SECRET_8}")
        return {"text": await response.text(), "said": self.env.SECRET_2, "seen": seen, "id": str(uuid.uuid4()),
                "roll": random.random(), "header": response.headers.get("x-key"), "pad": "x" * 1500}
"""
UPSTREAM = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("answer with " + self.env.SECRET_9, headers={"x-key": self.env.SECRET_11, "set-cookie": "a=hush-hush"})
"""
TOML = """
[[egress.routes]]
match = "https://api.test/*"
worker = "upstream"
"""


def lay_out(root: Path, *, routed: bool = True, secrets=SECRETS, code: str = ASKING) -> None:
    asking = write_worker(root, "asking", code, extra=KV)
    folders = [asking]
    if routed:
        folders.append(write_worker(root, "upstream", UPSTREAM))
    for folder in folders:
        lines = [
            f"SECRET_{at}={json.dumps(value)}" if '"' not in value else f"SECRET_{at}='{value}'"
            for at, value in enumerate(secrets)
        ]
        (folder / ".dev.vars").write_text("\n".join(lines))
    (root / "sandbox.toml").write_text(TOML if routed else "")


@asynccontextmanager
async def sandbox_in(root: Path):
    loaded = load_sandbox(root, overrides={"state": str(root / "state")})
    async with Sandbox(loaded, serve=False, watch=False) as sandbox:
        yield sandbox


@pytest.fixture
async def exported(tmp_path):
    """(execution, file) of a run in a sandbox that is gone."""
    root = tmp_path / "here"
    lay_out(root)
    async with sandbox_in(root) as sandbox:
        await sandbox.kv.get("progress").put(f"of-{SECRETS[6]}", SECRETS[10].encode())
        execution = await sandbox.run("asking", {"words": SECRETS[12]})
        assert execution["state"] == "completed", execution["error"]
        assert (await sandbox.orchestrator.replayer.replay(execution["execution_id"]))["same"]
        yield execution, await sandbox.orchestrator.carrier.export(execution["execution_id"])


async def test_it_is_replayed_elsewhere_without_a_network_to_the_same_outputs(exported, tmp_path):
    execution, content = exported
    lay_out(tmp_path / "there", routed=False)
    async with sandbox_in(tmp_path / "there") as sandbox:
        orchestrator = sandbox.orchestrator
        execution_id = await orchestrator.carrier.take_in(content)
        assert execution_id == execution["execution_id"]
        shown = orchestrator.execution(execution_id)
        assert shown["imported_at"]
        assert (shown["state"], shown["created_at"]) == ("completed", execution["created_at"])
        assert orchestrator.list()[0]["imported_at"]
        report = await orchestrator.replayer.replay(execution_id)
        assert report["same"], report
        (stage,) = report["stages"]
        assert not stage["divergences"] and not stage["other_code"] and not stage["notes"]
        assert [event.kind for event in orchestrator.events_after(execution_id, 0)]
        with pytest.raises(Conflict, match="is here already"):
            await orchestrator.carrier.take_in(content)
        again = await orchestrator.carrier.export(execution_id)
        assert members(again).keys() == members(content).keys()


async def test_an_output_without_secrets_has_the_same_sha256_there(tmp_path):
    code = (
        ASKING.replace("self.env.SECRET_2", '"nothing"')
        .replace("await response.text()", '"text"')
        .replace('"seen": seen', '"seen": 1')
        .replace('response.headers.get("x-key")', "1")
    )
    lay_out(tmp_path / "here", code=code)
    async with sandbox_in(tmp_path / "here") as sandbox:
        execution = await sandbox.run("asking")
        content = await sandbox.orchestrator.carrier.export(execution["execution_id"])
    lay_out(tmp_path / "there", routed=False, code=code, secrets=[f"other-{at:03d}" for at in range(20)])
    async with sandbox_in(tmp_path / "there") as sandbox:
        execution_id = await sandbox.orchestrator.carrier.take_in(content)
        (stage,) = (await sandbox.orchestrator.replayer.replay(execution_id))["stages"]
        assert stage["now"]["sha256"] == execution["stages"][0]["output_ref"]["sha256"]
    for other in ('"roll": random.random()', '"roll": 7'), ("POST", "PUT"):
        root = tmp_path / other[1].strip('"')[-1]
        lay_out(root, routed=False, code=code.replace(*other))
        async with sandbox_in(root) as sandbox:
            execution_id = await sandbox.orchestrator.carrier.take_in(content)
            (stage,) = (await sandbox.orchestrator.replayer.replay(execution_id))["stages"]
            assert stage["other_code"]
            if other[1] == "PUT":
                assert stage["divergences"][0]["nearest"].endswith("the method is PUT")
            else:
                assert [difference["path"] for difference in stage["differences"]] == ["$.roll"]


async def test_no_secret_leaves(exported, tmp_path):
    _, content = exported
    for name, body in members(content).items():
        for secret in (*SECRETS, "not-known-to-us", "hush-hush"):
            for form in (secret, json.dumps(secret)[1:-1]):
                assert form.encode() not in body, (name, secret)
    assert b"[secret]" in members(content)["execution.json"]


async def test_a_failed_execution_keeps_its_secrets_too(tmp_path):
    lay_out(tmp_path)
    async with sandbox_in(tmp_path) as sandbox:
        execution = await sandbox.run("asking", {"fail": True})
        content = await sandbox.orchestrator.carrier.export(execution["execution_id"])
        await check_api(sandbox, execution["execution_id"], content)
    assert not [secret for secret in SECRETS for body in members(content).values() if secret.encode() in body]


async def check_api(sandbox, execution_id: str, content: bytes) -> None:
    url = "http://localhost/api/executions"
    answer = await sandbox.handle(new_request(f"{url}/{execution_id}/export"))
    assert answer.status == 200
    assert answer.headers.get("content-type") == "application/zip"
    assert members(await read_bytes(answer)).keys() == members(content).keys()
    for body, status, code in (
        (content, 409, "already_here"),
        (b"no zip", 400, "bad_bundle"),
        (b"", 400, "bad_bundle"),
    ):
        answer = await sandbox.handle(new_request(f"{url}/import", method="POST", body=body))
        assert (answer.status, (await read_json(answer))["error"]["code"]) == (status, code)
    assert (await sandbox.handle(new_request(f"{url}/exec_0/export"))).status == 404


async def test_a_worker_that_is_not_there_is_said(exported, tmp_path):
    execution, content = exported
    root = tmp_path / "there"
    write_worker(root, "other", ASKING, extra=KV)
    async with sandbox_in(root) as sandbox:
        execution_id = await sandbox.orchestrator.carrier.take_in(content)
        (stage,) = (await sandbox.orchestrator.replayer.replay(execution_id))["stages"]
        assert (stage["verdict"], stage["why"]) == ("skipped", "there is no worker called asking here")
        with pytest.raises(NotFound):
            await sandbox.orchestrator.carrier.export("exec_1")


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return made.getvalue()


def changed(document: dict, path: str, value) -> dict:
    document = json.loads(json.dumps(document))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = document
    for step in steps:
        place = place[step]
    place[last] = value
    return document


async def test_files_that_are_no_execution_or_not_a_whole_one(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "MAX_UNPACKED", 2 * 1024 * 1024)
    _, content = exported
    files = members(content)
    document = json.loads(files["execution.json"])
    body = next(name for name in files if name.startswith("content/"))

    def with_document(new) -> bytes:
        return packed({**files, "execution.json": json.dumps(new).encode()})

    bad = {
        "path outside": packed({**files, "../../evil": b"x"}),
        "absolute path": packed({**files, "/etc/passwd": b"x"}),
        "a body of another name": packed({**files, body: b"something else"}),
        "bodies missing": packed({"execution.json": files["execution.json"]}),
        "no document": packed({name: data for name, data in files.items() if name != "execution.json"}),
        "no JSON": packed({**files, "execution.json": b"{"}),
        "too deep": packed({**files, "execution.json": b"[" * 5000}),
        "newer": with_document(changed(document, "version", 2)),
        "another format": with_document(changed(document, "format", "x")),
        "cut": content[: len(content) // 2],
        "a bomb": packed({**files, "content/" + "0" * 64: b"\0" * (3 * 1024 * 1024)}),
        **{
            path: with_document(changed(document, path, value))
            for path, value in {
                "execution": [],
                "execution.execution_id": "../x",
                "execution.state": "running",
                "execution.created_at": 1e300,
                "execution.input_ref": "ref_nowhere",
                "stages": {},
                "stages.0.spec": {},
                "stages.0.needs": ["nobody"],
                "stages.0.packet_id": "packet_nowhere",
                "stages.0.name": "other",
                "packets.0.stage": "nobody",
                "packets.0.attempt": -1,
                "references.0.sha256": "0" * 64,
                "references.0.size_bytes": 7,
                "references.0.ref_id": None,
                "recordings.0.packet_id": "packet_nowhere",
                "recordings.0.data.seed": "many",
                "recordings.0.data.calls": [{}],
                "recordings.0.data.calls.0.status": 9999,
                "recordings.0.data.readings": [],
                "events.0": "x",
                "events": [document["events"][0]] * 2,
            }.items()
        },
    }
    lay_out(tmp_path / "there", routed=False)
    async with sandbox_in(tmp_path / "there") as sandbox:
        for what, data in bad.items():
            with pytest.raises(BadBundle):
                await sandbox.orchestrator.carrier.take_in(data)
                pytest.fail(f"{what} was taken in")
        assert sandbox.orchestrator.list() == []
        assert sandbox.orchestrator._journal.database.query("SELECT count(*) FROM content")[0][0] == 0
        assert await sandbox.orchestrator.carrier.take_in(content)
