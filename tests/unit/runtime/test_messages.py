"""`Request` and `Response`: construction, bodies, clones, errors."""

import js
import pytest

from sandbox.runtime.values import JsArray, JsException, JsObject, jsnull, to_js


def response_of(body, **options):
    return js.Response.new(body, **options)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("hé", "text/plain;charset=UTF-8", "hé"),
        (5, "text/plain;charset=UTF-8", "5"),
        (to_js(b"ab"), jsnull, "ab"),
        (to_js(b"abc").buffer, jsnull, "abc"),
        (js.URLSearchParams.new("a=b c"), "application/x-www-form-urlencoded;charset=UTF-8", "a=b+c"),
        (js.Blob.new(JsArray(["x"]), type="Text/CSS"), "text/css", "x"),
        (None, jsnull, ""),
        (jsnull, jsnull, ""),
    ],
    ids=["str", "number", "bytes", "buffer", "params", "blob", "undefined", "null"],
)
async def test_bodies_bring_their_type(body, content_type, text):
    response = response_of(body)
    assert response.headers.get("content-type") == content_type
    assert await response.text() == text
    given = response_of(body, headers=JsObject({"Content-Type": "own/type"}))
    assert given.headers.get("content-type") == "own/type"


async def test_ways_to_read():
    assert (await response_of("ab").bytes()).to_bytes() == b"ab"
    assert (await response_of("ab").arrayBuffer()).byteLength == 2
    assert (await response_of('{"a": [1.0, null]}').json()).a[0] == 1
    blob = await response_of("ab", headers=JsObject({"content-type": "x/y"})).blob()
    assert (blob.size, blob.type) == (2, "x/y")
    chunks = [chunk.to_bytes() async for chunk in response_of("ab").body]
    assert chunks == [b"ab"]
    assert await response_of(to_js(b"\xef\xbb\xbfx\xff")).text() == "x\ufffd"
    with pytest.raises(JsException, match="^SyntaxError"):
        await response_of("{").json()


async def test_a_body_is_read_once():
    response = response_of("x")
    assert not response.bodyUsed
    await response.text()
    assert response.bodyUsed
    for read in (response.text, response.json, response.arrayBuffer, response.blob, response.formData):
        with pytest.raises(JsException, match="^TypeError: Body has already been used"):
            await read()
    with pytest.raises(JsException, match="^TypeError"):
        response.clone()
    streamed = response_of("x")
    await streamed.body.getReader().read()
    assert streamed.bodyUsed


async def test_clones_are_independent():
    async def chunks():
        yield b"a"
        yield b"b"

    stream = js.ReadableStream.from_(chunk async for chunk in _arrays(chunks()))
    for original in (response_of("ab", status=201), response_of(stream, status=201)):
        copy = original.clone()
        copy.headers.set("x", "1")
        assert await original.text() == await copy.text() == "ab"
        assert copy.status == 201 and not original.headers.has("x")


async def _arrays(chunks):
    async for chunk in chunks:
        yield to_js(chunk)


@pytest.mark.parametrize("status", [199, 600, 0, 99, 101])
def test_status_range(status):
    with pytest.raises(JsException, match="^RangeError"):
        response_of(None, status=status)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_null_body_statuses(status):
    with pytest.raises(JsException, match="^TypeError: Response with null body status"):
        response_of("x", status=status)
    assert response_of("", status=status).body is jsnull
    assert response_of(None, status=status).body is jsnull


@pytest.mark.parametrize(("status", "text"), [(200, "OK"), (404, "Not Found"), (413, "Payload Too Large"), (299, "")])
def test_status_text_defaults_to_the_reason(status, text):
    assert response_of(None, status=status).statusText == text


def test_status_text_is_checked():
    assert response_of(None, statusText="Fine").statusText == "Fine"
    with pytest.raises(JsException, match="^TypeError"):
        response_of(None, statusText="a\nb")


async def test_json_and_redirect():
    made = js.Response.json(JsObject({"a": JsArray([1, jsnull])}), status=201)
    assert (made.status, made.headers.get("content-type"), await made.text()) == (
        201, "application/json", '{"a":[1,null]}',
    )  # fmt: skip
    assert js.Response.json(1, headers=JsObject({"Content-Type": "x/y"})).headers.get("content-type") == "x/y"
    found = js.Response.redirect("http://A/b c", 301)
    assert (found.status, found.headers.get("location")) == (301, "http://a/b%20c")
    with pytest.raises(JsException, match="^RangeError"):
        js.Response.redirect("http://a/", 200)
    with pytest.raises(JsException, match="^TypeError"):
        js.Response.redirect("nowhere")
    assert js.Response.error().type == "error"


def test_a_response_can_be_the_init_of_another():
    first = response_of("x", status=404, statusText="Nope", headers=JsObject({"a": "1"}))
    second = js.Response.new("y", first)
    assert (second.status, second.statusText, second.headers.get("a")) == (404, "Nope", "1")


def test_requests():
    request = js.Request.new("HTTP://A.example", method="post", body="x", cf=JsObject({"colo": "X"}))
    assert (request.method, request.url, request.cf.colo, request.redirect) == (
        "POST", "http://a.example/", "X", "follow",
    )  # fmt: skip
    assert request.headers.get("content-type") == "text/plain;charset=UTF-8"
    assert js.Request.new("http://a/", method="patch").method == "PATCH"
    assert js.Request.new(js.URL.new("http://a/b")).url == "http://a/b"
    assert js.Request.new("http://a/").body is jsnull


@pytest.mark.parametrize(
    "options",
    [{"method": "GET", "body": "x"}, {"body": "x"}, {"method": "a b"}, {"redirect": "error"}, {"headers": 5}],
    ids=str,
)
def test_bad_requests(options):
    with pytest.raises(JsException, match="^TypeError"):
        js.Request.new("http://a/", **options)


def test_bad_request_url():
    with pytest.raises(JsException, match="^TypeError: Invalid URL"):
        js.Request.new("/relative")


async def test_a_request_of_a_request_takes_its_body():
    first = js.Request.new("http://a/", method="POST", body="x", headers=JsObject({"a": "1"}))
    second = js.Request.new(first, method="PUT")
    assert first.bodyUsed
    assert (second.method, second.url, second.headers.get("a"), await second.text()) == ("PUT", "http://a/", "1", "x")


def test_locked_and_read_streams_are_no_bodies():
    stream = js.ReadableStream.new()
    stream.getReader()
    with pytest.raises(JsException, match="locked"):
        response_of(stream)


async def test_read_streams_are_no_bodies():
    stream = response_of("x").body
    reader = stream.getReader()
    await reader.read()
    reader.releaseLock()
    with pytest.raises(JsException, match="disturbed"):
        response_of(stream)


async def test_blobs_and_files():
    blob = js.Blob.new(JsArray(["a\r\n", to_js(b"b"), js.Blob.new(JsArray(["c"]))]), type="A/B", endings="native")
    assert (await blob.text(), blob.size, blob.type) == ("a\nbc", 4, "a/b")
    part = blob.slice(-2, -1, "x/y")
    assert (await part.text(), part.type) == ("b", "x/y")
    file = js.File.new(JsArray(["x"]), "n.txt", type="t/x", lastModified=5)
    assert (file.name, file.lastModified, file.constructor.name) == ("n.txt", 5, "File")
    assert [chunk.to_bytes() async for chunk in blob.stream()] == [b"a\nbc"]
    with pytest.raises(JsException, match="^TypeError"):
        js.Blob.new("text")
