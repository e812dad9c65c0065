"""Compressed bodies: decoded in pieces, bombs stopped."""

from __future__ import annotations

import gzip
import os
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.egress.inflate import BadCoding, TooMuch, can_decode, inflate

MIB = 1024 * 1024


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def decoded(data: bytes, encoding: str, size: int = 1000, **limits: int) -> bytes:
    return b"".join([piece async for piece in inflate(pieces(data, size), encoding, **limits)])


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "raw": raw_deflate}


@given(data=st.binary(max_size=5000), size=st.integers(1, 600), kind=st.sampled_from(sorted(PACKERS)))
async def test_bodies_come_out_as_they_went_in(data: bytes, size: int, kind: str) -> None:
    encoding = "deflate" if kind == "raw" else kind
    assert await decoded(PACKERS[kind](data), encoding, size) == data


@pytest.mark.parametrize("kind", sorted(PACKERS))
@pytest.mark.parametrize("over", [0, 2, 100, 250, 258, 1000])
async def test_output_left_inside_at_the_end_of_a_full_piece_comes_out(kind: str, over: int) -> None:
    """All input is taken while a repetition is still being written out."""
    data = b"ab" * ((256 * 1024 + over) // 2)
    packed = PACKERS[kind](data)
    for size in (len(packed), 1):
        assert await decoded(packed, "deflate" if kind == "raw" else kind, size, ratio=10**6) == data


async def test_several_gzip_members_are_one_body() -> None:
    assert await decoded(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", 7) == b"ab"


async def test_an_empty_body_is_empty() -> None:
    assert await decoded(b"", "gzip") == b""


@pytest.mark.parametrize(
    "data", [gzip.compress(b"hello" * 100)[:-9], b"not gzip at all", b"\x1f\x8b"], ids=["cut", "no gzip", "magic alone"]
)
async def test_broken_and_cut_bodies_are_an_error(data: bytes) -> None:
    with pytest.raises(BadCoding):
        await decoded(data, "gzip")


async def test_a_bomb_ends_by_its_ratio() -> None:
    bomb = gzip.compress(bytes(40 * MIB))
    with pytest.raises(TooMuch) as caught:
        await decoded(bomb, "gzip", len(bomb))
    assert caught.value.status == 413


async def test_a_body_that_is_simply_large_ends_by_its_size() -> None:
    data = gzip.compress(os.urandom(64 * 1024) * 40, compresslevel=1)
    with pytest.raises(TooMuch):
        await decoded(data, "gzip", limit=2 * MIB, ratio=10_000)


async def test_a_short_page_of_blanks_is_no_bomb() -> None:
    assert await decoded(gzip.compress(b" " * 900_000), "gzip") == b" " * 900_000


@pytest.mark.parametrize("encoding", ["identity", "zstd", "", "gzip, br"])
def test_what_is_not_decoded(encoding: str) -> None:
    assert not can_decode(encoding)


async def test_brotli_in_and_out_and_its_bombs() -> None:
    brotli = pytest.importorskip("brotli", reason="brotli is not installed")
    if not can_decode("br"):
        pytest.skip("this brotli cannot limit its output")
    data = os.urandom(700_000) + b"ab" * 400_000
    for size in (1, 1000, 10**7):
        assert await decoded(brotli.compress(data, quality=3), "br", size if size > 1 else 77) == data
    with pytest.raises(BadCoding):
        await decoded(brotli.compress(data, quality=3)[:-5], "br")
    bomb = brotli.compress(bytes(200 * MIB), quality=5)
    tracemalloc.start()
    try:
        with pytest.raises(TooMuch):
            await decoded(bomb, "br")
        assert tracemalloc.get_traced_memory()[1] < 20 * MIB
    finally:
        tracemalloc.stop()
