"""Files of an egress route, served with validators as a good origin does."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes

READ_AT_ONCE = 4 * 1024 * 1024
"""Files up to here (bytes) are read whole; larger ones are streamed."""
CHUNK = 256 * 1024
_TYPES = {
    ".xml": "application/xml",
    ".rss": "application/rss+xml",
    ".atom": "application/atom+xml",
    ".rdf": "application/rdf+xml",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".htm": "text/html; charset=utf-8",
    ".opml": "text/x-opml",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".md": "text/markdown; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Served:
    """An answer from a folder. `body` is None where there is none to send."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | AsyncIterator[bytes] | None


class Folder:
    """Serves the regular files under `root`. A path or symlink that leads out of it does not exist."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._etags: dict[str, tuple[tuple[int, int], str]] = {}

    async def serve(self, method: str, rest: str, if_none_match: str | None, if_modified_since: str | None) -> Served:
        """The file at `rest` (a percent-encoded path below the root): 200, 304 or 404; 405 for other methods."""
        if method not in ("GET", "HEAD"):
            return _text(405, "this address serves files; ask with GET or HEAD", [("allow", "GET, HEAD")])
        path = self.locate(rest)
        if path is None:
            return _text(404, f"there is no file {rest!r} in the folder of this route")
        stat = path.stat()
        data = path.read_bytes() if stat.st_size <= READ_AT_ONCE else None
        etag = await self._etag(path, (stat.st_mtime_ns, stat.st_size), data)
        headers = [("etag", etag), ("last-modified", formatdate(stat.st_mtime, usegmt=True))]
        if not_modified(etag, int(stat.st_mtime), if_none_match, if_modified_since):
            return Served(304, headers, None)
        size = stat.st_size if data is None else len(data)
        headers += [("content-type", content_type(path)), ("content-length", str(size))]
        if method == "HEAD":
            return Served(200, headers, None)
        return Served(200, headers, _stream(path) if data is None else data)

    def locate(self, rest: str) -> Path | None:
        """The real path of a file inside the root, or None."""
        raw = unquote_to_bytes(rest)
        if b"\0" in raw or b"\\" in raw:
            return None
        try:
            segments = raw.decode().strip("/").split("/")
            root = self.root.resolve(strict=True)
            path = root.joinpath(*segments).resolve(strict=True)
        except (UnicodeDecodeError, OSError, RuntimeError):
            return None
        if ".." in segments or not path.is_relative_to(root) or not path.is_file():
            return None
        return path

    async def _etag(self, path: Path, version: tuple[int, int], data: bytes | None) -> str:
        """Strong, by content; worked out again when time or size of the file changed."""
        known = self._etags.get(str(path))
        if known is not None and known[0] == version:
            return known[1]
        digest = hashlib.sha256(data).hexdigest() if data is not None else await asyncio.to_thread(_digest, path)
        etag = f'"{digest[:32]}"'
        self._etags[str(path)] = (version, etag)
        return etag


def content_type(path: Path) -> str:
    """By the file's ending; feeds are XML."""
    known = _TYPES.get(path.suffix.lower())
    return known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def not_modified(etag: str, modified: int, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """RFC 9110, 13.1: If-None-Match decides where it is given, compared weakly; else If-Modified-Since (seconds)."""
    if if_none_match is not None:
        if if_none_match.strip() == "*":
            return True
        return etag in {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    if if_modified_since is not None:
        try:
            return modified <= parsedate_to_datetime(if_modified_since).timestamp()
        except (ValueError, OverflowError):  # no date, or one that no clock can show
            return False
    return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _stream(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


def _text(status: int, text: str, extra: list[tuple[str, str]] | None = None) -> Served:
    body = f"{text}\n".encode("utf-8", "replace")
    return Served(status, [("content-type", "text/plain; charset=utf-8"), *(extra or [])], body)
