from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[4]
SOURCE = ROOT / "workers" / "bitware_feed_fetcher" / "src"
REAL = ROOT.parent / "shared" / "feeds"
MODULES = (
    "cleaning collecting dates documents fetching languages merging opml parsing schemas splitting store urls".split()
)


@pytest.fixture(scope="session")
def fetcher():
    """The worker's own modules, imported as the plain package they are."""
    sys.path.insert(0, str(SOURCE))
    try:
        return SimpleNamespace(**{name: importlib.import_module(f"fetcher.{name}") for name in MODULES})
    finally:
        sys.path.remove(str(SOURCE))


@pytest.fixture(scope="session")
def newsroom():
    """The generator of the sample newsroom."""
    path = ROOT / "workers" / "newsroom_sample" / "generate.py"
    spec = importlib.util.spec_from_file_location("newsroom_sample_generate", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def real_feeds():
    if not (REAL / "xml").is_dir():
        pytest.skip("../shared/feeds is not there")
    return {path.name: path.read_bytes() for path in sorted((REAL / "xml").glob("*.xml"))}


@pytest.fixture(scope="session")
def real_opml():
    if not (REAL / "feeds.opml").is_file():
        pytest.skip("../shared/feeds is not there")
    return (REAL / "feeds.opml").read_text(encoding="utf-8")


class FakeBody:
    """The part of a ReadableStream that the worker uses."""

    def __init__(self, chunks):
        self.chunks = list(chunks)
        self.cancelled = False

    def getReader(self):
        return self

    async def read(self):
        await asyncio.sleep(0)
        if not self.chunks:
            return SimpleNamespace(done=True, value=None)
        chunk = self.chunks.pop(0)
        return SimpleNamespace(done=False, value=SimpleNamespace(to_bytes=lambda: chunk))

    async def cancel(self):
        self.cancelled = True


class FakeResponse:
    def __init__(self, status=200, body=b"", chunk=65_536, **headers):
        self.status = status
        self.headers = Message()
        for name, value in headers.items():
            self.headers[name.replace("_", "-")] = value
        pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
        self.body = FakeBody(pieces) if status not in (204, 304) else None


class Origin:
    """Answers `fetch` from a table: address -> bytes (served with an ETag and 304), a response, an exception, or a
    function of the request's headers. Unknown addresses are 404."""

    def __init__(self, pages=None):
        self.pages = dict(pages or {})
        self.requests = []
        self.open = self.most_open = 0

    async def __call__(self, url, *, headers, redirect):
        assert redirect == "manual"
        self.requests.append((url, headers))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(0)
            return self._answer(url, headers)
        finally:
            self.open -= 1

    def _answer(self, url, headers):
        page = self.pages.get(url)
        if callable(page):
            page = page(headers)
        if isinstance(page, BaseException):
            raise page
        if page is None:
            return FakeResponse(404, b"no such page")
        if isinstance(page, FakeResponse):
            return page
        etag = f'"{hash(page)}"'
        if headers.get("If-None-Match") == etag:
            return FakeResponse(304)
        return FakeResponse(200, page, etag=etag, content_type="application/xml")


class FakeKv:
    def __init__(self):
        self.values = {}
        self.puts = 0

    async def get(self, key):
        await asyncio.sleep(0)
        return self.values.get(key)

    async def put(self, key, value, *, expirationTtl):
        await asyncio.sleep(0)
        assert len(key.encode()) <= 512 and expirationTtl >= 60
        self.puts += 1
        self.values[key] = value


@pytest.fixture
def origin():
    return Origin()


@pytest.fixture
def response():
    return FakeResponse


@pytest.fixture
def kv():
    return FakeKv()


@pytest.fixture
def rss():
    """Builds an RSS document from (title, link, description) triples, or from raw item XML."""

    def build(*items, channel="<title>Test</title>"):
        xml = "".join(
            item
            if isinstance(item, str)
            else "<item><title>{}</title><link>{}</link><description>{}</description></item>".format(*item)
            for item in items
        )
        return f'<rss version="2.0"><channel>{channel}{xml}</channel></rss>'

    return build
