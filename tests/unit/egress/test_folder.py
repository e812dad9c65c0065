"""Files of a route: validators, types, and nothing from outside the folder."""

from __future__ import annotations

import os
from email.utils import formatdate
from pathlib import Path

import pytest

from sandbox.egress.folder import CHUNK, READ_AT_ONCE, Folder, Served

MTIME = 1_700_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    root = tmp_path / "feeds"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "feeds-evil").mkdir()
    (tmp_path / "feeds-evil" / "x.xml").write_text("secret")
    (root / "a.xml").write_text("<rss/>")
    (root / "sub" / "b.json").write_text("{}")
    (root / "with space é.html").write_text("<p>")
    (root / "inside.xml").symlink_to(root / "a.xml")
    (root / "outside.txt").symlink_to(tmp_path / "secret.txt")
    (root / "outside").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    os.utime(root / "a.xml", (MTIME, MTIME))
    return Folder(root)


async def get(
    folder: Folder, rest: str, method: str = "GET", etag: str | None = None, since: str | None = None
) -> Served:
    return await folder.serve(method, rest, etag, since)


def headers(served: Served) -> dict[str, str]:
    return dict(served.headers)


async def test_a_file_comes_with_validators_type_and_length(folder: Folder) -> None:
    served = await get(folder, "a.xml")
    assert (served.status, served.body) == (200, b"<rss/>")
    assert headers(served)["content-type"] == "application/xml"
    assert headers(served)["content-length"] == "6"
    assert headers(served)["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    etag = headers(served)["etag"]
    assert etag.startswith('"') and etag.endswith('"')


async def test_head_has_the_headers_and_no_body(folder: Folder) -> None:
    served = await get(folder, "a.xml", "HEAD")
    assert served.headers == (await get(folder, "a.xml")).headers
    assert served.body is None


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '"other" ,W/{}', "*"])
async def test_if_none_match_gives_304_without_a_body(folder: Folder, form: str) -> None:
    etag = headers(await get(folder, "a.xml"))["etag"]
    served = await get(folder, "a.xml", etag=form.format(etag))
    assert (served.status, served.body) == (304, None)
    assert headers(served)["etag"] == etag


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (formatdate(MTIME, usegmt=True), 304),
        (formatdate(MTIME + 1, usegmt=True), 304),
        (formatdate(MTIME - 1, usegmt=True), 200),
        ("not a date", 200),
        ("", 200),
    ],
)
async def test_if_modified_since(folder: Folder, since: str, status: int) -> None:
    assert (await get(folder, "a.xml", since=since)).status == status


async def test_if_none_match_wins_over_if_modified_since(folder: Folder) -> None:
    served = await get(folder, "a.xml", etag='"other"', since=formatdate(MTIME + 1, usegmt=True))
    assert served.status == 200


async def test_the_etag_follows_the_content_not_the_time(folder: Folder) -> None:
    before = headers(await get(folder, "a.xml"))["etag"]
    os.utime(folder.root / "a.xml", (MTIME + 5, MTIME + 5))
    assert headers(await get(folder, "a.xml"))["etag"] == before
    (folder.root / "a.xml").write_text("<rss></rss>")
    assert headers(await get(folder, "a.xml"))["etag"] != before


@pytest.mark.parametrize(
    ("rest", "kind"),
    [
        ("sub/b.json", "application/json"),
        ("with%20space%20%C3%A9.html", "text/html; charset=utf-8"),
        ("inside.xml", "application/xml"),
    ],
)
async def test_paths_below_the_root(folder: Folder, rest: str, kind: str) -> None:
    served = await get(folder, rest)
    assert served.status == 200
    assert headers(served)["content-type"] == kind


@pytest.mark.parametrize(
    "rest",
    [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "sub/../../secret.txt",
        "sub/../a.xml",
        "..\\secret.txt",
        "a.xml%00.txt",
        "a.xml\0",
        "outside.txt",
        "outside/secret.txt",
        "outside/feeds-evil/x.xml",
        "../feeds-evil/x.xml",
        "/etc/passwd",
        "//etc/passwd",
        "%2fetc/passwd",
        "loop",
        "sub",
        "sub/",
        "",
        ".",
        "missing.xml",
        "a.xml/b",
        "%ff%fe",
        "a" * 5000,
    ],
)
async def test_what_is_outside_or_absent_is_404(folder: Folder, rest: str) -> None:
    served = await get(folder, rest)
    assert served.status == 404
    assert b"secret\n" not in (served.body or b"")


async def test_other_methods_get_405(folder: Folder) -> None:
    served = await get(folder, "a.xml", "POST")
    assert served.status == 405
    assert headers(served)["allow"] == "GET, HEAD"


async def test_a_large_file_is_streamed_in_pieces(folder: Folder) -> None:
    (folder.root / "big.bin").write_bytes(b"x" * (READ_AT_ONCE + 1))
    served = await get(folder, "big.bin")
    assert served.body is not None and not isinstance(served.body, bytes)
    sizes = [len(chunk) async for chunk in served.body]
    assert sum(sizes) == READ_AT_ONCE + 1 and max(sizes) <= CHUNK
    etag = headers(served)["etag"]
    assert (await get(folder, "big.bin", etag=etag)).status == 304


async def test_a_folder_that_is_not_there_serves_nothing(tmp_path: Path) -> None:
    assert (await Folder(tmp_path / "missing").serve("GET", "a", None, None)).status == 404
