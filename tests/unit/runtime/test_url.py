"""`URL` and `URLSearchParams`, by the URL standard."""

import js
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandbox.runtime.values import JsException, JsObject, jsnull
from sandbox.runtime.web.url import normalize_url
from sandbox.runtime.web.url_parser import parse


@pytest.mark.parametrize(
    ("given_text", "href"),
    [
        ("https://test.com", "https://test.com/"),
        ("HTTP://EXAMPLE.com:80/a/./b/../c?x#y", "http://example.com/a/c?x#y"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:8443", "https://example.com:8443/"),
        ("http:\\\\a\\b", "http://a/b"),
        ("http:a", "http://a/"),
        ("  http://a/ b\tc ", "http://a/%20bc"),
        ('http://a/%7Eb/"<>`{}é', "http://a/%7Eb/%22%3C%3E%60%7B%7D%C3%A9"),
        ("http://a/?q='\"<>#f`", "http://a/?q=%27%22%3C%3E#f%60"),
        ("http://u ser:p@ss@a/", "http://u%20ser:p%40ss@a/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://3232235777/", "http://192.168.1.1/"),
        ("http://[1:0:0:2:0:0:0:3]:80/", "http://[1:0:0:2::3]/"),
        ("http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]/"),
        ("http://münchen.de/ä", "http://xn--mnchen-3ya.de/%C3%A4"),
        ("http://☃.net/", "http://xn--n3h.net/"),
        ("http://EXAMPLE%2ecom/", "http://example.com/"),
        ("http://a/%2e%2E/b/%2e", "http://a/b/"),
        ("http://a/b/..", "http://a/"),
        ("mailto:x@y", "mailto:x@y"),
        ("data:text/plain,a b", "data:text/plain,a b"),
        ("file:///C|/x", "file:///C:/x"),
        ("foo://Host/a/../b", "foo://Host/b"),
        ("http://a//b", "http://a//b"),
        ("http://a:00080/", "http://a/"),
        ("http://a?", "http://a/?"),
        ("http://a#", "http://a/#"),
    ],
)
def test_hrefs(given_text, href):
    assert js.URL.new(given_text).href == href
    assert js.URL.new(href).href == href
    assert normalize_url(given_text) == href


@pytest.mark.parametrize(
    "text",
    ["", "/a", "a", "http://", "http:///", "http://a b/", "http://a:99999/", "http://a:x/", "http://[::1", "http://1.2.3.256/",
     "http://1.2.3.4.5/", "http://a<b/", "http://user@/", "http://[::12345]/", "http://xn--a/", "//a"],
)  # fmt: skip
def test_what_is_no_url(text):
    assert not js.URL.canParse(text)
    assert js.URL.parse(text) is jsnull
    with pytest.raises(JsException, match="^TypeError: Invalid URL"):
        js.URL.new(text)


@pytest.mark.parametrize(
    ("reference", "href"),
    [
        ("x", "http://h/a/x"),
        ("../x", "http://h/x"),
        ("/x", "http://h/x"),
        ("//i/x", "http://i/x"),
        ("?x", "http://h/a/b?x"),
        ("#x", "http://h/a/b?q#x"),
        ("", "http://h/a/b?q"),
        ("https://z/", "https://z/"),
        ("http:x", "http://h/a/x"),
        ("mailto:z", "mailto:z"),
    ],
)
def test_references(reference, href):
    assert js.URL.new(reference, "http://h/a/b?q#f").href == href


def test_parts():
    url = js.URL.new("https://u:p@example.com:8080/a/b?x=1&y=2#h")
    assert (url.protocol, url.username, url.password, url.host, url.hostname, url.port) == (
        "https:", "u", "p", "example.com:8080", "example.com", "8080",
    )  # fmt: skip
    assert (url.pathname, url.search, url.hash, url.origin) == ("/a/b", "?x=1&y=2", "#h", "https://example.com:8080")
    assert str(url) == url.toJSON() == url.href


def test_setters_and_live_parameters():
    url = js.URL.new("http://a/b")
    url.pathname = "x y"
    url.search = "q=1"
    assert url.searchParams.get("q") == "1"
    url.searchParams.append("r", "ü &")
    url.hash = "z"
    url.port = "81x"
    url.hostname = "B.example"
    url.protocol = "https"
    assert url.href == "https://b.example:81/x%20y?q=1&r=%C3%BC+%26#z"
    url.search = ""
    assert url.searchParams.size == 0
    url.port = ""
    url.hash = ""
    assert url.href == "https://b.example/x%20y"


@given(st.text(st.sampled_from("abc/.?#%&=:@\\ ü2e[]'\"0"), max_size=24))
@example("/%2e/..//.")
def test_normalising_twice_changes_nothing(rest):
    found = normalize_url("http://host/" + rest)
    assert found is not None
    assert normalize_url(found) == found
    assert parse(found).serialize() == found, "the quick way and the parser agree"


def test_search_params():
    params = js.URLSearchParams.new("?a=1&b=2&a=3&c")
    assert list(params.getAll("a")) == ["1", "3"]
    assert (params.get("c"), params.get("z"), params.size, params.has("a", "3")) == ("", jsnull, 4, True)
    params.set("a", 9)
    params.delete("b")
    params.sort()
    assert params.toString() == "a=9&c="
    assert [list(pair) for pair in params] == [["a", "9"], ["c", ""]]
    assert js.URLSearchParams.new(JsObject({"x": 1})).toString() == "x=1"
    assert js.URLSearchParams.new([("x", "1"), ("x", "2")]).toString() == "x=1&x=2"


@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=5))
def test_search_params_round_trip(pairs):
    written = js.URLSearchParams.new(pairs).toString()
    assert written.isascii()
    assert [tuple(pair) for pair in js.URLSearchParams.new(written)] == pairs


def test_component_functions():
    assert js.encodeURIComponent("a b&é/") == "a%20b%26%C3%A9%2F"
    assert js.encodeURI("http://a/ b?é#x") == "http://a/%20b?%C3%A9#x"
    assert js.decodeURIComponent("a%20b%C3%A9") == "a bé"
    for bad in ("%", "%zz", "%ff"):
        with pytest.raises(JsException, match="^URIError"):
            js.decodeURIComponent(bad)
