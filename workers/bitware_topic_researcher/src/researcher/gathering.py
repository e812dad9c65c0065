"""Candidates from the catalogue and from OPML lists, and what the best of them say. What fails is a note, and the rest goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from researcher import asking, candidates
from researcher.digests import parts_of
from researcher.matching import Match, Matcher, Text, read
from researcher.opml import Refused
from researcher.schemas import FEEDS_READ, MAX_CANDIDATES, Wish
from researcher.stock import without_stock

SLICE = 25
"""Articles between two turns of the event loop."""
ASKED_AGAIN = 6
"""Keywords with which the catalogue is asked once more."""
FROM_CATALOGUE = 100
OTHER_NAMES = 8
"""Of the topic's ideas, told to the catalogue as keywords."""


class Gathering:
    """One run's candidates (`feeds`), the articles that were read (`texts`) and those of them about the topic (`about`,
    the strongest first)."""

    def __init__(self, wish: Wish, finder: Any, fetcher: Any, fetch: asking.Fetch) -> None:
        self.wish, self.matcher = wish, Matcher(wish.topic)
        self._finder, self._fetcher, self._fetch = finder, fetcher, fetch
        self.feeds: list[dict[str, Any]] = []
        self.searched = 0
        self.notes: list[str] = []
        self.unreachable: list[dict[str, str]] = []
        self.texts: list[tuple[Text, Match]] = []
        self.summary: list[dict[str, Any]] = []

    @property
    def about(self) -> list[Text]:
        found = [(match.strength, text) for text, match in self.texts if match.about]
        return [text for _, text in sorted(found, key=lambda pair: -pair[0])]

    @property
    def languages(self) -> list[str]:
        """Those a source should be in: the ones asked for, else the topic's."""
        return self.wish.languages or [self.wish.topic.language]

    @property
    def others(self) -> list[Text]:
        return [text for text, match in self.texts if not match.about]

    @property
    def titles(self) -> dict[str, str]:
        """The titles of the feeds, as lists and as the feeds themselves have them, by the address in their articles."""
        listed = {candidates.key(feed["url"]): feed["title"] for feed in self.feeds}
        return {
            str(
                row.get("feed_url")
            ): f"{row.get('title') or ''} {listed.get(candidates.key(str(row.get('feed_url'))), '')}"
            for row in self.summary
        }

    def state(self) -> dict[str, Any]:
        names = ("feeds", "searched", "notes", "unreachable")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def nothing(self) -> str:
        reasons = [*self.notes, *(f"{row['what']}: {row['reason']}" for row in self.unreachable)]
        return "no candidate source was found" + (f" ({' '.join(reasons)[:600]})" if reasons else "")

    async def candidates(self) -> None:
        """Ask the catalogue and read the OPML lists, at once."""
        rows, (listed, missed) = await asyncio.gather(self._find([]), asking.opml_feeds(self._fetch, self.wish.opml))
        self.unreachable += missed
        self._take([("catalogue", rows), ("catalogue", await self._otherwise()), ("opml", listed)])

    async def _otherwise(self) -> list[dict[str, Any]]:
        """What the catalogue has for the topic's other names, and of general news in the topic's language. Its notes would
        speak of words that nobody asked for."""
        topic, languages = self.wish.topic, self.wish.languages
        names = topic.other_names({"en", topic.language, *languages})[:OTHER_NAMES]
        if not self.searched or not (names or topic.language != "en"):
            return []
        notes, searched = list(self.notes), self.searched
        rows = await self._find(names) if names else []
        if topic.language != "en" and not languages:
            rows += await self._find(names, [topic.language])
        self.notes, self.searched = notes, searched
        return rows

    async def widen(self, keywords: Sequence[str]) -> bool:
        """Ask the catalogue again with what was found, and read what is new; whether anything was."""
        known = {candidates.key(feed["url"]) for feed in self.feeds}
        own = {name.casefold() for name in self.wish.topic.search.split()}
        fresh = [word for word in keywords if word.casefold() not in own][:ASKED_AGAIN]
        if self._finder is None or not self.searched or not fresh:
            return False
        # What the first asking said of the catalogue, the second would say again.
        notes = list(self.notes)
        rows = [row for row in await self._find(fresh) if candidates.key(row["url"]) not in known]
        self.notes = notes
        if not rows:
            return False
        self._take([("keywords", rows)])
        await self.read()
        return True

    async def read(self) -> None:
        """Read the articles of the best candidates that have not been read, as many as the depth allows."""
        most = FEEDS_READ[self.wish.depth]
        done = {candidates.key(str(row.get("feed_url") or "")) for row in self.summary}
        ranked = candidates.rank(self.feeds, self.matcher, (), (), self.languages)
        waiting = [feed for feed in ranked if candidates.key(feed["url"]) not in done][: max(0, most - len(done))]
        if not waiting:
            return
        if self._fetcher is None:
            self.notes.append("No Feed Fetcher is bound (FEED_FETCHER), so no article was read.")
            return
        try:
            articles, summary = await asking.fetch_articles(self._fetcher, waiting, self.wish.topic.label)
        except Refused as refused:
            self.notes.append(f"No article was read: bitware_feed_fetcher: {refused}.")
            return
        self.summary += summary
        for row in summary:
            if row.get("status") == "failed":
                self.unreachable.append({"what": str(row.get("feed_url")), "reason": str(row.get("reason") or "?")})
        for rows in without_stock(articles):
            for number, (_, article) in enumerate(rows):
                self.texts.append(self._one(article))
                if number % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    def _one(self, article: dict[str, Any]) -> tuple[Text, Match]:
        """An article and how much it is about the topic; of one that tells several stories, the one that is most."""
        found = [(text := read({**article, **part}), self.matcher.match(text)) for part in parts_of(article)]
        best = max(found, key=lambda pair: pair[1].strength)
        if len(found) == 1 or best[1].about:
            best[0].label = best[0].title or str(article.get("title") or "")
            return best
        text = read(article)
        excluded = self.matcher.match(text).excluded
        return text, Match(0.0, (), excluded)

    async def _find(self, keywords: Sequence[str], languages: Sequence[str] = ()) -> list[dict[str, Any]]:
        if self._finder is None:
            self.notes.append("No Source Finder is bound (SOURCE_FINDER), so no catalogue was asked.")
            return []
        body: dict[str, Any] = {"topic": self.wish.topic.search, "limit": FROM_CATALOGUE}
        for name, value in (
            ("keywords", list(keywords)),
            ("languages", list(languages) or self.wish.languages),
            ("catalogue", self.wish.catalogue),
        ):
            if value:
                body[name] = value
        try:
            rows, self.searched, notes = await asking.find(self._finder, body)
        except Refused as refused:
            self.notes.append(f"The catalogue was left out: bitware_rss_source_finder: {refused}.")
            return []
        self.notes += notes
        return rows

    def _take(self, origins: Sequence[tuple[str, Sequence[dict[str, Any]]]]) -> None:
        known = [(found, [feed]) for feed in self.feeds for found in feed["found_by"][:1]]
        kept, left = candidates.in_languages(candidates.merge([*known, *origins]), self.wish.languages)
        if left:
            self.notes.append(f"{left} sources in other languages than {', '.join(self.wish.languages)} were left out.")
        if len(kept) > MAX_CANDIDATES:
            self.notes.append(
                f"{len(kept) - MAX_CANDIDATES} candidates beyond the first {MAX_CANDIDATES} were left out."
            )
        self.feeds = kept[:MAX_CANDIDATES]
