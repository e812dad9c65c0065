"""Static assets through a running sandbox."""

from __future__ import annotations

import asyncio

import aiohttp

CODE = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if "?ask=" in request.url:
            answer = await self.env.ASSETS.fetch("https://any.host/" + request.url.split("?ask=")[1])
            return Response((await answer.text()).upper(), status=answer.status)
        return Response("worker")
"""
ASSETS = '[assets]\ndirectory = "public"\nbinding = "ASSETS"\n'


def put(folder, files):
    for name, text in files.items():
        path = folder / "public" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def asker(sandbox, worker, session):
    async def ask(method, path, **headers):
        url = f"http://127.0.0.1:{sandbox.port}{path}"
        host = {"Host": f"{worker}.localhost:{sandbox.port}", **headers}
        async with session.request(method, url, headers=host, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers

    return ask


async def test_files_come_first_and_the_worker_gets_the_rest(worker, start):
    folder = worker("site", CODE, extra=ASSETS)
    put(folder, {"index.html": "<h1>hi</h1>", "style.css": "a{}"})
    sandbox = await start()
    async with aiohttp.ClientSession() as session:
        ask = asker(sandbox, "site", session)
        status, text, headers = await ask("GET", "/")
        assert (status, text) == (200, "<h1>hi</h1>")
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["cache-control"] == "public, max-age=0, must-revalidate"
        again = await ask("GET", "/", **{"If-None-Match": headers["etag"]})
        assert again[:2] == (304, "") and again[2]["etag"] == headers["etag"]
        status, text, headers = await ask("HEAD", "/style.css")
        assert (status, text, headers["content-length"]) == (200, "", "3")
        assert (await ask("POST", "/style.css"))[0] == 405
        assert (await ask("GET", "/style.css", Range="bytes=0-0"))[:2] == (200, "a{}")
        assert (await ask("GET", "/other"))[:2] == (200, "worker")
        assert (await ask("GET", "/x?ask=style.css"))[:2] == (200, "A{}")
        assert (await ask("GET", "/x?ask=index.html"))[:2] == (200, "<H1>HI</H1>")  # the redirect is followed
        assert (await ask("GET", "/x?ask=nope"))[:2] == (404, "")


async def test_what_is_saved_is_served_at_once(worker, start):
    folder = worker("site", CODE, extra=ASSETS)
    put(folder, {"a.txt": "one"})
    sandbox = await start()
    async with aiohttp.ClientSession() as session:
        ask = asker(sandbox, "site", session)
        first = await ask("GET", "/a.txt")
        put(folder, {"a.txt": "longer", "new.txt": "new", "_redirects": "/old /new.txt 301\n"})
        second = await ask("GET", "/a.txt")
        assert (first[1], second[1]) == ("one", "longer") and first[2]["etag"] != second[2]["etag"]
        assert (await ask("GET", "/new.txt"))[1] == "new"
        assert (await ask("GET", "/old"))[2]["location"] == "/new.txt"
        (folder / "public/new.txt").unlink()
        (folder / "public/.assetsignore").write_text("*.txt\n!a.txt\n")
        assert (await ask("GET", "/new.txt"))[1] == "worker"
        put(folder, {"b.txt": "b"})
        assert (await ask("GET", "/b.txt"))[1] == "worker"
        assert (await ask("GET", "/a.txt"))[1] == "longer"


async def test_nothing_outside_the_folder_is_served(worker, start, tmp_path):
    folder = worker("site", CODE, extra=ASSETS)
    put(
        folder, {"a.txt": "one", ".dev.vars": "KEY=secret", "sub/.env.local": "KEY=secret", "_headers": "/*\n X-A: b\n"}
    )
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "public/link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "public/loop").symlink_to(folder / "public/loop")
    (folder / "public/folder").symlink_to(tmp_path)
    (folder / "public/inside.txt").symlink_to(folder / "public/a.txt")
    (folder / "public/vars.txt").symlink_to(folder / "public/.dev.vars")
    sandbox = await start()
    paths = """/../secret.txt /..%2f..%2f..%2fsecret.txt /%2e%2e/secret.txt /sub/..%2fa.txt /..%5c..%5csecret.txt /link.txt
        /folder/secret.txt /loop /loop/x /.dev.vars /sub/.env.local /vars.txt /_headers /a.txt%00 /a.txt/ /a.txt/x
        /%2fetc/passwd //etc/passwd /.%2fa.txt"""
    async with aiohttp.ClientSession() as session:
        for path in paths.split():
            reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: site.localhost:{sandbox.port}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = await reader.read()
            writer.close()
            assert b"secret" not in answer and b"root:" not in answer, path
            assert answer.endswith(b"worker"), (path, answer)
        assert (await asker(sandbox, "site", session)("GET", "/inside.txt"))[1] == "one"


async def test_a_worker_of_assets_alone(worker, start, tmp_path):
    folder = tmp_path / "workers" / "static"
    put(folder, {"index.html": "root", "404.html": "gone", "_headers": "/*\n  X-Frame-Options: DENY\n"})
    (folder / "wrangler.json").write_text(
        '{"name": "static", "compatibility_date": "2026-11-01",'
        ' "assets": {"directory": "./public", "not_found_handling": "404-page"}}'
    )
    worker("asking", CODE.replace("ASSETS", "SITE"), extra='[[services]]\nbinding = "SITE"\nservice = "static"\n')
    sandbox = await start()
    async with aiohttp.ClientSession() as session:
        ask = asker(sandbox, "static", session)
        status, text, headers = await ask("GET", "/")
        assert (status, text, headers["x-frame-options"]) == (200, "root", "DENY")
        assert (await ask("GET", "/nope"))[:2] == (404, "gone")
        assert (await asker(sandbox, "asking", session)("GET", "/x?ask="))[:2] == (200, "ROOT")
        async with session.get(f"{sandbox.address}/health") as answer:
            assert (await answer.json())["workers"]["static"]["status"] == "up"
    await sandbox.workers.reload("static")
    assert sandbox.workers.status("static").error is None
