"""An outbound call is recorded by one run of the command, and replayed by the next without a server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

FORECAST = """
from js import fetch
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        url = f"https://weather.test/v1?{request.url.partition('?')[2]}&key={self.env.KEY}"
        answer = await fetch(url)
        return Response(await answer.text(), status=answer.status)
"""


class Weather(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        body = json.dumps({"you asked": self.path, "sky": "clear"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def weather() -> Iterator[ThreadingHTTPServer]:
    """A server on this machine that plays the one outside; `weather.shutdown()` takes it down."""
    Weather.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Weather)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_recorded_then_replayed_with_the_server_gone(project, up, weather) -> None:
    port = weather.server_address[1]
    project.toml(f'[[egress.routes]]\nmatch = "https://weather.test/*"\nupstream = "http://127.0.0.1:{port}"\n')
    project.worker("forecast", FORECAST)
    (project.root / "workers" / "forecast" / ".dev.vars").write_text("KEY=canary-of-the-forecast\n")

    recording = up(project, "--egress", "record")
    live = recording.ask("/?city=Oslo", worker="forecast")
    assert (live.status, live.json["sky"]) == (200, "clear")
    assert recording.stop() == 0
    assert "recorded cassettes/forecast/weather.test.yaml" in recording.console
    cassette = (project.root / "cassettes" / "forecast" / "weather.test.yaml").read_text()
    assert "canary" not in cassette
    assert "uri: https://weather.test/v1?city=Oslo&key=[secret]" in cassette
    assert "[secret]" in json.loads(live.body.decode().replace("canary-of-the-forecast", "[secret]"))["you asked"]

    weather.shutdown()
    weather.server_close()
    replaying = up(project, "--egress", "replay")
    again = replaying.ask("/?city=Oslo", worker="forecast")
    assert (again.status, again.json["sky"]) == (200, "clear")
    assert len(Weather.asked) == 1
    missed = replaying.ask("/?city=Bergen", worker="forecast")
    assert missed.status == 500
    replaying.wait(
        r"GET https://weather.test/v1\?city=Bergen&key=\[secret\] is not recorded; nearest: GET "
        r"https://weather.test/v1\?city=Oslo&key=\[secret\] \(cassettes/forecast/weather.test.yaml\) differs in query "
        r"`city`: Bergen, recorded Oslo. To record it, .* The upstream of its route does not answer either"
    )
    assert "aiohttp" not in replaying.console


FETCHER = """
from workers import fetch
from sandbox.handshake import HandshakeWorker, Job

class Default(HandshakeWorker):
    name = "fetcher"

    async def process(self, job: Job):
        answer = await fetch("https://weather.test/v1?city=" + job.input["city"])
        return {"sky": (await answer.json())["sky"]}
"""
KV = """kv_namespaces = [
    { binding = "PROGRESS_CACHE", id = "p" },
    { binding = "RESULT_CACHE", id = "r" },
]
"""


def test_a_run_of_its_own_records_and_replays(project, weather) -> None:
    port = weather.server_address[1]
    project.toml(f'[[egress.routes]]\nmatch = "https://weather.test/*"\nupstream = "http://127.0.0.1:{port}"\n')
    project.worker("fetcher", FETCHER, wrangler=KV)
    recorded = project.sandbox("run", "fetcher", "-p", "city=Oslo", "--egress", "record", "--out", "first")
    assert (recorded.code, "recorded cassettes/fetcher/weather.test.yaml" in recorded.err) == (0, True), recorded
    weather.shutdown()
    weather.server_close()
    replayed = project.sandbox("run", "fetcher", "-p", "city=Oslo", "--egress", "replay", "--out", "second")
    assert replayed.code == 0, replayed
    first, second = ((project.root / name / "fetcher.json").read_text() for name in ("first", "second"))
    assert first == second and json.loads(first) == {"sky": "clear"}
    missed = project.sandbox("run", "fetcher", "-p", "city=Bergen", "--egress", "replay")
    assert missed.code == 1 and "differs in query `city`: Bergen, recorded Oslo" in missed.out + missed.err
