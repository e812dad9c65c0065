import asyncio
import gzip

import pytest

URL = "https://a.test/feed.xml"


async def get(fetcher, origin, url=URL, **options):
    traffic = fetcher.fetching.Traffic()
    return await fetcher.fetching.fetch_document(url, traffic, fetch=origin, **options), traffic


async def refused(fetcher, origin, url=URL, **options):
    traffic = fetcher.fetching.Traffic()
    with pytest.raises(fetcher.documents.Refused) as caught:
        await fetcher.fetching.fetch_document(url, traffic, fetch=origin, **options)
    return str(caught.value), traffic


async def test_a_document_comes_with_its_validators(fetcher, origin, response):
    origin.pages[URL] = response(200, b"x" * 100_000, etag='W/"1"', last_modified="yesterday", content_type="text/xml")
    fetched, traffic = await get(fetcher, origin)
    assert fetched.body == b"x" * 100_000
    assert (fetched.etag, fetched.last_modified, fetched.content_type) == ('W/"1"', "yesterday", "text/xml")
    assert (traffic.requests, traffic.body_bytes, traffic.http_status, traffic.moved_to) == (1, 100_000, 200, None)
    assert "If-None-Match" not in origin.requests[0][1]


async def test_known_validators_are_sent_and_304_costs_no_body(fetcher, origin, response):
    origin.pages[URL] = response(304)
    fetched, traffic = await get(fetcher, origin, etag='"1"', last_modified="yesterday")
    assert fetched.not_modified and (traffic.requests, traffic.body_bytes) == (1, 0)
    sent = origin.requests[0][1]
    assert (sent["If-None-Match"], sent["If-Modified-Since"]) == ('"1"', "yesterday")


async def test_permanent_redirects_give_the_new_address(fetcher, origin, response):
    origin.pages = {
        URL: response(301, location="/moved.xml"),
        "https://a.test/moved.xml": response(308, location="https://b.test/x"),
        "https://b.test/x": b"<rss/>",
    }
    fetched, traffic = await get(fetcher, origin)
    assert (fetched.url, traffic.moved_to, traffic.requests) == ("https://b.test/x", "https://b.test/x", 3)


async def test_a_temporary_redirect_on_the_way_gives_none(fetcher, origin, response):
    origin.pages = {URL: response(302, location="/b"), "https://a.test/b": response(301, location="/c")}
    origin.pages["https://a.test/c"] = b"<rss/>"
    fetched, traffic = await get(fetcher, origin)
    assert fetched.url == "https://a.test/c" and traffic.moved_to is None


@pytest.mark.parametrize("location", ["javascript:alert(1)", "file:///etc/passwd", None])
async def test_redirects_lead_to_web_addresses_only(fetcher, origin, response, location):
    origin.pages[URL] = response(301, **({"location": location} if location else {}))
    reason, _ = await refused(fetcher, origin)
    assert "301" in reason and "no http(s) address" in reason


async def test_redirects_end(fetcher, origin, response):
    origin.pages[URL] = lambda headers: response(302, location=URL)
    reason, traffic = await refused(fetcher, origin)
    assert reason == "more than 5 redirects" and traffic.requests == 6


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_not_read_on(fetcher, origin, response, declared):
    page = response(200, b"x" * 1_000_000, chunk=1000, **({"content_length": "1000000"} if declared else {}))
    origin.pages[URL] = page
    reason, traffic = await refused(fetcher, origin, limit=10_000)
    assert "limit" in reason or "larger than 10,000" in reason
    assert page.body.cancelled and traffic.body_bytes <= 11_000


async def test_gzip_files_are_unpacked_and_bombs_refused(fetcher, origin):
    origin.pages[URL] = gzip.compress(b"<rss/>")
    assert (await get(fetcher, origin))[0].body == b"<rss/>"
    origin.pages[URL] = gzip.compress(b" " * 20_000_000)
    reason, _ = await refused(fetcher, origin)
    assert "once unpacked" in reason


@pytest.mark.parametrize(
    ("status", "words"), [(404, "404 Not Found"), (500, "500 Internal Server Error"), (599, "599")]
)
async def test_an_error_status_is_the_reason(fetcher, origin, response, status, words):
    page = origin.pages[URL] = response(status, b"sorry")
    reason, traffic = await refused(fetcher, origin)
    assert reason.endswith(words) and traffic.http_status == status and page.body.cancelled


async def test_unreachable_and_slow_origins_are_named(fetcher, origin):
    origin.pages[URL] = OSError("no route")
    assert (await refused(fetcher, origin))[0] == "it could not be reached (no route)"

    async def never(url, **options):
        await asyncio.Event().wait()

    assert (await refused(fetcher, never, timeout_s=0.01))[0] == "no complete answer within 0.01 s"
