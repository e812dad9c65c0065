"""The host's side of messages."""

import js
import pytest

from sandbox.runtime.exchange import (
    as_incoming,
    header,
    header_pairs,
    incoming_request,
    json_response,
    make_response,
    mark_fetched,
    new_request,
    path_of,
    query_of,
    read_bytes,
    read_json,
    read_text,
    take_body,
)
from sandbox.runtime.values import JsException, JsObject


async def parts(*chunks):
    for chunk in chunks:
        yield chunk


async def test_incoming_requests():
    request = incoming_request(
        "POST",
        "http://a.localhost:8787/x/%20?y=1",
        [("Host", "a"), ("X", "1"), ("x", "2"), ("Cookie", "c")],
        b"body",
        cf={"colo": "LOC", "n": {"a": 1}},
    )
    assert header_pairs(request) == [("host", "a"), ("x", "1, 2"), ("cookie", "c")]
    assert (header(request, "X"), header(request, "nope")) == ("1, 2", None)
    assert (path_of(request), query_of(request)) == ("/x/%20", "y=1")
    assert (request.cf.colo, request.cf.n.a) == ("LOC", 1)
    with pytest.raises(JsException, match="immutable"):
        request.headers.set("x", "3")
    assert take_body(request) == b"body"
    with pytest.raises(JsException, match="^TypeError"):
        take_body(request)


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [("http://a", "/", ""), ("http://a?b/c", "/", "b/c"), ("http://a/b#c?d", "/b", ""), ("http://a/b?c#d", "/b", "c")],
)
def test_paths_and_queries(url, path, query):
    request = new_request(url)
    assert (path_of(request), query_of(request)) == (path, query)


def test_urls_are_normalised_or_refused():
    assert incoming_request("GET", "http://A.localhost:80/a/../b", []).url == "http://a.localhost/b"
    for make in (lambda: incoming_request("GET", "/x", []), lambda: new_request("nowhere")):
        with pytest.raises(ValueError, match="not a valid URL"):
            make()


async def test_new_requests():
    request = new_request("http://a/", method="POST", json={"a": ["é"]}, headers={"X": "1"})
    assert header_pairs(request) == [("x", "1"), ("content-type", "application/json")]
    assert await request.text() == '{"a":["é"]}'
    text = new_request("http://a/", method="POST", body="x", headers=[("Content-Type", "own")])
    assert header(text, "content-type") == "own"


async def test_responses():
    assert header_pairs(make_response("x")) == [("content-type", "text/plain;charset=UTF-8")]
    assert header_pairs(make_response(b"x")) == []
    cookies = make_response(None, status=204, headers=[("Set-Cookie", "a"), ("set-cookie", "b"), ("Z", "1")])
    assert header_pairs(cookies) == [("z", "1"), ("set-cookie", "a"), ("set-cookie", "b")]
    assert header(cookies, "Set-Cookie") == "a, b"
    made = json_response({"a": 1}, status=201, headers={"X": "1"})
    assert (made.status, header(made, "content-type"), await read_json(made)) == (201, "application/json", {"a": 1})


async def test_bodies():
    assert take_body(make_response(None)) is None
    assert take_body(make_response("hé")) == "hé".encode()
    assert take_body(js.Response.new(make_response(b"abc").body)) == b"abc", "bytes at hand stay bytes"
    assert [chunk async for chunk in take_body(make_response(parts(b"a", b"b")))] == [b"a", b"b"]
    assert await read_bytes(make_response(parts(b"a", b"b"))) == b"ab"
    assert await read_text(make_response(b"\xff")) == "\ufffd"


@pytest.mark.parametrize("body", [lambda: b"abcd", lambda: "abcd", lambda: parts(b"ab", b"cd")])
async def test_limits(body):
    assert await read_bytes(make_response(body()), limit=4) == b"abcd"
    with pytest.raises(ValueError, match="longer than 3"):
        await read_bytes(make_response(body()), limit=3)


async def test_json_errors():
    with pytest.raises(ValueError, match="Expecting"):
        await read_json(make_response("{"))


async def test_between_workers():
    sent = js.Request.new("http://a/", method="POST", body="hé", headers=JsObject({"X": "1"}))
    received = as_incoming(sent)
    assert sent.bodyUsed
    assert (header(received, "content-length"), header(received, "x"), await received.text()) == ("3", "1", "hé")
    with pytest.raises(JsException, match="immutable"):
        received.headers.set("x", "2")
    streamed = as_incoming(new_request("http://a/", method="POST", body=parts(b"a")))
    assert header(streamed, "content-length") is None


def test_fetched_responses():
    response = mark_fetched(make_response("x"), url="http://b/", redirected=True)
    assert (response.url, response.redirected) == ("http://b/", True)
    with pytest.raises(JsException, match="immutable"):
        response.headers.delete("content-type")
