"""Which request reaches whom, over real sockets."""

from __future__ import annotations

import pytest

from sandbox.runtime.exchange import header_pairs, json_response, make_response

BAD_HOSTS = [
    "evil.com", "evil.com:{port}", "localhost.evil.com:{port}", "127.0.0.1.nip.io:{port}", "0177.0.0.1:{port}",
    "127.1:{port}", "0.0.0.0:{port}", "localhost6:{port}", "[::::", "[::::]:{port}", "localhost.:{port}",
    "echo.localhost.:{port}", "user@localhost:{port}", "user:pw@localhost:{port}", "localhost:1", "localhost",
    "127.0.0.1", "[::ffff:127.0.0.1]:{port}", "[::]:{port}", "2130706433:{port}", "0x7f000001:{port}",
    "127.0.0.2:{port}", "localhost:{port}:{port}", "localhost:{port}/x", "localhost:{port}?x", "localhost:{port}, evil.com",
    ".localhost:{port}", "a..localhost:{port}", "localhost:", "localhost:+{port}", "http://localhost:{port}",
    "*", "", "localhost\\@evil.com:{port}", "evil.com#localhost:{port}", "xn--localhost-9c:{port}",
]  # fmt: skip


async def echo(request):
    pairs = header_pairs(request)
    return json_response({"url": request.url, "method": request.method, "headers": pairs})


async def test_bad_hosts_are_refused_everywhere_and_the_process_lives(serve) -> None:
    running = await serve(echo=echo)
    for host in BAD_HOSTS:
        for path in ("/", "/workers/echo/", "/api/executions"):
            host_line = host.format(port=running.port)
            answer = await running.raw(f"GET {path} HTTP/1.1\r\nHost: {host_line}\r\n\r\n".encode())
            assert answer.status in (400, 403), host
            error = answer.json()
            assert error["success"] is False
            assert set(error["error"]) == {"code", "message", "hint"}
    assert (await running.ask("/workers/echo/")).status == 200


@pytest.mark.parametrize(
    "start",
    [
        "GET http://evil.com/ HTTP/1.1\r\nHost: localhost:{port}",
        "GET http://evil.com:{port}/api HTTP/1.1\r\nHost: localhost:{port}",
        "GET http://localhost:{port}/ HTTP/1.1\r\nHost: evil.com",
        "GET http://evil.com/ HTTP/1.1\r\nHost: evil.com",
        "GET http://localhost:{port}@evil.com/ HTTP/1.1\r\nHost: localhost:{port}",
        "GET https://localhost:{port}/ HTTP/1.1\r\nHost: localhost:{port}",
        "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nHost: localhost:{port}",
        "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nHost: evil.com",
        "GET / HTTP/1.1\r\nX: y",
        "GET / HTTP/1.0\r\nX: y",
        "CONNECT evil.com:443 HTTP/1.1\r\nHost: localhost:{port}",
        "CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}",
        "OPTIONS * HTTP/1.1\r\nHost: localhost:{port}",
        "GET api HTTP/1.1\r\nHost: localhost:{port}",
        "GET / HTTP/9.9\r\nHost: localhost:{port}",
        "GET / HTTP/1.1\r\n Host: localhost:{port}",
        "GET / HTTP/1.1\r\nHost : localhost:{port}",
        "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: x",
        "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_bad_requests_get_400_in_our_shape_and_the_process_lives(serve, start: str) -> None:
    running = await serve(echo=echo)
    answer = await running.raw((start.format(port=running.port) + "\r\n\r\n").encode("latin-1"))
    assert answer.status in (400, 403)
    assert answer.json()["success"] is False
    assert not running.errors
    assert (await running.ask("/workers/echo/")).status == 200


async def test_an_absolute_target_of_our_own_is_fine(serve) -> None:
    running = await serve(echo=echo)
    data = f"GET http://localhost:{running.port}/workers/echo/x?y HTTP/1.1\r\nHost: localhost:{running.port}\r\n\r\n"
    assert (await running.raw(data.encode())).json()["url"] == f"http://echo.localhost:{running.port}/x?y"


async def test_on_a_port_of_its_own_a_worker_sees_the_address_that_was_asked(serve) -> None:
    running = await serve({"worker_ports": {"my_worker": 0}, "allow_hosts": ["app.test"]}, my_worker=echo)
    own = running.server.worker_ports["my_worker"]
    for host in ("localhost", "127.0.0.1", "my-worker.localhost", "app.test"):
        answer = (await running.ask("/a%2Fb?q=1", host=host, port=own)).json()
        assert answer["url"] == f"http://{host}:{own}/a%2Fb?q=1"
        assert ["host", f"{host}:{own}"] in answer["headers"]


async def test_the_addresses_of_a_worker_on_the_common_port_give_one_url(serve) -> None:
    running = await serve(my_worker=echo)
    expected = f"http://my-worker.localhost:{running.port}/a%2Fb/c?q=1&q=2"
    path = "/a%2Fb/c?q=1&q=2"
    for answer in (
        await running.ask(path, host="my-worker.localhost"),
        await running.ask(path, host="My_Worker.LOCALHOST"),
        await running.ask(f"/workers/my_worker{path}"),
        await running.ask(f"/workers/My-Worker{path}"),
    ):
        assert answer.json()["url"] == expected
        assert ["host", f"my-worker.localhost:{running.port}"] in answer.json()["headers"]
    assert (await running.ask("/workers/my-worker")).json()["url"] == f"http://my-worker.localhost:{running.port}/"
    assert (await running.ask("/workers/my-worker?a")).json()["url"] == f"http://my-worker.localhost:{running.port}/?a"


async def test_the_port_of_a_worker_asks_for_its_own_port_in_host(serve) -> None:
    running = await serve({"worker_ports": {"echo": 0}}, echo=echo)
    own = running.server.worker_ports["echo"]
    assert (await running.ask("/", host=f"localhost:{running.port}", port=own)).status == 403
    assert (await running.ask("/", host=f"localhost:{own}")).status == 403


async def test_unknown_workers_are_404_with_a_hint(serve) -> None:
    running = await serve(echo=echo)
    for answer in (await running.ask("/", host="nobody.localhost"), await running.ask("/workers/nobody/")):
        assert answer.status == 404
        assert answer.json()["error"]["code"] == "not_found"
        assert answer.json()["error"]["hint"]


async def test_names_that_are_no_names_are_our_own_routes(serve) -> None:
    running = await serve(echo=echo)
    assert (await running.ask("/workers/../api/x")).status == 400
    assert (await running.ask("/workers/%2e%2e/api/x")).status == 400
    assert (await running.ask("/workers/")).json()["url"] == f"http://localhost:{running.port}/workers/"


async def test_the_orchestrator_gets_the_rest(serve) -> None:
    running = await serve(echo=echo)
    answer = await running.ask("/api/executions?x=1", method="POST", body=b"{}")
    assert answer.json() == {"method": "POST", "url": f"http://localhost:{running.port}/api/executions?x=1"}
    assert answer.get("x-content-type-options") == "nosniff"


@pytest.mark.parametrize(
    "path", ["/api/../x", "/api/%2e%2e/x", "/a\\b", "/a%5cb", "/a%00b", "/a%2fb", "/" + "a" * 2048]
)
async def test_bad_paths_of_our_own_routes_are_400_and_a_worker_gets_them(serve, path: str) -> None:
    running = await serve(echo=echo)
    assert (await running.ask(path)).status == 400
    assert (await running.ask(path, host="echo.localhost")).status == 200
    assert (await running.ask(f"/workers/echo{path}")).status == 200


async def test_a_worker_gets_urls_up_to_16_kb(serve) -> None:
    running = await serve(echo=echo)
    assert (await running.ask("/" + "a" * 16_000, host="echo.localhost")).status == 200
    for size in (16_385, 17_000, 30_000, 200_000):
        answer = await running.ask("/" + "a" * size, host="echo.localhost")
        assert answer.status == 400
        assert answer.json()["success"] is False


async def test_foreign_origins_change_nothing(serve) -> None:
    running = await serve(echo=echo)
    ours = f"http://localhost:{running.port}"
    for origin in (
        "null",
        "http://evil.com",
        "http://localhost:1",
        ours.replace("http", "https"),
        f"http://echo.localhost:{running.port}",
    ):
        answer = await running.ask("/api/executions", method="POST", headers={"Origin": origin}, body=b"{}")
        assert answer.status == 403
        assert answer.get("access-control-allow-origin") is None
        answer = await running.ask("/api/executions/x/events", headers={"Origin": origin})
        assert answer.status == 403
        # A worker does its own CORS.
        answer = await running.ask("/", method="POST", host="echo.localhost", headers={"Origin": origin}, body=b"{}")
        assert answer.status == 200
        assert answer.get("access-control-allow-origin") is None
    assert (await running.ask("/api/executions", method="POST", headers={"Origin": ours}, body=b"{}")).status == 200
    assert (await running.ask("/api/executions", method="OPTIONS", headers={"Origin": "http://evil.com"})).get(
        "access-control-allow-origin"
    ) is None


async def test_a_workers_page_under_our_origin_is_sandboxed(serve) -> None:
    async def page(request):
        return make_response(
            "<p>hi",
            headers={
                "content-type": "text/html",
                "content-security-policy": "default-src *",
                "x-content-type-options": "own",
            },
        )

    running = await serve(page=page)
    below = await running.ask("/workers/page/")
    assert "sandbox" in below.all("content-security-policy")
    own = await running.ask("/", host="page.localhost")
    assert own.all("content-security-policy") == ["default-src *"]
    assert own.all("x-content-type-options") == ["own"]


async def test_our_own_pages_have_a_policy(serve) -> None:
    running = await serve(echo=echo)
    for path in ("/", "/page"):
        answer = await running.ask(path)
        policy = answer.get("content-security-policy") or ""
        assert "frame-ancestors 'none'" in policy and "script-src" not in policy and "default-src 'none'" in policy
        assert answer.get("x-content-type-options") == "nosniff"
    assert (await running.ask("/", method="HEAD")).status == 200


async def test_cloudflares_headers(serve) -> None:
    async def shown(request):
        return json_response({"cf": request.cf.colo, "pairs": header_pairs(request)})

    running = await serve(shown=shown)
    answer = await running.ask(
        "/",
        host="shown.localhost",
        headers={"CF-Connecting-IP": "6.6.6.6", "X-A": "1", "Connection": "close", "TE": "x"},
    )
    pairs = [tuple(pair) for pair in answer.json()["pairs"]]
    assert answer.json()["cf"] == "DFW"
    assert [value for name, value in pairs if name == "cf-connecting-ip"] == ["127.0.0.1"]
    assert ("x-a", "1") in pairs
    assert not {"connection", "te"} & {name for name, _ in pairs}


async def test_every_request_is_an_event(serve) -> None:
    running = await serve(echo=echo)
    await running.ask("/x", host="echo.localhost")
    await running.ask("/", host="evil.com")
    (kind, first), (_, second) = running.events
    assert kind == "request"
    assert (first["worker"], first["status"], first["method"], first["stale"]) == ("echo", 200, "GET", False)
    assert first["url"] == f"http://echo.localhost:{running.port}/x"
    assert first["bytes"] > 0 and first["ms"] >= 0
    assert (second["worker"], second["status"]) == (None, 403)
