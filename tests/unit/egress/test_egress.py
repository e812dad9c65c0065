"""Every way an outbound call can go, and what it may not reach."""

from __future__ import annotations

import gc
import gzip
from pathlib import Path

import pytest

from sandbox.config.models import EgressRoute
from sandbox.egress import Unreachable
from sandbox.egress.addresses import refusal
from sandbox.egress.client import AddressRefused, Client
from sandbox.errors import WorkerFailed
from sandbox.runtime.exchange import (
    header,
    header_pairs,
    json_response,
    make_response,
    new_request,
    read_bytes,
    read_json,
    read_text,
)
from sandbox.runtime.values import JsException


async def echo(request):
    return json_response(
        {
            "url": request.url,
            "method": request.method,
            "headers": header_pairs(request),
            "body": (await read_bytes(request)).decode(),
        }
    )


def folder_route(tmp_path: Path) -> EgressRoute:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "a.xml").write_text("<rss/>")
    return EgressRoute("https://feeds.test/*", folder=Path("feeds"))


# --- our own addresses come first -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["offline", "replay", "record", "online"])
@pytest.mark.parametrize("base", ["http://localhost:8787", "http://127.0.0.1:8787", "http://[::1]:8787"])
async def test_the_orchestrator_is_reached_in_process(outside, mode: str, base: str) -> None:
    made = outside(EgressRoute("*", worker="nobody"), mode=mode)
    response = await made.fetch(f"{base}/api/data/ref_1")
    assert await read_json(response) == {"orchestrator": f"{base}/api/data/ref_1"}
    (event,) = made.events
    assert (event["kind"], event["by"], event["status"], event["worker"]) == ("outbound", "orchestrator", 200, "caller")
    assert event["bytes"] == len(f'{{"orchestrator":"{base}/api/data/ref_1"}}')


async def test_errors_of_the_orchestrator_are_responses(outside) -> None:
    response = await outside().fetch("http://localhost:8787/missing")
    assert response.status == 404
    assert (await read_json(response))["error"]["code"] == "not_found"


async def test_registered_workers_are_reached_before_routes_and_rules(outside) -> None:
    urls = {"https://echo.example.dev": "echo", "http://echo.localhost:8787": "echo", "http://169.254.169.254": "echo"}
    made = outside(EgressRoute("*", worker="nobody"), urls=urls, echo=echo)
    for base in urls:
        response = await made.fetch(f"{base}/api/process?x=1", method="POST", body="hello", headers={"X-A": "b"})
        seen = await read_json(response)
        assert (seen["url"], seen["method"], seen["body"]) == (f"{base}/api/process?x=1", "POST", "hello")
        assert ["x-a", "b"] in seen["headers"]
        assert ["host", base.partition("://")[2]] in seen["headers"]
        assert response.url == f"{base}/api/process?x=1"
    assert {event["by"] for event in made.events} == {"worker:echo"}
    assert {event["sent"] for event in made.events} == {5}


async def test_the_path_address_of_a_worker_works_from_inside_too(outside) -> None:
    made = outside(urls={"http://my-echo.localhost:8787": "my_echo"}, my_echo=echo)
    for name in ("my_echo", "My-Echo"):
        response = await made.fetch(f"http://localhost:8787/workers/{name}/a/b?c=d")
        assert (await read_json(response))["url"] == "http://my-echo.localhost:8787/a/b?c=d"


async def test_a_worker_that_raised_is_a_500_for_its_caller(outside) -> None:
    async def bad(request):
        raise WorkerFailed("bad", "bad raised ValueError")

    response = await outside(urls={"http://bad.test": "bad"}, bad=bad).fetch("http://bad.test/")
    assert response.status == 500
    assert (await read_json(response))["error"]["code"] == "worker_exception"


async def test_the_answer_is_an_object_of_the_callers_own(outside) -> None:
    kept = make_response("hello", headers={"x-a": "1"})

    async def same(request):
        return kept

    response = await outside(urls={"http://same.test": "same"}, same=same).fetch("http://same.test/")
    response.headers._map["x-a"] = "2"
    assert header(kept, "x-a") == "1"
    assert kept.url == ""


async def test_a_streamed_answer_stays_a_stream_and_is_counted(outside) -> None:
    async def stream(request):
        async def body():
            yield b"one"
            yield b"two"

        return make_response(body())

    made = outside(urls={"http://s.test": "stream"}, stream=stream)
    response = await made.fetch("http://s.test/")
    assert made.events == []
    assert await read_text(response) == "onetwo"
    assert [event["bytes"] for event in made.events] == [6]


# --- routes ---------------------------------------------------------------------------------------------------------


async def test_a_folder_answers_with_validators(outside, tmp_path: Path) -> None:
    made = outside(folder_route(tmp_path))
    first = await made.fetch("https://feeds.test/a.xml?page=1")
    assert (first.status, await read_text(first)) == (200, "<rss/>")
    again = await made.fetch("https://feeds.test/a.xml", headers={"If-None-Match": header(first, "etag")})
    assert (again.status, await read_bytes(again)) == (304, b"")
    since = await made.fetch("https://feeds.test/a.xml", headers={"If-Modified-Since": header(first, "last-modified")})
    assert since.status == 304
    assert (await made.fetch("https://feeds.test/b.xml")).status == 404
    assert (await made.fetch("https://feeds.test/..%2f..%2fetc/passwd")).status == 404
    assert [(event["status"], event["bytes"], event["by"]) for event in made.events][:3] == [
        (200, 6, "folder"),
        (304, 0, "folder"),
        (304, 0, "folder"),
    ]


async def test_a_route_to_a_worker(outside) -> None:
    made = outside(EgressRoute("https://api.openai.test/*", worker="mock"), mock=echo)
    seen = await read_json(await made.fetch("https://api.openai.test/v1/chat", method="POST", json={"a": 1}))
    assert (seen["url"], seen["body"]) == ("https://api.openai.test/v1/chat", '{"a":1}')
    assert (await outside(EgressRoute("https://a.test/*", worker="gone")).fetch("https://a.test/")).status == 404


async def test_a_route_to_an_upstream_may_be_local(outside, internet) -> None:
    internet.says("/v1/chat", b"hello")
    made = outside(EgressRoute("https://api.openai.test/*", upstream=f"http://127.0.0.1:{internet.port}/"))
    response = await made.fetch("https://api.openai.test/v1/chat?x=1", headers={"Authorization": "Bearer k"})
    assert await read_text(response) == "hello"
    assert internet.requests[0].startswith("GET /v1/chat?x=1 HTTP/1.1")
    assert "authorization: bearer k" in internet.requests[0].lower()
    assert f"host: 127.0.0.1:{internet.port}" in internet.requests[0].lower()
    assert made.events[0]["by"] == "upstream"


@pytest.mark.parametrize("mode", ["offline", "replay", "record", "online"])
async def test_routes_answer_in_every_mode(outside, internet, tmp_path: Path, mode: str) -> None:
    internet.says("/up", b"upstream")
    upstream = EgressRoute("https://up.test/*", upstream=f"http://127.0.0.1:{internet.port}")
    made = outside(
        folder_route(tmp_path), EgressRoute("https://a.test/*", worker="mock"), upstream, mode=mode, mock=echo
    )
    assert await read_text(await made.fetch("https://feeds.test/a.xml")) == "<rss/>"
    assert (await read_json(await made.fetch("https://a.test/x")))["url"] == "https://a.test/x"
    assert await read_text(await made.fetch("https://up.test/up")) == "upstream"
    assert [event["by"] for event in made.events if event["kind"] == "outbound"] == [
        "folder",
        "worker:mock",
        "upstream",
    ]


@pytest.mark.parametrize("mode", ["online", "record"])
async def test_credentials_stay_behind_at_another_origin_of_the_internet(outside, internet, mode: str) -> None:
    internet.says("/from", status=307, headers=f"Location: http://other.test:{internet.port}/to\r\n")
    internet.says("/to", b"here")
    made = outside(mode=mode, names={"one.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}, open_loopback=True)
    headers = {"Authorization": "Bearer k", "Cookie": "a=b", "X-Kept": "1"}
    assert await read_text(await made.fetch(f"http://one.test:{internet.port}/from", headers=headers)) == "here"
    first, second = (request.lower() for request in internet.requests)
    assert "authorization: bearer k" in first and "cookie: a=b" in first
    assert "authorization" not in second and "cookie" not in second and "x-kept: 1" in second


# --- modes ----------------------------------------------------------------------------------------------------------


async def test_offline_refuses_naming_the_url_and_the_way_out(outside) -> None:
    made = outside()
    with pytest.raises(JsException) as caught:
        await made.fetch("https://news.example/feed.xml")
    text = str(caught.value)
    assert caught.value.name == "TypeError"
    assert "https://news.example/feed.xml" in text and "--egress online" in text
    assert 'match = "https://news.example/*"' in text
    assert made.names.asked == []
    assert [(event["by"], event["status"]) for event in made.events] == [("refused", 0)]


@pytest.mark.parametrize("mode", ["offline", "online", "record"])
async def test_no_refusal_and_no_event_shows_a_credential(outside, mode: str) -> None:
    made = outside(mode=mode, names={"rebound.test": ["127.0.0.1"]})
    with pytest.raises(JsException, match="refused") as caught:
        await made.fetch("http://me:CANARY-1@rebound.test/feed?q=trains&api_key=CANARY-2")
    for text in (str(caught.value), made.events[-1]["url"]):
        assert "CANARY" not in text and "rebound.test/feed?q=trains&api_key=[secret]" in text


@pytest.mark.parametrize("mode", ["offline", "online"])
@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:9", "http://192.168.1.1"])
async def test_a_refused_server_of_ours_is_reached_by_a_route(outside, mode: str, origin: str) -> None:
    made = outside(mode=mode, names={"localhost": ["127.0.0.1"]})
    with pytest.raises(JsException, match="refused") as caught:
        await made.fetch(f"{origin}/x")
    told = f'[[egress.routes]] match = "{origin}/*" with upstream = "{origin}"'
    assert (told in str(caught.value)) == (mode == "online" or "192" not in origin), caught.value
    if mode == "offline" and "192" not in origin:
        assert "--egress online" not in str(caught.value)


async def test_no_way_is_told_to_where_nobody_should_go(outside) -> None:
    with pytest.raises(JsException, match="link-local") as caught:
        await outside(mode="online").fetch("http://169.254.169.254/latest/meta-data/")
    assert "egress.routes" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://a.test/", "file:///etc/passwd", "data:text/plain,x", "ws://a.test/"])
async def test_only_http_and_https(outside, url: str) -> None:
    with pytest.raises(JsException) as caught:
        await outside(mode="online").fetch(url)
    assert caught.value.name == "TypeError"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost:9/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0.0.0.0/",
        "http://[::1]:9/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "http://rebound.test/",
        "http://mixed.test/",
        "http://mapped.test/",
    ],
)
@pytest.mark.parametrize("mode", ["online", "record"])
async def test_no_private_address_is_reached_when_online(outside, url: str, mode: str) -> None:
    names = {
        "localhost": ["127.0.0.1"],
        "rebound.test": ["127.0.0.1"],
        "mixed.test": ["93.184.216.34", "10.0.0.1"],
        "mapped.test": ["::ffff:10.0.0.1"],
        "127.1": ["127.0.0.1"],
        "0177.0.0.1": ["127.0.0.1"],
        "2130706433": ["127.0.0.1"],
        "0x7f.0.0.1": ["127.0.0.1"],
    }
    made = outside(mode=mode, names=names)
    with pytest.raises(JsException, match="refused") as caught:
        await made.fetch(url)
    assert caught.value.name == "TypeError"
    assert made.events[-1]["by"] == "refused"


async def test_online_connects_to_the_checked_address(outside, internet) -> None:
    internet.says("/feed", b"hello", headers="Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-A: 1\r\nX-A: 2\r\n")
    made = outside(mode="online", names={"site.test": ["127.0.0.1"]}, open_loopback=True)
    url = f"http://site.test:{internet.port}/feed?x=%2F&y=a+b"
    response = await made.fetch(url, method="POST", body="hi", headers={"X-Given": "v", "Content-Type": "a/b"})
    assert await read_text(response) == "hello"
    assert (response.status, response.url, response.redirected) == (200, url, False)
    assert ("set-cookie", "a=1") in header_pairs(response) and ("set-cookie", "b=2") in header_pairs(response)
    assert header(response, "x-a") == "1, 2"
    sent = internet.requests[0]
    assert sent.startswith("POST /feed?x=%2F&y=a+b HTTP/1.1") and sent.endswith("hi")
    lower = sent.lower()
    assert f"host: site.test:{internet.port}" in lower and "x-given: v" in lower and "content-type: a/b" in lower
    assert "user-agent" not in lower and "gzip" in lower
    (event,) = made.events
    assert (event["by"], event["bytes"], event["sent"], event["status"]) == ("network", 5, 2, 200)


async def test_a_stream_is_sent_as_a_stream(outside, internet) -> None:
    internet.says("/up", b"ok")
    made = outside(mode="online", names={"site.test": ["127.0.0.1"]}, open_loopback=True)

    async def body():
        yield b"one"
        yield b"two"

    response = await made.fetch(f"http://site.test:{internet.port}/up", method="POST", body=body())
    assert await read_text(response) == "ok"
    assert internet.requests[0].endswith("onetwo")
    assert made.events[0]["sent"] == 6


async def test_an_unknown_name_and_a_closed_port_are_type_errors(outside, internet) -> None:
    made = outside(mode="online", names={"closed.test": ["127.0.0.1"]}, open_loopback=True)
    for url in ("http://unknown.test/", "http://closed.test:1/"):
        with pytest.raises(JsException, match="failed") as caught:
            await made.fetch(url)
        assert caught.value.name == "TypeError"
        assert url in str(caught.value)


async def test_an_answer_that_breaks_off_is_an_error_while_reading(outside, internet) -> None:
    internet.answers["/cut"] = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    made = outside(mode="online", names={"site.test": ["127.0.0.1"]}, open_loopback=True)
    response = await made.fetch(f"http://site.test:{internet.port}/cut")
    with pytest.raises(JsException):
        await read_text(response)


async def test_an_answer_nobody_reads_is_let_go_and_counted(outside, internet) -> None:
    internet.says("/x", b"hello")
    made = outside(mode="online", names={"site.test": ["127.0.0.1"]}, open_loopback=True)
    response = await made.fetch(f"http://site.test:{internet.port}/x")
    assert response.status == 200
    del response
    gc.collect()
    assert len(made.events) == 1


async def test_compressed_answers_come_out_plain_and_keep_their_header(outside, internet) -> None:
    internet.says("/gz", gzip.compress(b"hello" * 100), headers="Content-Encoding: gzip\r\n")
    internet.says("/br", b"as it is", headers="Content-Encoding: zstd\r\n")
    made = outside(mode="online", names={"site.test": ["127.0.0.1"]}, open_loopback=True)
    response = await made.fetch(f"http://site.test:{internet.port}/gz")
    assert await read_bytes(response) == b"hello" * 100
    assert header(response, "content-encoding") == "gzip"
    assert made.events[0]["bytes"] == len(gzip.compress(b"hello" * 100))  # what crossed the wire
    assert await read_bytes(await made.fetch(f"http://site.test:{internet.port}/br")) == b"as it is"
    head = await made.fetch(f"http://site.test:{internet.port}/gz", method="HEAD")
    assert await read_bytes(head) == b""


async def test_a_bomb_ends_in_an_error(outside, internet) -> None:
    internet.says("/bomb", gzip.compress(bytes(8 << 20)), headers="Content-Encoding: gzip\r\n")
    made = outside(mode="online", names={"site.test": ["127.0.0.1"]}, open_loopback=True)
    response = await made.fetch(f"http://site.test:{internet.port}/bomb")
    with pytest.raises(JsException, match="grows past"):
        await read_bytes(response)


async def test_bytes_a_worker_packed_itself_are_unpacked_for_its_caller(outside) -> None:
    async def packed(request):
        response = make_response(gzip.compress(b"hello"), headers={"content-encoding": "gzip"})
        response._encode_body = "manual"
        return response

    response = await outside(urls={"http://p.test": "packed"}, packed=packed).fetch("http://p.test/")
    assert await read_bytes(response) == b"hello"


# --- redirects ------------------------------------------------------------------------------------------------------


def jumping(target: str, status: int = 302):
    async def jump(request):
        return make_response(None, status=status, headers={"location": target})

    return jump


async def test_redirects_are_followed_over_every_kind_of_answer(outside, tmp_path: Path, internet) -> None:
    internet.says("/x", status=301, headers="Location: http://jump.test/\r\n")
    made = outside(
        folder_route(tmp_path),
        mode="online",
        names={"site.test": ["127.0.0.1"]},
        open_loopback=True,
        urls={"http://jump.test": "jump"},
        jump=jumping("https://feeds.test/a.xml"),
    )
    response = await made.fetch(f"http://site.test:{internet.port}/x")
    assert await read_text(response) == "<rss/>"
    assert (response.url, response.redirected) == ("https://feeds.test/a.xml", True)
    assert [event["by"] for event in made.events] == ["network", "worker:jump", "folder"]


async def test_manual_and_error(outside) -> None:
    made = outside(urls={"http://jump.test": "jump"}, jump=jumping("/next"))
    response = await made.fetch("http://jump.test/", redirect="manual")
    assert (response.status, header(response, "location"), response.redirected) == (302, "/next", False)
    with pytest.raises(JsException):
        await made.fetch("http://jump.test/", redirect="error")


async def test_five_redirects_pass_and_six_do_not(outside) -> None:
    async def count_down(request):
        left = int(request.url.rpartition("/")[2])
        return (
            make_response("there")
            if left == 0
            else make_response(None, status=302, headers={"location": f"/{left - 1}"})
        )

    made = outside(urls={"http://jump.test": "jump"}, jump=count_down)
    assert await read_text(await made.fetch("http://jump.test/5")) == "there"
    with pytest.raises(JsException, match="too many redirects"):
        await made.fetch("http://jump.test/6")


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:9/",
        "http://169.254.169.254/",
        "http://inside.test/",
        "//10.0.0.1/",
        "file:///etc/passwd",
        "http://[::ffff:10.0.0.1]/",
    ],
)
@pytest.mark.parametrize("mode", ["online", "record"])
async def test_every_hop_is_checked_again(outside, internet, target: str, mode: str) -> None:
    made = outside(
        mode=mode, urls={"http://jump.test": "jump"}, names={"inside.test": ["192.168.0.1"]}, jump=jumping(target)
    )
    with pytest.raises(JsException) as caught:
        await made.fetch("http://jump.test/")
    assert caught.value.name == "TypeError"
    assert internet.requests == []


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:8787/api/executions",
        "http://127.1:8787/api/references",
        "http://api.localhost:8787/",
        "http://[::1]:8787/",
        "http://LOCALHOST.:8787/",
        "http://2130706433/",
    ],
)
@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("mode", ["online", "record"])
async def test_the_internet_does_not_redirect_to_this_machine(
    outside, internet, target: str, status: int, mode: str
) -> None:
    """Our own addresses need no token of who is here already; a worker's fetch must not lend them to others."""
    called: list[str] = []

    async def api(request):
        called.append(request.url)
        return make_response("inside")

    internet.says("/x", status=status, headers=f"Location: {target}\r\n")
    made = outside(
        mode=mode,
        names={"site.test": ["127.0.0.1"]},
        open_loopback=True,
        urls={"http://api.localhost:8787": "api", "http://localhost:8787/own": "api"},
        api=api,
    )
    with pytest.raises(JsException, match=r"redirects to this machine") as caught:
        await made.fetch(f"http://site.test:{internet.port}/x", method="POST", body="x")
    assert caught.value.name == "TypeError" and called == []
    await made.egress.close()  # a recording is read to its end behind the worker's back
    assert {event["by"] for event in made.events if event["kind"] == "outbound"} == {"network", "refused"}


async def test_a_registered_address_may_be_redirected_to(outside, internet) -> None:
    internet.says("/x", status=301, headers="Location: https://feed.example.workers.test/\r\n")
    made = outside(
        mode="online",
        names={"site.test": ["127.0.0.1"]},
        open_loopback=True,
        urls={"https://feed.example.workers.test": "echo"},
        echo=echo,
    )
    assert (await made.fetch(f"http://site.test:{internet.port}/x")).status == 200


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0177.0.0.1", "127.0.0.1.", "[::1]", "[fe80::1%25lo]"])
async def test_numbers_that_the_system_takes_for_an_address_are_not_connected(internet, host: str) -> None:
    client = Client(refusal)
    with pytest.raises(AddressRefused):
        await client.send("GET", f"http://{host}:{internet.port}/", [], None)
    await client.close()
    assert internet.requests == []


async def test_a_redirect_of_an_upstream_stays_on_the_route(outside, internet) -> None:
    internet.says("/v1/old", status=302, headers="Location: /v1/new\r\n")
    internet.says("/v1/new", b"hello")
    made = outside(EgressRoute("https://api.openai.test/*", upstream=f"http://127.0.0.1:{internet.port}"))
    response = await made.fetch("https://api.openai.test/v1/old")
    assert (await read_text(response), response.url) == ("hello", "https://api.openai.test/v1/new")


async def test_a_redirect_does_not_lead_out_when_offline(outside) -> None:
    made = outside(urls={"http://jump.test": "jump"}, jump=jumping("https://news.example/"))
    with pytest.raises(JsException, match="offline"):
        await made.fetch("http://jump.test/")


async def test_credentials_and_bodies_over_redirects(outside) -> None:
    made = outside(
        urls={"http://see.test": "see", "http://same.test": "same", "http://echo.test": "echo"},
        see=jumping("http://echo.test/", 303),
        same=jumping("http://echo.test/", 307),
        echo=echo,
    )
    headers = {"Authorization": "Bearer k", "Cookie": "a=b", "Content-Type": "a/b", "X-Kept": "1"}
    seen = await read_json(await made.fetch("http://see.test/", method="POST", body="hello", headers=headers))
    names = {name for name, _ in seen["headers"]}
    assert (seen["method"], seen["body"]) == ("GET", "")
    assert "x-kept" in names and not {"authorization", "cookie", "content-type"} & names
    seen = await read_json(await made.fetch("http://same.test/", method="POST", body="hello", headers=headers))
    assert (seen["method"], seen["body"]) == ("POST", "hello")
    assert not {"authorization", "cookie"} & {name for name, _ in seen["headers"]}


async def test_a_stream_cannot_be_sent_twice(outside) -> None:
    async def body():
        yield b"x"

    made = outside(urls={"http://jump.test": "jump"}, jump=jumping("/", 307))
    with pytest.raises(JsException, match="stream"):
        await made.fetch("http://jump.test/", method="POST", body=body())


# --- workers by URL -------------------------------------------------------------------------------------------------


async def test_an_external_worker_is_reached_while_offline(outside, internet) -> None:
    internet.says("/api/handshake", b'{"ok":true}')
    base = f"http://127.0.0.1:{internet.port}"
    made = outside(external={base: "js_worker"})
    assert await read_json(await made.fetch(f"{base}/api/handshake")) == {"ok": True}
    response = await made.egress.send_external(
        f"{base}/api/handshake", new_request(f"{base}/api/handshake", method="POST", json={"a": 1})
    )
    assert await read_json(response) == {"ok": True}
    assert internet.requests[1].endswith('{"a":1}') and "content-type: application/json" in internet.requests[1].lower()
    assert {event["by"] for event in made.events} == {"external"}


async def test_a_hosted_worker_wins_over_an_external_one(outside) -> None:
    made = outside(urls={"https://x.example": "echo"}, external={"https://x.example": "echo"}, echo=echo)
    assert (await made.fetch("https://x.example/")).status == 200
    assert made.events[0]["by"] == "worker:echo"


async def test_an_external_worker_that_is_down_is_named(outside) -> None:
    with pytest.raises(Unreachable) as caught:
        await outside().egress.send_external("http://127.0.0.1:1/x", new_request("http://127.0.0.1:1/x"))
    assert caught.value.status == 502
    assert "http://127.0.0.1:1" in caught.value.message
