"""What the source of a worker tells: one function per row, each giving line, message and remedy."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from sandbox.portability.source import Source

Found = Iterator[tuple[str, int, str, str]]
_CHANCE = ("random.", "secrets.", "numpy.random.", "js.crypto.", "uuid.uuid1", "uuid.uuid4", "os.urandom")
_IO = ("workers.fetch", "js.fetch", "pyodide.http.", "urllib.request.urlopen", "requests.", "httpx.get", "httpx.post")
_TASKS = ("asyncio.run", "asyncio.create_task", "asyncio.ensure_future", "js.setTimeout", "js.setInterval")
_THREADS = (
    "threading.Thread",
    "threading.Timer",
    "concurrent.futures.ThreadPoolExecutor",
    "concurrent.futures.ProcessPoolExecutor",
    "asyncio.to_thread",
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    "subprocess.",
    "multiprocessing.",
    "os.system",
    "os.popen",
    "os.fork",
    "_thread.start_new_thread",
)
_SOCKETS = ("socket.", "asyncio.open_connection", "asyncio.start_server", "http.client.", "smtplib.", "ftplib.")
_SHARED = (
    *(f"asyncio.{name}" for name in "Lock Event Condition Semaphore BoundedSemaphore Queue Future Barrier".split()),
    "httpx.AsyncClient",
    "httpx.Client",
    "requests.Session",
    "aiohttp.ClientSession",
)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_QUIET_CHANCE = ("random.seed", "secrets.compare_digest")


def _is(name: str, names: tuple[str, ...]) -> bool:
    return any(name == one or (one.endswith(".") and name.startswith(one)) for one in names)


def at_import(source: Source) -> Found:
    for call, name, importing, _ in source.calls():
        if not importing:
            continue
        seeded = name == "random.Random" and call.args
        if _is(name, _CHANCE) and not _is(name, _QUIET_CHANCE) and not seeded:
            yield "import-randomness", call.lineno, f"{name}() while the module is imported", "Call it in a handler."
        elif _is(name, _IO) or _is(name, _TASKS) or name.startswith("workers.env."):
            yield "import-io", call.lineno, f"{name}() while the module is imported", "Call it in a handler."


def threads(source: Source) -> Found:
    for call, name, _, _ in source.calls():
        executor = isinstance(call.func, ast.Attribute) and call.func.attr == "run_in_executor"
        if _is(name, _THREADS) or executor:
            shown = "run_in_executor" if executor else name
            yield "threads", call.lineno, f"{shown}() needs a thread or a process", "Do it on the event loop."


def sockets(source: Source) -> Found:
    for call, name, _, _ in source.calls():
        if _is(name, _SOCKETS):
            yield "sockets", call.lineno, f"{name}() opens a socket", "Use fetch from workers, or httpx."


def tasks(source: Source) -> Found:
    for call, name, importing, around in source.calls():
        dropped = around and isinstance(around[-1], ast.Expr)
        if not importing and dropped and name in ("asyncio.create_task", "asyncio.ensure_future"):
            text = "nothing keeps this task past the response"
            yield "unawaited-task", call.lineno, text, "Await it, or hand it to self.ctx.waitUntil."


def shared(source: Source) -> Found:
    for call, name, importing, _ in source.calls():
        if importing and _is(name, _SHARED):
            text = f"{name} is kept in a global and used by several requests"
            yield "global-io", call.lineno, text, "Make one in each request."


def sleeps(source: Source) -> Found:
    for call, name, _, _ in source.calls():
        if name == "time.sleep":
            yield "time-sleep", call.lineno, "time.sleep blocks the event loop", "Use await asyncio.sleep."


def puts(source: Source) -> Found:
    for call, _, _, around in source.calls():
        put = isinstance(call.func, ast.Attribute) and call.func.attr == "put"
        constant = call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
        if put and constant and len(call.args) + len(call.keywords) > 1 and _in_loop(around):
            text = "puts one key again and again in a loop"
            yield "put-rate", call.lineno, text, "Put it once after the loop: a key takes one write a second."


def _in_loop(around: tuple[ast.AST, ...]) -> bool:
    for node in reversed(around):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return False
        if isinstance(node, _LOOPS):
            return True
    return False


def state(source: Source) -> Found:
    for node, functions, _ in source.nodes:
        if functions and isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            owner = functions[-1]
            declared = {name for n in ast.walk(owner) if isinstance(n, ast.Global) for name in n.names}
            if node.target.id in declared:
                text = f"counts in the global {node.target.id}"
                yield "global-state", node.lineno, text, "Keep it in KV or another binding."


def environment(source: Source) -> Found:
    for node, _, _ in source.nodes:
        if isinstance(node, (ast.Attribute, ast.Name)) and isinstance(getattr(node, "ctx", None), ast.Load):
            name = source.dotted(node)
            if name in ("os.environ", "os.getenv"):
                yield "os-environ", node.lineno, f"{name} is read", "Read a var or secret from self.env."


ROWS: tuple[Callable[[Source], Found], ...] = (
    at_import,
    threads,
    sockets,
    tasks,
    shared,
    sleeps,
    puts,
    state,
    environment,
)
