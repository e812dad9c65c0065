"""Micro-benchmarks inside a worker: each path repeats one thing `n` times; the time is taken outside.

The paths are those of the peers' own worker, so that either can be asked by `kv_hops.py`.
"""

import asyncio
import re

from workers import Response, WorkerEntrypoint

VALUE = "v" * 100
AT_ONCE = 100


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        _, path, query = re.match(r"https?://([^/]+)(/[^?]*)\??(.*)", request.url).groups()
        given = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
        if path == "/":
            return Response("hello a v0\n")
        task = TASKS.get(path)
        if task is None:
            return Response("no such benchmark", status=404)
        return Response.from_json(await task(self.env, int(given.get("n", 2000)), given.get("run", "r")))


async def noop(env, n, run):
    return {"ok": 1}


async def seed(env, n, run):
    await env.KV.put("hot", VALUE)
    return {"ok": 1}


async def get_one_by_one(env, n, run):
    right = 0
    for _ in range(n):
        right += await env.KV.get("hot") == VALUE
    return {"ok": right}


async def get_together(env, n, run):
    right = 0
    for _ in range(n // AT_ONCE):
        right += (await asyncio.gather(*[env.KV.get("hot") for _ in range(AT_ONCE)])).count(VALUE)
    return {"ok": right}


async def put_one_by_one(env, n, run):
    for at in range(n):
        await env.KV.put(f"one-{run}-{at}", VALUE)
    return {"ok": n}


async def put_together(env, n, run, name="many-{run}-{at}"):
    for first in range(0, n, AT_ONCE):
        await asyncio.gather(*[env.KV.put(name.format(run=run, at=at), VALUE) for at in range(first, first + AT_ONCE)])
    return {"ok": n}


async def seed_list(env, n, run):
    return await put_together(env, n, run, "l-{at:06d}")


async def list_keys(env, n, run):
    page = await env.KV.list(prefix="l-", limit=1000)
    return {"ok": len(page["keys"]), "complete": page["list_complete"]}


async def hop(env, n, run):
    right = 0
    for _ in range(n):
        answer = await env.B.fetch("http://b/")
        right += (await answer.text()).startswith("hello b")
    return {"ok": right}


async def hop_all(env, n, run):
    return {"out": [(await (await getattr(env, name).fetch("http://x/")).text()).strip() for name in "BCDEF"]}


TASKS = {
    "/noop": noop,
    "/seed": seed,
    "/get_seq": get_one_by_one,
    "/get_conc": get_together,
    "/put_seq": put_one_by_one,
    "/put_conc": put_together,
    "/seed_list": seed_list,
    "/list": list_keys,
    "/hop_seq": hop,
    "/hop_all": hop_all,
}
