"""The names by which credentials go, and addresses without them."""

from __future__ import annotations

import pytest

from sandbox.credentials import RECORDED_HEADERS, RECORDED_QUERY, SHOWN_HEADERS, SHOWN_QUERY, shown_url

RECORDED = "authorization Proxy-Authorization cookie set-cookie X-Api-Key apikey x-auth-token token x-hub-signature-256"
ONLY_SHOWN = "x-session-id x-token-value x-amz-credentials sec-cookie-jar"
HARMLESS = "content-type accept author x-request-id x-ratelimit-remaining-tokens retry-after key-points"


def test_headers():
    assert all(RECORDED_HEADERS.has(name) and SHOWN_HEADERS.has(name) for name in RECORDED.split())
    assert all(SHOWN_HEADERS.has(name) and not RECORDED_HEADERS.has(name) for name in ONLY_SHOWN.split())
    assert not any(SHOWN_HEADERS.has(name) or RECORDED_HEADERS.has(name) for name in HARMLESS.split())


def test_what_a_recording_is_matched_by_stays_in_it():
    assert not any(RECORDED_QUERY.has(name) for name in ("page_token", "session", "author", "max_tokens"))
    assert RECORDED_QUERY.has("accessToken") and SHOWN_QUERY.has("page_token") and not SHOWN_QUERY.has("max_tokens")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.test/?q=1&api_key=C&page=2", "https://a.test/?q=1&api_key=[secret]&page=2"),
        ("https://a.test/?api%5Fkey=C#C", "https://a.test/?api%5Fkey=[secret]#C"),
        ("https://me:C@a.test/x@y?author=me", "https://[secret]@a.test/x@y?author=me"),
        ("/login?X-Amz-Signature=C", "/login?X-Amz-Signature=[secret]"),
        ("https://a.test/?key", "https://a.test/?key"),
        ("https://a.test/?next=?token=C", "https://a.test/?next=?token=[secret]"),
    ],
)
def test_addresses(url: str, shown: str):
    assert shown_url(url) == shown and shown_url(shown) == shown
