"""Writes the sample newsroom's feeds from the texts in `items/`: `python workers/newsroom_sample/generate.py`.

The same texts always give the same bytes, so the feeds can be kept under version control and compared in a test.
"""

import re
import sys
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

HERE = Path(__file__).resolve().parent
SITE = "https://newsroom.test"
"""Stands for the folder `feeds/`: `sandbox.toml` routes it there."""
YEAR = 2026


@dataclass(frozen=True)
class Item:
    when: datetime
    author: str
    title: str
    url: str
    paragraphs: tuple[str, ...]

    @property
    def html(self) -> str:
        if self.paragraphs[0].startswith("<"):
            return "".join(self.paragraphs)
        return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in self.paragraphs)


@dataclass
class Feed:
    name: str
    title: str = ""
    format: str = "rss2"
    language: str = "en"
    encoding: str = "utf-8"
    about: str = ""
    topics: str = ""
    items: list[Item] = field(default_factory=list)

    @property
    def home(self) -> str:
        return f"{SITE}/{self.name}"


BROKEN = [
    Feed("signal-box", "Signal Box", about="Railway signalling, explained", topics="railways"),
    Feed("coast-gazette", "Coast Gazette", about="News from the coast", topics="news"),
]
"""In the OPML, but no feeds: the first is an HTML page, of the second there is no file."""


def read_feeds(folder: Path = HERE / "items") -> dict[str, Feed]:
    """Feeds by name, with copied items (`=feed: title`) filled in."""
    feeds: dict[str, Feed] = {}
    copies: list[tuple[Feed, datetime, str, str]] = []
    for path in sorted(folder.glob("*.md")):
        head, *sections = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.M)
        feed = feeds[path.stem] = Feed(path.stem, **dict(re.findall(r"^(\w+): (.+)$", head, flags=re.M)))
        for section in sections:
            first, _, body = section.strip().partition("\n")
            day, author, title = (part.strip() for part in first.split("|"))
            when = datetime.strptime(f"{YEAR}-{day} +0000", "%Y-%m-%d %H:%M %z")
            if title.startswith("="):
                copies.append((feed, when, title[1:], body.strip()))
                continue
            paragraphs = tuple(" ".join(paragraph.split()) for paragraph in body.strip().split("\n\n"))
            url = f"{feed.home}/{when:%Y/%m}/{_slug(title)}"
            feed.items.append(Item(when, author, title, url, paragraphs))
    for feed, when, source, how in copies:
        name, _, title = source.partition(": ")
        original = next(item for item in feeds[name].items if item.title == title)
        feed.items.append(_copy(original, feed, when, how))
    for feed in feeds.values():
        feed.items.sort(key=lambda item: item.when, reverse=True)
    return feeds


def _copy(original: Item, feed: Feed, when: datetime, how: str) -> Item:
    if how == "by url":
        # The same page, linked the way a newsletter links it.
        address = original.url.replace("https://newsroom", "https://NEWSROOM")
        return replace(original, when=when, url=f"{address}/?utm_source={feed.name}&utm_medium=feed#comments")
    if how == "by text":
        return replace(original, when=when, url=f"{feed.home}/{when:%Y/%m}/{_slug(original.title)}")
    raise ValueError(f"{feed.name}: a copy is `by url` or `by text`, not {how!r}")


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain)[:7])


def rss2(feed: Feed) -> str:
    items = "".join(
        f"    <item>\n      <title>{escape(item.title)}</title>\n      <link>{escape(item.url)}</link>\n"
        f'      <guid isPermaLink="false">{feed.name}:{_slug(item.title)}</guid>\n'
        f"      <dc:creator>{escape(item.author)}</dc:creator>\n"
        f"      <pubDate>{format_datetime(item.when)}</pubDate>\n"
        f"      <description>{escape(item.paragraphs[0][:200] if len(item.paragraphs) > 1 else item.html)}</description>\n"
        # Only feeds in UTF-8 have such items: in CDATA a character outside the encoding could not be written.
        + (f"      <content:encoded><![CDATA[{item.html}]]></content:encoded>\n" if len(item.paragraphs) > 1 else "")
        + "    </item>\n"
        for item in feed.items
    )
    return (
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/">\n  <channel>\n'
        f"    <title>{escape(feed.title)}</title>\n    <link>{feed.home}</link>\n"
        f"    <description>{escape(feed.about)}</description>\n    <language>{feed.language}</language>\n"
        f"{items}  </channel>\n</rss>\n"
    )


def rss1(feed: Feed) -> str:
    listed = "".join(f"        <rdf:li rdf:resource={quoteattr(item.url)}/>\n" for item in feed.items)
    items = "".join(
        f"  <item rdf:about={quoteattr(item.url)}>\n    <title>{escape(item.title)}</title>\n"
        f"    <link>{escape(item.url)}</link>\n    <dc:creator>{escape(item.author)}</dc:creator>\n"
        f"    <dc:date>{item.when:%Y-%m-%dT%H:%M:%S+00:00}</dc:date>\n"
        f"    <description>{escape(item.html)}</description>\n  </item>\n"
        for item in feed.items
    )
    return (
        '<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/">\n  <channel rdf:about="{feed.home}">\n'
        f"    <title>{escape(feed.title)}</title>\n    <link>{feed.home}</link>\n"
        f"    <description>{escape(feed.about)}</description>\n    <dc:language>{feed.language}</dc:language>\n"
        f"    <items>\n      <rdf:Seq>\n{listed}      </rdf:Seq>\n    </items>\n  </channel>\n{items}</rdf:RDF>\n"
    )


def atom(feed: Feed) -> str:
    entries = "".join(
        f"  <entry>\n    <title>{escape(item.title)}</title>\n    <link href={quoteattr(item.url)}/>\n"
        f"    <id>tag:newsroom.test,{item.when:%Y-%m-%d}:{feed.name}/{_slug(item.title)}</id>\n"
        f"    <published>{_iso(item.when)}</published>\n    <updated>{_iso(item.when)}</updated>\n"
        f"    <author><name>{escape(item.author)}</name></author>\n"
        f'    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">{item.html}</div></content>\n  </entry>\n'
        for item in feed.items
    )
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{feed.language}">\n  <title>{escape(feed.title)}</title>\n'
        f"  <subtitle>{escape(feed.about)}</subtitle>\n  <id>{feed.home}/</id>\n"
        f'  <link rel="self" href="{SITE}/{feed.name}.xml"/>\n  <link href="{feed.home}"/>\n'
        f"  <updated>{_iso(feed.items[0].when)}</updated>\n{entries}</feed>\n"
    )


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


FORMATS = {"rss2": rss2, "rss1": rss1, "atom": atom}


def opml(feeds: dict[str, Feed]) -> str:
    outlines = "".join(
        f'    <outline type="rss" text={quoteattr(feed.title)} title={quoteattr(feed.title)}'
        f' description={quoteattr(feed.about)} category="{feed.topics.replace(", ", ",")}" language="{feed.language}"'
        f' xmlUrl="{SITE}/{feed.name}.xml" htmlUrl="{feed.home}"/>\n'
        for feed in sorted([*feeds.values(), *BROKEN], key=lambda feed: feed.name)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n  <head><title>Sample newsroom</title></head>\n'
        f"  <body>\n{outlines}  </body>\n</opml>\n"
    )


def documents() -> dict[str, bytes]:
    """Every generated file by its path below this folder."""
    feeds = read_feeds()
    files = {"feeds/feeds.opml": opml(feeds).encode()}
    for name, feed in feeds.items():
        text = f'<?xml version="1.0" encoding="{feed.encoding}"?>\n' + FORMATS[feed.format](feed)
        files[f"feeds/{name}.xml"] = text.encode(feed.encoding, "xmlcharrefreplace")
    files["feeds/signal-box.xml"] = (
        b"<!DOCTYPE html>\n<html><head><title>Signal Box</title></head>\n"
        b"<body><h1>We have moved</h1><p>Our feeds are being repaired. Please come back.</p></body></html>\n"
    )
    return files


def main() -> None:
    for path, content in documents().items():
        target = HERE / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
        sys.stdout.write(f"{path}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
