"""Recording what the internet answers, and replaying it without one."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from sandbox.app.redaction import Redaction
from sandbox.config.models import EgressRoute
from sandbox.runtime.exchange import header, read_bytes, read_json, read_text
from sandbox.runtime.trace import Trace, hop
from sandbox.runtime.values import JsException

HOST = {"api.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}


class Tape:
    """An egress that records from a server on this machine, and one that replays from the same folder."""

    def __init__(self, outside, internet, folder: Path) -> None:
        self._outside, self._internet = outside, internet
        self.folder = folder / "cassettes"
        self.base = f"http://api.test:{internet.port}"
        self.file = self.folder / "caller" / f"api.test_{internet.port}.yaml"

    def recording(self, **options):
        return self._outside(mode="record", names=HOST, open_loopback=True, **options)

    def replaying(self, **options):
        return self._outside(mode="replay", **options)

    def recording_with(self, *routes: EgressRoute):
        """The upstream's own name is known, too."""
        return self._outside(
            *(replace(route, upstream=f"http://127.0.0.1:{self._internet.port}") for route in routes), mode="record"
        )

    def replaying_with(self, *routes: EgressRoute):
        return self._outside(*routes, mode="replay")

    async def record(self, *paths: str, options=None, **given) -> None:
        made = self.recording(**(options or {}))
        for path in paths:
            await read_bytes(await made.fetch(self.base + path, **given))
        await made.egress.close()

    @property
    def interactions(self) -> list:
        return yaml.safe_load(self.file.read_bytes())["interactions"]


@pytest.fixture
def tape(outside, internet, tmp_path) -> Tape:
    return Tape(outside, internet, tmp_path)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


# --- record, then replay --------------------------------------------------------------------------------------------


async def test_what_was_recorded_is_replayed_without_a_network(tape, internet) -> None:
    internet.says("/a", b'{"n":1}', headers="Content-Type: application/json\r\nX-Kind: b\r\n")
    await tape.record("/a?x=1")
    made = tape.replaying()
    response = await made.fetch(f"{tape.base}/a?x=1")
    assert (response.status, header(response, "x-kind"), await read_bytes(response)) == (200, "b", b'{"n":1}')
    assert made.names.asked == [] and len(internet.requests) == 1
    (event,) = made.events
    assert (event["by"], event["status"], event["bytes"]) == ("replay", 200, 7)


async def test_a_cassette_is_a_file_that_people_can_read(tape, internet) -> None:
    internet.says("/page", b"<p>\tone \r\n<p>two\r\n", status=201, headers="Content-Type: text/html\r\nDate: today\r\n")
    internet.says("/list", b'{"items":["\xc3\xa9",2]}', headers="Content-Type: application/json\r\n")
    await tape.record("/page", "/list")
    text = tape.file.read_text()
    assert text == (
        f"""# Recorded outbound calls (vcrpy's format). Secrets were taken out before this was written.
version: 1
interactions:
- request:
    method: GET
    uri: {tape.base}/list
    headers: {{}}
    body: null
  response:
    status:
      code: 200
      message: OK
    headers:
      content-type:
      - application/json
    body:
      string: |-
        {{
          "items": [
            "é",
            2
          ]
        }}
      layout: compact
- request:
    method: GET
    uri: {tape.base}/page
    headers: {{}}
    body: null
  response:
    status:
      code: 201
      message: Created
    headers:
      content-type:
      - text/html
      date:
      - today
    body:
      string: |
        <p>\tone{" "}
        <p>two
      layout: crlf
"""
    )
    made = tape.replaying()
    assert await read_bytes(await made.fetch(f"{tape.base}/page")) == b"<p>\tone \r\n<p>two\r\n"
    assert await read_bytes(await made.fetch(f"{tape.base}/list")) == b'{"items":["\xc3\xa9",2]}'


@pytest.mark.parametrize(
    "body",
    [
        b"\x89PNG\r\n\x1a\n\x00\xff",
        b"a\r\nb\nc\rd",
        b"  \n\n x\n \n",
        b'{"a": 1.0, "a": 2}',
        b"\tt\n",
        b"",
        b"...",
        b"null",
    ],
)
async def test_any_body_comes_back_byte_for_byte(tape, internet, body: bytes) -> None:
    internet.says("/b", body)
    await tape.record("/b")
    assert await read_bytes(await tape.replaying().fetch(f"{tape.base}/b")) == body


async def test_a_compressed_answer_is_recorded_as_text(tape, internet) -> None:
    internet.says("/z", gzip.compress(b"plain words"), headers="Content-Encoding: gzip\r\n")
    await tape.record("/z")
    (one,) = tape.interactions
    assert one["response"]["body"] == {"string": "plain words", "content_encoding": "gzip"}
    assert "content-encoding" not in one["response"]["headers"]
    response = await tape.replaying().fetch(f"{tape.base}/z")
    assert (await read_text(response), header(response, "content-encoding")) == ("plain words", "gzip")


async def test_redirects_are_recorded_hop_by_hop(tape, internet) -> None:
    internet.says("/old", status=302, headers="Location: /new\r\n")
    internet.says("/new", b"here")
    await tape.record("/old")
    assert [one["request"]["uri"] for one in tape.interactions] == [f"{tape.base}/new", f"{tape.base}/old"]
    response = await tape.replaying().fetch(f"{tape.base}/old")
    assert (response.url, response.redirected, await read_text(response)) == (f"{tape.base}/new", True, "here")


async def test_a_body_that_the_worker_leaves_is_recorded_whole(tape, internet) -> None:
    internet.says("/long", b"x" * 300_000)
    made = tape.recording()
    response = await made.fetch(f"{tape.base}/long")
    await response.body.cancel()
    unread = await made.fetch(f"{tape.base}/long?unread")
    del unread, response
    await made.egress.close()
    assert [len(one["response"]["body"]["string"]) for one in tape.interactions] == [300_000, 300_000]


async def test_a_head_is_replayed_without_a_body(tape, internet) -> None:
    internet.says("/h", b"12345")
    await tape.record("/h", method="HEAD")
    response = await tape.replaying().fetch(f"{tape.base}/h", method="HEAD")
    assert response.status == 200 and await read_bytes(response) == b""


async def test_a_streamed_request_is_recorded_and_matched(tape, internet) -> None:
    internet.says("/up", b"thanks")
    await tape.record("/up", method="POST", body=chunks(b"one ", b"two"))
    assert tape.interactions[0]["request"]["body"] == "one two"
    made = tape.replaying()
    assert await read_text(await made.fetch(f"{tape.base}/up", method="POST", body=chunks(b"one", b" two"))) == "thanks"


async def test_workers_have_recordings_of_their_own_and_shared_ones(tape, internet, tmp_path) -> None:
    internet.says("/a", b"mine")
    await tape.record("/a")
    made = tape.replaying()
    response = await made.egress.fetch("caller", made_request(f"{tape.base}/a"))
    assert await read_text(response) == "mine"
    with pytest.raises(JsException, match="nothing is, in cassettes/somebody"):
        await made.egress.fetch("somebody", made_request(f"{tape.base}/a"))
    (tape.folder / "everybody.yaml").write_bytes(tape.file.read_bytes())
    assert await read_text(await made.egress.fetch("somebody", made_request(f"{tape.base}/a"))) == "mine"


def made_request(url: str):
    from sandbox.runtime.exchange import new_request

    return new_request(url)


# --- sequences ------------------------------------------------------------------------------------------------------


async def test_several_answers_to_one_request_are_replayed_in_order_the_last_again(tape, internet) -> None:
    made = tape.recording()
    for body in (b"queued", b"queued", b"done", b"done", b"done"):
        internet.says("/job", body)
        await read_bytes(await made.fetch(f"{tape.base}/job"))
    await made.egress.close()
    assert [one["response"]["body"]["string"] for one in tape.interactions] == ["queued", "queued", "done"]
    again = tape.replaying()
    seen = [await read_text(await again.fetch(f"{tape.base}/job")) for _ in range(5)]
    assert seen == ["queued", "queued", "done", "done", "done"]


async def test_each_execution_is_answered_from_the_first_on(tape, internet) -> None:
    made = tape.recording()
    for body in (b"queued", b"done"):
        internet.says("/job", body)
        await read_bytes(await made.fetch(f"{tape.base}/job"))
    await made.egress.close()
    again, seen = tape.replaying(), []
    for execution in ("one", "two"):
        with hop(Trace(execution_id=execution)):
            seen.append([await read_text(await again.fetch(f"{tape.base}/job")) for _ in range(3)])
    assert seen == [["queued", "done", "done"]] * 2


# --- recording again ------------------------------------------------------------------------------------------------


async def test_recording_the_same_again_changes_nothing(tape, internet) -> None:
    internet.says("/a", b"one", headers="Date: monday\r\nX-Request-Id: 1\r\n")
    await tape.record("/a", "/a")
    before = tape.file.read_bytes()
    internet.says("/a", b"one", headers="Date: tuesday\r\nX-Request-Id: 2\r\n")
    await tape.record("/a")
    assert tape.file.read_bytes() == before


async def test_what_is_asked_again_is_recorded_anew_and_the_rest_stays(tape, internet) -> None:
    internet.says("/a", b"old a")
    internet.says("/b", b"old b")
    await tape.record("/b", "/a")
    internet.says("/a", b"new a")
    await tape.record("/a")
    assert [one["response"]["body"]["string"] for one in tape.interactions] == ["new a", "old b"]


async def test_calls_at_the_same_time_make_the_same_file_in_any_order(tape, internet) -> None:
    for number in range(8):
        internet.says(f"/{number}", str(number).encode())
    made = tape.recording()

    async def get(number: int) -> None:
        await read_bytes(await made.fetch(f"{tape.base}/{number}"))

    await asyncio.gather(*(get(number) for number in (5, 2, 7, 0, 1, 6, 4, 3)))
    await made.egress.close()
    assert [one["response"]["body"]["string"] for one in tape.interactions] == list("01234567")


async def test_a_file_that_cannot_be_read_is_not_overwritten(tape, internet) -> None:
    internet.says("/a", b"one")
    tape.file.parent.mkdir(parents=True)
    tape.file.write_text("interactions: [unfinished")
    made = tape.recording()
    assert await read_text(await made.fetch(f"{tape.base}/a")) == "one"
    await made.egress.close()
    assert tape.file.read_text() == "interactions: [unfinished"
    (told,) = [event for event in made.events if event["kind"] == "cassette"]
    assert ", line " in told["error"]
    with pytest.raises(JsException, match=r"api.test_\d+.yaml, line \d: .*record again"):
        await tape.replaying().fetch(f"{tape.base}/a")


# --- secrets --------------------------------------------------------------------------------------------------------


async def test_no_secret_reaches_the_file(tape, internet) -> None:
    redact = Redaction()
    redact.know(["known-value-of-a-worker"])
    answer = {
        "access_token": "CANARY-1",
        "note": "echo known-value-of-a-worker",
        "next": "https://x.test/?sig=CANARY-2",
    }
    internet.says(
        "/login",
        json.dumps(answer).encode(),
        headers="Content-Type: application/json\r\nSet-Cookie: sid=CANARY-3; Path=/\r\nX-Auth-Token: CANARY-4\r\n",
    )
    sent = {"user": "ann", "password": "CANARY-5", "deep": [{"Api-Key": "CANARY-6"}], "say": "known-value-of-a-worker"}
    headers = {
        "authorization": "Bearer CANARY-7",
        "cookie": "a=CANARY-8",
        "x-api-key": "CANARY-9",
        "x-own": "CANARY-10",
    }
    url = "/login?api_key=CANARY-11&q=known-value-of-a-worker&signature=CANARY-12&page=2&mine=CANARY-13#CANARY-14"
    options = {"redact": redact, "scrub": {"headers": ("x-own",), "query": ("MINE",), "patterns": (r"CANARY-20\w",)}}
    body = json.dumps({**sent, "free": "text CANARY-20x"})
    await tape.record(
        url, method="POST", body=body, headers={**headers, "content-type": "application/json"}, options=options
    )
    text = tape.file.read_text()
    assert "CANARY" not in text and "known-value" not in text
    assert f"{tape.base}/login?api_key=[secret]&q=[secret]&signature=[secret]&page=2&mine=[secret]" in text
    assert "Bearer [secret]" in text and "sid=[secret]; Path=/" in text and "ann" in text

    # The same call is found again: by one who has the secrets, by one who has others, and by one who knows of none.
    made = tape.replaying(**options)
    request = {"method": "POST", "headers": {"content-type": "application/json"}}
    response = await made.fetch(tape.base + url, body=body, **request)
    assert (await read_json(response))["access_token"] == "[secret]"
    other = body.replace("CANARY", "another").replace("known-value-of-a-worker", "another value")
    response = await tape.replaying().fetch(tape.base + url.replace("known-value", "another"), body=other, **request)
    assert response.status == 200


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("authorization: Basic Q0FOQVJZ", "Basic [secret]"),
        ("authorization: CANARY and more", "[secret]"),
        ("x-hub-signature-256: sha256=CANARY", "[secret]"),
        ("ocp-apim-subscription-key: CANARY", "[secret]"),
        ("x-ratelimit-remaining-tokens: 12", "12"),
        ("referer: https://me:CANARY@x.test/?token=CANARY&a=1", "https://x.test/?token=[secret]&a=1"),
    ],
)
async def test_headers_that_hold_secrets(tape, internet, header: str, kept: str) -> None:
    internet.says("/h")
    name, _, value = header.partition(": ")
    await tape.record("/h", headers={name: value})
    assert tape.interactions[0]["request"]["headers"] == {name: [kept]}


async def test_a_secret_in_a_form_a_multipart_body_and_in_bytes(tape, internet) -> None:
    internet.says("/f", b"\xff\xfe known-value-of-a-worker \x00")
    redact = Redaction()
    redact.know(["known-value-of-a-worker"])
    made = tape.recording(redact=redact)
    form = {"content-type": "application/x-www-form-urlencoded"}
    parts = {"content-type": "multipart/form-data; boundary=xyz"}
    many = '--xyz\r\nContent-Disposition: form-data; name="password"\r\n\r\nCANARY\r\n--xyz--\r\n'
    await read_bytes(await made.fetch(f"{tape.base}/f", method="POST", body="user=ann&password=CANARY", headers=form))
    await read_bytes(await made.fetch(f"{tape.base}/f", method="PUT", body=many, headers=parts))
    await made.egress.close()
    assert "CANARY" not in tape.file.read_text()
    assert {one["request"]["body"] for one in tape.interactions} >= {"user=ann&password=[secret]"}
    assert all(b"known" not in one["response"]["body"]["string"] for one in tape.interactions)


async def test_names_that_mean_other_things_too(tape, internet) -> None:
    answer = {"token": " the", "key": "title", "page_token": "p2", "secret": None, "tokens": 5}
    internet.says("/llm", json.dumps({**answer, "credential": "a" * 20}).encode())
    await tape.record("/llm?key=abc", options={"scrub": {"keep": ("key",)}})
    seen = json.loads(tape.interactions[0]["response"]["body"]["string"])
    assert seen == {**answer, "credential": "[secret]"}
    assert tape.interactions[0]["request"]["uri"].endswith("?key=abc")


# --- matching -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        ({"path": "/a?x=1&y=2"}, {"path": "/a?y=2&x=1"}),
        ({"path": "/a", "body": '{"a":1,"b":[1,2]}'}, {"path": "/a", "body": '{ "b": [1, 2], "a": 1 }'}),
        ({"path": "/a", "body": "x=1&y=%20"}, {"path": "/a", "body": "y=+&x=1"}),
        ({"path": "/a#one"}, {"path": "/a#two"}),
    ],
)
async def test_the_same_call_written_otherwise(tape, internet, recorded, asked) -> None:
    internet.says("/a", b"found")

    def given(call):
        form = {"content-type": "application/x-www-form-urlencoded"}
        body = call.get("body")
        return {} if body is None else {"method": "POST", "body": body, "headers": form if "=" in body else {}}

    await tape.record(recorded["path"], **given(recorded))
    assert await read_text(await tape.replaying().fetch(tape.base + asked["path"], **given(asked))) == "found"


async def test_multipart_bodies_match_whatever_their_boundary(tape, internet) -> None:
    internet.says("/m", b"found")

    def given(boundary):
        body = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--{boundary}--\r\n'
        return {
            "method": "POST",
            "body": body,
            "headers": {"content-type": f"multipart/form-data; boundary={boundary}"},
        }

    await tape.record("/m", **given("abc123"))
    assert await read_text(await tape.replaying().fetch(f"{tape.base}/m", **given("zzz999"))) == "found"


async def test_what_may_differ_and_what_must_not(tape, internet) -> None:
    internet.says("/a", b"found")
    options = {"match": {"ignore_query": ("ts", "no*"), "ignore_fields": ("request_id",), "headers": ("accept",)}}
    first = {"method": "POST", "body": '{"q": 1, "request_id": "x"}', "headers": {"accept": "text/a"}}
    await tape.record("/a?ts=1&nonce=2", options=options, **first)
    made = tape.replaying(**options)
    again = {**first, "body": '{"q": 1, "requestId": "y"}'}
    assert await read_text(await made.fetch(f"{tape.base}/a?ts=9", **again)) == "found"
    with pytest.raises(JsException, match=r"header `accept`: \[\"text/b\"\], recorded \[\"text/a\"\]"):
        await made.fetch(f"{tape.base}/a?ts=9", **{**again, "headers": {"accept": "text/b"}})


@pytest.mark.parametrize(
    ("path", "given", "difference"),
    [
        ("/list?page=2&size=5", {}, "query `page`: 2, recorded 1"),
        ("/list?page=1", {}, "query `size`: not given, recorded 5"),
        ("/list?page=1&size=5&sort=a", {}, "query `sort`: a, not recorded"),
        ("/list?page=1&size=5", {"method": "DELETE"}, "the method: DELETE, recorded GET"),
        ("/lists?page=1&size=5", {}, "the path: /lists, recorded /list"),
        (
            "/chat",
            {"method": "POST", "body": '{"m": [{"text": "no"}], "n": true}'},
            "body `m[0].text`: no, recorded hello",
        ),
        ("/chat", {"method": "POST", "body": '{"m": [{"text": "hello"}], "n": 1}'}, "body `n`: 1, recorded true"),
        (
            "/chat",
            {"method": "POST", "body": '{"m": [], "n": true}'},
            'body `m[0]`: not given, recorded {"text": "hello"}',
        ),
        ("/chat", {"method": "POST", "body": "words"}, "the body: text of 5 characters, recorded JSON"),
        ("/text", {"method": "PUT", "body": "one\ntoo"}, "the body at line 2: too, recorded two"),
    ],
)
async def test_a_miss_names_the_nearest_and_the_difference(tape, internet, path, given, difference) -> None:
    for known in ("/list", "/chat", "/text"):
        internet.says(known, b"ok")
    made = tape.recording()
    await read_bytes(await made.fetch(f"{tape.base}/list?page=1&size=5"))
    await read_bytes(await made.fetch(f"{tape.base}/chat", method="POST", body='{"m": [{"text": "hello"}], "n": true}'))
    await read_bytes(await made.fetch(f"{tape.base}/text", method="PUT", body="one\ntwo"))
    await made.egress.close()
    again = tape.replaying()
    with pytest.raises(JsException) as caught:
        await again.fetch(tape.base + path, **given)
    assert f"{given.get('method', 'GET')} {tape.base}{path} is not recorded; nearest: " in caught.value.message
    assert f"differs in {difference}. To record it, start the sandbox with `--egress record`" in caught.value.message
    assert f"(cassettes/caller/{tape.file.name})" in caught.value.message
    assert [(event["by"], event["status"]) for event in again.events] == [("replay", 0)]


async def test_a_miss_where_the_host_was_never_recorded(tape, internet) -> None:
    internet.says("/a", b"ok")
    await tape.record("/a")
    with pytest.raises(JsException, match=f"nothing of this host is, only of {tape.base}"):
        await tape.replaying().fetch("https://elsewhere.test/a")


async def test_a_miss_tells_no_secret(tape) -> None:
    with pytest.raises(JsException) as caught:
        await tape.replaying().fetch("https://elsewhere.test/a?token=CANARY")
    assert "CANARY" not in caught.value.message


# --- files ----------------------------------------------------------------------------------------------------------


async def test_a_cassette_edited_by_hand_is_read_again(tape, internet) -> None:
    internet.says("/a", b"first")
    await tape.record("/a")
    made = tape.replaying()
    assert await read_text(await made.fetch(f"{tape.base}/a")) == "first"
    tape.file.write_text(tape.file.read_text().replace("string: first", "string: edited by hand"))
    assert await read_text(await made.fetch(f"{tape.base}/a")) == "edited by hand"


@pytest.mark.parametrize(
    "text", ["just words", "interactions:\n- request: {}\n", "- !!python/object/apply:os.system [x]"]
)
async def test_what_is_no_cassette_is_said(tape, text: str) -> None:
    tape.folder.mkdir()
    (tape.folder / "odd.yml").write_text(text)
    with pytest.raises(JsException, match="cassettes/odd.yml"):
        await tape.replaying().fetch(f"{tape.base}/a")


async def test_vcrpy_reads_ours_and_we_read_its(tape, internet) -> None:
    """The same cassette, by both."""
    import vcr
    from vcr.serialize import deserialize, serialize
    from vcr.serializers import yamlserializer

    assert vcr.__version__
    internet.says("/a", b"words\nof text\n", headers="X-A: 1\r\n")
    internet.says("/b", b"\xff\x00")
    await tape.record("/a", "/b")
    requests, responses = deserialize(tape.file.read_text(), yamlserializer)
    assert [(request.method, request.uri) for request in requests] == [("GET", f"{tape.base}/{x}") for x in "ab"]
    assert [response["body"]["string"] for response in responses] == [b"words\nof text\n", b"\xff\x00"]
    tape.file.write_text(serialize({"requests": requests, "responses": responses}, yamlserializer))
    made = tape.replaying()
    response = await made.fetch(f"{tape.base}/a")
    assert (header(response, "x-a"), await read_bytes(response)) == ("1", b"words\nof text\n")
    assert await read_bytes(await made.fetch(f"{tape.base}/b")) == b"\xff\x00"


async def test_a_body_that_vcrpy_kept_compressed(tape) -> None:
    tape.folder.mkdir()
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Encoding": ["gzip"], "Content-Type": ["text/plain"]},
        "body": {"string": gzip.compress(b"hello")},
    }
    request = {"method": "GET", "uri": "https://api.test/z", "headers": {}, "body": None}
    (tape.folder / "theirs.yaml").write_text(
        yaml.safe_dump({"version": 1, "interactions": [{"request": request, "response": response}]})
    )
    assert await read_text(await tape.replaying().fetch("https://api.test/z")) == "hello"


# --- the rules of the open internet hold while recording -----------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "fc00::1", "::ffff:10.0.0.1"]
)
async def test_recording_reaches_public_addresses_only(outside, tmp_path, address: str) -> None:
    made = outside(mode="record", names={"trap.test": [address]})
    with pytest.raises(JsException, match="which workers may not reach"):
        await made.fetch("http://trap.test/")
    await made.egress.close()
    assert not (tmp_path / "cassettes").exists()
    assert [event["by"] for event in made.events] == ["refused"]


async def test_a_replayed_redirect_does_not_lead_to_this_machine(tape, internet) -> None:
    internet.says("/trap", status=302, headers="Location: http://localhost:8787/api/data/x\r\n")
    await tape.record("/trap", redirect="manual")
    with pytest.raises(JsException, match="redirects to this machine"):
        await tape.replaying().fetch(f"{tape.base}/trap")


async def test_routes_and_workers_come_before_recordings(tape, internet) -> None:
    async def echo(request):
        from sandbox.runtime.exchange import make_response

        return make_response("in process")

    for made in (
        tape.recording(urls={"http://echo.test": "echo"}, echo=echo),
        tape.replaying(urls={"http://echo.test": "echo"}, echo=echo),
    ):
        assert await read_text(await made.fetch("http://echo.test/")) == "in process"
        await made.egress.close()
    assert not tape.folder.exists()


async def test_an_upstream_of_a_route_is_recorded_and_replayed(tape, internet) -> None:
    route = EgressRoute("https://far.test/*", upstream=tape.base)
    away = EgressRoute("https://far.test/*", upstream="https://elsewhere.test")
    internet.says("/a", b"from upstream")
    internet.says("/b", b"not recorded")
    made = tape.recording_with(route)
    assert await read_text(await made.fetch("https://far.test/a?token=CANARY")) == "from upstream"
    await made.egress.close()
    assert [event["by"] for event in made.events if event["kind"] == "outbound"] == ["upstream"]
    assert "CANARY" not in (tape.folder / "caller" / "far.test.yaml").read_text()
    for upstream in (route, away):
        again = tape.replaying_with(upstream)
        assert await read_text(await again.fetch("https://far.test/a?token=other")) == "from upstream"
        assert [event["by"] for event in again.events] == ["replay"]
    with pytest.raises(JsException, match="b is not recorded; nearest"):
        await tape.replaying_with(away).fetch("https://far.test/b")


async def test_an_upstream_on_this_machine_may_be_asked_for_what_is_not_recorded(tape, internet) -> None:
    internet.says("/b", b"alive")
    made = tape.replaying_with(EgressRoute("https://far.test/*", upstream=f"http://127.0.0.1:{internet.port}"))
    assert await read_text(await made.fetch("https://far.test/b", method="POST", body="x")) == "alive"
    assert internet.requests[0].endswith("x")
