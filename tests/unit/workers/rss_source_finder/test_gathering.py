"""A stage that is tried again goes on from what it has read."""

from __future__ import annotations

import pytest

OPML = "<opml><body><outline title='Night trains' xmlUrl='https://rails.test/feed'/></body></opml>"


class Namespace:
    """KV without keys, that cannot be listed while it is away."""

    away = False

    async def get(self, _key, *_options, **_more):
        return None

    async def list(self, *_options, **_more):
        if self.away:
            raise RuntimeError("KV is away")
        return {"keys": [], "list_complete": True}


async def test_a_second_attempt_does_not_ask_sites_and_lists_again(finder):
    asked, kept, told = [], [], []

    async def fetch(url, *_options, **_more):
        asked.append(url)
        raise OSError("no network")

    async def progress(percent, _what):
        told.append(percent)

    async def checkpoint(state):
        kept.append(state)
        namespace.away = True

    namespace = Namespace()
    worker = finder.finder.Finder(namespace, fetch)
    given = finder.schemas.Input(topic="night trains", sites=["https://rails.test"], opml=OPML)
    with pytest.raises(RuntimeError, match="KV is away"):
        await finder.gathering.gather(given, worker, None, progress, checkpoint)
    assert asked and len(kept) == 1
    before = len(asked)
    namespace.away = False
    output = await finder.gathering.gather(given, worker, kept[0], progress, checkpoint)
    assert len(asked) == before and len(kept) == 1 and told[-1] == 100
    (row,) = [row for row in output["feeds"] if row["found_by"] == ["opml"]]
    assert row["url"] == "https://rails.test/feed"
    assert [row["what"] for row in output["unreachable"]] == ["https://rails.test"]
