"""`topic_report` over feeds of a real HTTP server: compressed, in chunks, moved, gone, slow, and unchanged the next time."""

from __future__ import annotations

import gzip
import json
import shutil
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FEEDS = ROOT / "workers" / "newsroom_sample" / "feeds"
LIVE = "https://live.test"


class Newsroom(BaseHTTPRequestHandler):
    """The sample newsroom as sites are: no two feeds are served alike."""

    protocol_version = "HTTP/1.1"
    asked: Counter[tuple[str, int]]

    def do_GET(self) -> None:
        name = self.path.removeprefix("/")
        match name:
            case "meridian-wire.xml":
                return self.send(name, 301, {"Location": "/news/wire.xml"})
            case "lumen.xml":
                return self.send(name, 410, {}, b"gone")
            case "reef-watch.xml":
                time.sleep(0.3)
            case "news/wire.xml":
                name = "meridian-wire.xml"
        if not (FEEDS / name).is_file():
            return self.send(name, 404, {}, b"not here")
        body = (FEEDS / name).read_bytes().replace(b"https://newsroom.test", LIVE.encode())
        if self.headers["If-None-Match"] == f'"{len(body)}"':
            return self.send(self.path[1:], 304, {})
        headers = {"ETag": f'"{len(body)}"', "Content-Type": "application/rss+xml"}
        if name == "grid-and-cell.xml" and "gzip" in self.headers["Accept-Encoding"]:
            return self.send(name, 200, headers | {"Content-Encoding": "gzip"}, gzip.compress(body))
        if name == "nightline-rail.xml":
            pieces = [body[at : at + 4096] for at in range(0, len(body), 4096)]
            chunked = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
            return self.send(name, 200, headers | {"Transfer-Encoding": "chunked"}, chunked)
        return self.send(self.path[1:], 200, headers, body)

    def send(self, name: str, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.asked[name, status] += 1
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if "Transfer-Encoding" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@pytest.fixture
def live():
    """(the server's address, how often it gave which answer)."""
    asked: Counter[tuple[str, int]] = Counter()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Live", (Newsroom,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_topic_over_live_feeds(project, live):
    address, asked = live
    for worker in (ROOT / "workers").iterdir():
        project.copy(worker)
    shutil.copy(ROOT / "sandbox.toml", project.root)
    with (project.root / "sandbox.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[[egress.routes]]\nmatch = "{LIVE}/*"\nupstream = "{address}"\n')
    given = ("-p", "topic=battery recycling", "-p", f"catalogue={LIVE}/feeds.opml", "--egress", "online")

    def run(out):
        done = project.sandbox("run", "topic_report", *given, "--json", "--out", str(project.root / out))
        assert done.code == 0, done.err
        return json.loads((project.root / out / "report.json").read_text(encoding="utf-8"))

    first = run("first")
    titles = {article["title"] for article in first["articles"]}
    assert "Recyclers recover 95 percent of lithium without furnaces, and publish the recipe" in titles
    assert {article["source"] for article in first["articles"]} >= {"Grid & Cell", "Meridian Wire"}, "gzip, and moved"
    assert [note for note in first["notes"] if "410" in note] and [note for note in first["notes"] if "404" in note]
    assert asked["news/wire.xml", 200] and asked["nightline-rail.xml", 200]
    before = Counter(asked)
    second = run("second")
    assert {article["title"] for article in second["articles"]} == titles, "what is unchanged is still reported"
    anew = {name: status for (name, status), count in asked.items() if count > before[name, status]}
    assert anew["grid-and-cell.xml"] == anew["nightline-rail.xml"] == 304
