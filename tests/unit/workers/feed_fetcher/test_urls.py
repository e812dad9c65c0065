import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("given_url", "canonical"),
    [
        ("HTTPS://News.Example.COM:443/A/b", "https://news.example.com/A/b"),
        ("http://example.com:80", "http://example.com/"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("https://example.com/a?utm_source=x&id=7&UTM_Medium=y&fbclid=z#top", "https://example.com/a?id=7"),
        ("https://example.com/a?b=2&a=1", "https://example.com/a?b=2&a=1"),
        ("https://example.com/a?&&", "https://example.com/a"),
        ("https://user:secret@example.com/a", "https://example.com/a"),
        ("https://example.com/a/./b/../c", "https://example.com/a/c"),
        ("https://example.com/%7euser/%e4 b", "https://example.com/~user/%E4%20b"),
        ("https://example.com/ümlaut", "https://example.com/%C3%BCmlaut"),
        ("https://exämple.com/", "https://xn--exmple-cua.com/"),
        ("https://example.com./a", "https://example.com/a"),
        (" https://example.com/a\n/b ", "https://example.com/a/b"),
        ("https://[2001:DB8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
    ],
)
def test_one_spelling_for_each_address(fetcher, given_url, canonical):
    assert fetcher.urls.canonical_url(given_url) == canonical


@pytest.mark.parametrize(
    "rubbish",
    ["", "   ", "javascript:alert(1)", "java\nscript:alert(1)", "mailto:a@b.c", "data:text/html,x", "ftp://a.b/c"]
    + ["/relative", "https://", "https://exa mple.com/", "http://[::1", "http://a:99999/", 'https://a"b.com/'],
)
def test_what_is_no_web_address_is_none(fetcher, rubbish):
    assert fetcher.urls.canonical_url(rubbish) is None


def test_relative_links_take_the_feeds_address(fetcher):
    assert fetcher.urls.canonical_url("../a", "https://example.com/feeds/x.xml") == "https://example.com/a"
    assert fetcher.urls.canonical_url("javascript:x()", "https://example.com/") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://www.example.com/a/", "https://example.com/a"),
        ("https://example.com/a/index.html", "https://example.com/a"),
        ("https://example.com/a?x=1&y=2", "https://example.com/a?y=2&x=1"),
    ],
)
def test_two_addresses_of_one_page_have_one_key(fetcher, one, other):
    assert fetcher.urls.url_key(one) == fetcher.urls.url_key(other)


def test_different_pages_keep_different_keys(fetcher):
    keys = [fetcher.urls.url_key(f"https://example.com/{path}") for path in ("a", "A", "a?x=1", "a?x=2", "b/a")]
    assert len(set(keys)) == 5


_parts = st.lists(st.sampled_from([*"abAZ09/.%?&=#:@ üé~+;,'()[]!-_", "..", "%7e", "%2F", "%", "utm_source=", "//"]))


@given(_parts, st.text(max_size=20))
def test_canonical_is_stable_and_holds_no_fragment(fetcher, parts, tail):
    once = fetcher.urls.canonical_url("https://Example.com/" + "".join(parts) + tail)
    if once is not None:
        assert fetcher.urls.canonical_url(once) == once
        assert once.isascii() and "#" not in once and " " not in once


@given(st.text(max_size=60))
def test_any_text_gives_an_http_address_or_none(fetcher, text):
    found = fetcher.urls.canonical_url(text)
    assert found is None or found.startswith(("http://", "https://"))
