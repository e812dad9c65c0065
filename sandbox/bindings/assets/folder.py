"""The folder of assets: which path is a file that may be served, and that file's ETag and type."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.bindings.assets.limits import NEVER_SERVED, SECRETS

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

CHUNK = 256 * 1024
_KEPT = 4096
# Where the types Cloudflare answers with are other ones than Python knows, or than a machine's own table says. [seen]
_TYPES = {
    ".atom": "application/atom+xml",
    ".avif": "image/avif",
    ".bin": "application/octet-stream",
    ".css": "text/css",
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".ico": "image/vnd.microsoft.icon",
    ".ics": "text/calendar",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".map": "application/json",
    ".markdown": "text/markdown",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".otf": "font/otf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".rss": "application/rss+xml",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
    ".yaml": "text/yaml",
    ".yml": "text/yaml",
    ".zip": "application/zip",
}


class AssetFolder:
    """Looks at the disk for every question, so that what is saved is served at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._etags: dict[Path, tuple[tuple[int, int, int], str]] = {}
        self._ignore: tuple[tuple[int, int] | None, GitIgnoreSpec | None] = (None, None)

    def find(self, path: str) -> Path | None:
        """The real path of the file at a decoded URL path (`/a/b.html`), None where nothing may be served."""
        if not path.startswith("/") or "\0" in path or "\\" in path:
            return None
        parts = path[1:].split("/")
        if any(part in ("", ".", "..") for part in parts) or _is_secret(parts[-1]):
            return None
        if len(parts) == 1 and parts[0] in NEVER_SERVED:
            return None
        try:
            root = os.path.realpath(self.root)
            real = os.path.realpath(os.path.join(root, *parts), strict=True)  # noqa: PTH118
        except (OSError, ValueError):  # absent, a loop of links, a name too long; a lone surrogate
            return None
        found = Path(real)
        inside = real.startswith(root + os.sep)
        if not inside or not found.is_file() or _is_secret(found.name) or self._is_ignored("/".join(parts)):
            return None
        return found

    async def etag(self, file: Path) -> str:
        """By content, without quotes; worked out again when the file changed. Raises OSError where it is gone."""
        version = _version(file)
        known = self._etags.get(file)
        if known is not None and known[0] == version:
            return known[1]
        small = version[1] <= CHUNK
        digest = _digest(file) if small else await asyncio.to_thread(_digest, file)
        if len(self._etags) >= _KEPT:
            self._etags.clear()
        self._etags[file] = (version, digest)
        return digest

    def text(self, name: str) -> tuple[tuple[int, int] | None, str]:
        """A settings file of the folder (`_headers`): its version (None: there is none) and its text."""
        path = self.root / name
        try:
            stat = path.stat()
            return (stat.st_mtime_ns, stat.st_size), path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None, ""

    def version(self, name: str) -> tuple[int, int] | None:
        """Changes when the settings file does."""
        try:
            stat = os.stat(self.root / name)  # noqa: PTH116 - looked at for every request
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    def _is_ignored(self, path: str) -> bool:
        version = self.version(".assetsignore")
        if version is None:
            return False
        if self._ignore[0] != version:
            from pathspec import GitIgnoreSpec  # few folders have the file

            read, text = self.text(".assetsignore")
            self._ignore = (read, GitIgnoreSpec.from_lines(text.splitlines()))
        spec = self._ignore[1]
        return spec is not None and spec.match_file(path)


def content_type(file: Path) -> str | None:
    """By the file's ending, text with its charset; None where nothing is known of it."""
    found = _TYPES.get(file.suffix.lower()) or mimetypes.guess_type(f"x{file.suffix}")[0]
    return f"{found}; charset=utf-8" if found is not None and found.startswith("text/") else found


def content(file: Path, size: int) -> bytes | AsyncIterator[bytes]:
    """What is in the file: at once where it is small."""
    return file.read_bytes() if size <= CHUNK else _stream(file)


async def _stream(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as opened:
        while chunk := await asyncio.to_thread(opened.read, CHUNK):
            yield chunk


def _version(file: Path) -> tuple[int, int, int]:
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:32]


def _is_secret(name: str) -> bool:
    return any(name == secret or name.startswith(f"{secret}.") for secret in SECRETS)
