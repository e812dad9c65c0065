"""What the source of a worker tells: one function per row, each giving line, message and remedy."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from sandbox.portability.scopes import FUNCTIONS, UNKNOWN
from sandbox.portability.source import Place, Source

Found = Iterator[tuple[str, int, str, str]]


def _names(module: str, names: str) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for name in names.split())


_LOOP = "asyncio.AbstractEventLoop"
# A whole module where the name ends with a dot.
_CHANCE = (
    "random.",
    "secrets.",
    "numpy.random.",
    "js.crypto.",
    "uuid.uuid1",
    "uuid.uuid4",
    "os.urandom",
    "os.getrandom",
)
_QUIET_CHANCE = frozenset({"random.SystemRandom", "secrets.compare_digest", "secrets.SystemRandom"})
_SEEDED = frozenset({"random.Random", "numpy.random.default_rng", "numpy.random.RandomState"})
"""What workerd lets a module do while it is imported, where a seed is given. Anything else of `random` it blocks, `seed` too."""
_REQUESTS = "get post put patch delete head options request"
_IO = (
    _names("workers", "fetch")
    | _names("js", "fetch")
    | _names("pyodide.http", "pyfetch open_url")
    | _names("urllib.request", "urlopen urlretrieve")
    | _names("requests", _REQUESTS)
    | _names("httpx", f"{_REQUESTS} stream")
)
_TASKS = (
    _names("asyncio", "run create_task ensure_future")
    | _names("js", "setTimeout setInterval")
    | _names(_LOOP, "call_later call_soon call_at create_task run_until_complete run_forever")
)
_THREADS = (
    _names("threading", "Thread Timer")
    | _names("_thread", "start_new_thread start_new")
    | _names("concurrent.futures", "ThreadPoolExecutor ProcessPoolExecutor InterpreterPoolExecutor")
    | _names("asyncio", "to_thread create_subprocess_exec create_subprocess_shell")
    | _names("subprocess", "run call check_call check_output Popen getoutput getstatusoutput")
    | _names("multiprocessing", "Process Pool Manager Queue SimpleQueue JoinableQueue Pipe")
    | _names("multiprocessing.pool", "Pool ThreadPool")
    | _names("os", "system popen fork forkpty posix_spawn posix_spawnp")
)
_SOCKETS = (
    _names(
        "socket", "socket create_connection create_server socketpair fromfd getaddrinfo gethostbyname gethostbyname_ex"
    )
    | _names("socket", "gethostbyaddr getnameinfo")
    | _names("asyncio", "open_connection start_server open_unix_connection start_unix_server")
    | _names(
        _LOOP, "create_connection create_server create_datagram_endpoint create_unix_connection create_unix_server"
    )
    | _names("http.client", "HTTPConnection HTTPSConnection")
    | _names("http.server", "HTTPServer ThreadingHTTPServer")
    | _names("socketserver", "TCPServer UDPServer ThreadingTCPServer ThreadingUDPServer")
    | _names("smtplib", "SMTP SMTP_SSL LMTP")
    | _names("ftplib", "FTP FTP_TLS")
    | _names("imaplib", "IMAP4 IMAP4_SSL")
    | _names("poplib", "POP3 POP3_SSL")
)
_SHARED = (
    _names("asyncio", "Lock Event Condition Semaphore BoundedSemaphore Queue Future Barrier")
    | _names("httpx", "AsyncClient Client")
    | _names("aiohttp", "ClientSession")
)
_SHELL = frozenset({"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.path.expandvars"})
_SETTING = ("setdefault", "update", "pop", "clear")
"""Methods of `os.environ` that write it: Django's `setdefault("DJANGO_SETTINGS_MODULE", ...)` works as it does here."""
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def at_import(source: Source) -> Found:
    for call, name, place in source.calls():
        if place.functions:
            continue
        if _draws(name, call):
            yield "import-randomness", call.lineno, f"{name}() while the module is imported", "Call it in a handler."
        elif name in _IO or name in _TASKS or _of_env(source, name):
            shown = name.replace(f"{_LOOP}.", "loop.")
            yield "import-io", call.lineno, f"{shown}() while the module is imported", "Call it in a handler."


def _draws(name: str, call: ast.Call) -> bool:
    if name in _QUIET_CHANCE or (name in _SEEDED and (call.args or call.keywords)):
        return False
    return any(name == one or (one.endswith(".") and name.startswith(one)) for one in _CHANCE)


def _of_env(source: Source, name: str) -> bool:
    """Whether it calls a binding of `env`; vars and secrets are text, whose methods do nothing that is forbidden."""
    parts = name.split(".")
    return parts[:2] == ["workers", "env"] and len(parts) > 3 and parts[2] not in source.plain


def threads(source: Source) -> Found:
    for call, name, _ in source.calls():
        executor = _is_loops(name, "run_in_executor")
        if name in _THREADS or executor:
            shown = "run_in_executor" if executor else name
            yield "threads", call.lineno, f"{shown}() needs a thread or a process", "Do it on the event loop."


def _is_loops(name: str, method: str) -> bool:
    """Whether it is that method of an event loop: one known to be one, or called so (`self._loop`)."""
    owner, _, last = name.rpartition(".")
    return last == method and (owner == _LOOP or (owner[:1] == UNKNOWN and owner.rpartition(".")[2].endswith("loop")))


def sockets(source: Source) -> Found:
    for call, name, _ in source.calls():
        if name in _SOCKETS:
            shown = name.replace(f"{_LOOP}.", "loop.")
            yield "sockets", call.lineno, f"{shown}() opens a socket", "Use fetch from workers, or httpx."


def tasks(source: Source) -> Found:
    for call, name, place in source.calls():
        dropped = place.around and isinstance(place.around[-1], ast.Expr)
        if place.functions and dropped and name in ("asyncio.create_task", "asyncio.ensure_future"):
            text = "nothing keeps this task past the response"
            yield "unawaited-task", call.lineno, text, "Await it, or hand it to self.ctx.waitUntil."


def shared(source: Source) -> Found:
    for call, name, place in source.calls():
        if not place.functions and name in _SHARED:
            text = f"{name} is kept in a global and used by several requests"
            yield "global-io", call.lineno, text, "Make one in each request."


def sleeps(source: Source) -> Found:
    for call, name, _ in source.calls():
        if name == "time.sleep":
            yield "time-sleep", call.lineno, "time.sleep blocks the event loop", "Use await asyncio.sleep."


def puts(source: Source) -> Found:
    for call, name, place in source.calls():
        parts = name.split(".")
        put = parts[-1] == "put" and parts[-3:-2] in (["env"], [f"{UNKNOWN}env"]) and parts[-2] not in source.plain
        constant = call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
        if put and constant and len(call.args) + len(call.keywords) > 1 and _in_loop(place.around):
            text = "puts one key again and again in a loop"
            yield "put-rate", call.lineno, text, "Put it once after the loop: a key takes one write a second."


def _in_loop(around: tuple[ast.AST, ...]) -> bool:
    for node in reversed(around):
        if isinstance(node, FUNCTIONS):
            return False
        if isinstance(node, _LOOPS):
            return True
    return False


def state(source: Source) -> Found:
    for place in source.places:
        node = place.node
        if place.functions and isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            owner = place.functions[-1]
            declared = {name for n in ast.walk(owner) if isinstance(n, ast.Global) for name in n.names}
            if node.target.id in declared:
                text = f"counts in the global {node.target.id}"
                yield "global-state", node.lineno, text, "Keep it in KV or another binding."


def environment(source: Source) -> Found:
    for place in source.places:
        node = place.node
        if not isinstance(node, (ast.Attribute, ast.Name)) or not isinstance(node.ctx, ast.Load):
            continue
        name = place.scope.dotted(node)
        if name in _SHELL and not _is_written(place):
            yield "os-environ", node.lineno, f"{name} is read", "Read a var or secret from self.env."


def _is_written(place: Place) -> bool:
    outer = place.around[-1]
    if isinstance(outer, ast.Subscript):
        return not isinstance(outer.ctx, ast.Load)
    return isinstance(outer, ast.Attribute) and outer.attr in _SETTING


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
