"""Names below `.localhost`."""

from __future__ import annotations

import socket

import pytest

from sandbox.egress.addresses import refusal
from sandbox.egress.client import AddressRefused, CheckedResolver, LocalNames


async def test_they_are_this_machine_without_asking_anybody():
    found = await LocalNames().resolve("feed-fetcher.localhost", 8787)
    assert [(row["host"], row["port"]) for row in found] == [("127.0.0.1", 8787), ("::1", 8787)]
    (only,) = await LocalNames().resolve("A.LOCALHOST.", 80, socket.AF_INET6)
    assert only["host"] == "::1"


async def test_workers_may_not_reach_them():
    with pytest.raises(AddressRefused):
        await CheckedResolver(refusal).resolve("feed-fetcher.localhost", 8787)
