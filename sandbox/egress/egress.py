"""A worker's outbound calls: our own addresses first, then the routes, then the mode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp.abc import AbstractResolver

from sandbox.clock import Clock, SystemClock
from sandbox.config.models import EgressConfig, fold
from sandbox.credentials import shown_url
from sandbox.egress.addresses import refusal, way_there
from sandbox.egress.bodies import decoded
from sandbox.egress.call import Call
from sandbox.egress.client import Client, Refuse, Unreachable
from sandbox.egress.counting import close
from sandbox.egress.delivery import Delivery
from sandbox.egress.folder import Folder
from sandbox.egress.here import Here, Urls
from sandbox.egress.observing import Around, GoOn, Observer, observed, surrounded
from sandbox.egress.routing import Matched, Routes
from sandbox.egress.sockets import SocketRules
from sandbox.errors import ConnectionLost, SandboxError
from sandbox.portability.subrequests import Subrequest
from sandbox.runtime import exchange
from sandbox.runtime.context import one_more_hop
from sandbox.runtime.protocols import Emit, Invoke, silent
from sandbox.runtime.redirects import MAX_REDIRECTS, REDIRECTS, Address, parse
from sandbox.runtime.tape import on_tape
from sandbox.runtime.trace import hop
from sandbox.runtime.values import JsException, throw
from sandbox.runtime.web import Request, Response

if TYPE_CHECKING:
    from sandbox.egress.cassettes.door import Cassettes


class Egress:
    """Implements `Outbound`. See QUALITY.md, row 9, for the rules of the open internet.

    `worker_urls()` maps every base URL by which a hosted worker is known (its registered URL, `http://label.localhost`
    with the port, a port of its own) to its name; `external()` the same for workers that are reached by URL.
    Where both name a URL the hosted worker wins. `orchestrator_url` is our own address; the same port on the other
    spellings of this machine counts too. `root` is the folder against which folders of routes are resolved.
    `observers` see every hop that has ended, `around` stands around each (see `observing`): both may be added to and
    removed from at any time.

    `root` is also where the folder of cassettes lies, and `redact` takes known secrets out of what is recorded.
    """

    def __init__(
        self,
        config: EgressConfig,
        *,
        root: Path,
        invoke: Invoke,
        worker_urls: Urls,
        orchestrator_url: str,
        orchestrator: Callable[[Request], Awaitable[Response]],
        external: Urls = dict,
        emit: Emit = silent,
        clock: Clock | None = None,
        refuse: Refuse = refusal,
        resolver: AbstractResolver | None = None,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._invoke = invoke
        self._here = Here(worker_urls, external, orchestrator_url)
        self._orchestrator = orchestrator
        self._delivery = Delivery(emit)
        self._clock = clock or SystemClock()
        self.observers: list[Observer] = []
        self.around: list[Around] = []
        self._redact = redact
        self._cassettes: Cassettes | None = None
        self._cassette_rules: object = None
        self._replaced: list[Cassettes] = []
        self.configure(config, root)
        self.sockets = SocketRules(self._here, lambda: self.mode, refuse, self._delivery.note_socket, root)
        self._open = Client(refuse, resolver)
        self._trusted = Client()

    def configure(self, config: EgressConfig, root: Path) -> None:
        """Take up a mode and routes; calls under way end by the old ones."""
        self.mode = config.mode
        self._routes = Routes(config.routes)
        self._folders = {
            route.match: Folder(root / route.folder) for route in config.routes if route.folder is not None
        }
        rules = (config.cassettes, config.scrub, config.match, root)
        if self.mode in ("record", "replay") and (self._cassettes is None or rules != self._cassette_rules):
            # YAML takes a while to import, and two of the four modes never need it.
            from sandbox.egress.cassettes.door import Cassettes

            if self._cassettes is not None:
                self._replaced.append(self._cassettes)
            self._cassettes = Cassettes(config, root, self._redact, self._delivery.written)
            self._cassette_rules = rules

    def moved(self, orchestrator_url: str) -> None:
        """Our own address has changed (a port became known)."""
        self._here.moved(orchestrator_url)

    def is_inside(self, url: str) -> bool:
        """Whether a URL is the orchestrator's or a hosted worker's own; a route to a worker is none of these."""
        try:
            address = parse(url)
        except ValueError:
            return False
        return self._here.is_own(address) or self._here.hosted.find(address) is not None

    async def close(self) -> None:
        """Finish what is being recorded, and close every connection."""
        for cassettes in (*self._replaced, *([self._cassettes] if self._cassettes else ())):
            await cassettes.close()
        await self._open.close()
        await self._trusted.close()

    async def fetch(self, worker: str, request: Request) -> Response:
        """A worker's `fetch`. A refusal and a failed connection are a TypeError in JavaScript's shape, which the SDK
        turns into an OSError. Redirects are followed as `request.redirect` says, each hop under the same rules."""
        with hop():
            return await self._follow(worker, request)

    async def _follow(self, worker: str, request: Request) -> Response:
        redirect = str(request.redirect)
        call = Call.of(worker, str(request.url), request)
        for number in range(MAX_REDIRECTS + 1):
            with Subrequest():
                response = await self._hop(call)
            location = exchange.header(response, "location") if response.status in REDIRECTS else None
            if location is None or redirect == "manual":
                response._url, response._redirected = call.url, number > 0
                return response
            await close(exchange.take_body(response))
            if redirect == "error":
                throw("TypeError", f"{call.shown} redirects to {shown_url(location)}, and redirect is 'error'")
            call = call.after_redirect(response.status, location)
        raise JsException("TypeError", f"too many redirects: more than {MAX_REDIRECTS}, the last to {call.shown}")

    async def send_external(self, url: str, request: Request, *, worker: str = "") -> Response:
        """Send a request's method, headers and body to `url`, where an external worker answers; no redirects.

        `worker` is who sends, for the event. Raises Unreachable; so does reading the body when the connection breaks.
        """
        call = Call.of(worker, url, request)
        try:
            status, headers, source = await self._delivery.send(self._trusted, call, "external")
        except Unreachable:
            self._delivery.note(call, 0, "external", 0)
            raise
        body = None if source is None else decoded(source, headers)
        return exchange.make_response(body, status=status, headers=headers)

    async def _hop(self, call: Call) -> Response:
        """One hop, seen by the observers, through what stands around it."""
        answer = self._surrounded if self.around else self._once
        return await (observed(call, self.observers, self._clock, answer) if self.observers else answer(call))

    async def _surrounded(self, call: Call) -> Response:
        passed_on: list[Call] = []

        async def go_on(changed: Call) -> Response:
            passed_on.append(changed)
            try:
                return await self._once(changed)
            finally:
                call.by = changed.by

        try:
            response = await surrounded(call, self.around, go_on)
        except JsException:
            if not passed_on:
                self._delivery.note(call, 0, call.by or "intercepted", 0)
            raise
        return response if passed_on else self._delivery.received(call, response, call.by or "intercepted")

    async def _once(self, call: Call) -> Response:
        """One hop by the rules: the first that matches answers."""
        try:
            address = parse(call.url)
        except ValueError:
            throw("TypeError", f"Invalid URL: {call.shown}")
        if address.scheme not in ("http", "https"):
            throw("TypeError", f"{call.shown}: only http and https can be fetched")
        here = self._here
        if call.outside and here.is_this_machine(address):
            self._delivery.note(call, 0, "refused", 0)
            throw("TypeError", f"fetch of {call.shown} refused: a server of the internet redirects to this machine")
        name = here.hosted.find(address)
        if name is not None:
            return await self._to_worker(call, name)
        if here.is_own(address):
            return await self._to_self(call, address)
        if here.external.find(address) is not None:
            return await self._delivery.over_http(self._trusted, call, "external")
        matched = self._routes.find(address)
        if matched is not None:
            return await self._by_route(call, address, matched)
        return await self._by_mode(call, address)

    async def _to_upstream(self, call: Call, url: str) -> Response:
        """Over HTTP as well, so recorded and replayed as the internet is. In replay one on this machine may be asked
        for what was not recorded: that needs no network."""

        async def send(call: Call) -> Response:
            call.by = "upstream"
            # a copy: the worker knows the address it asked for, and a redirect is relative to that
            return await self._delivery.over_http(self._trusted, replace(call, url=url), "upstream")

        if self._cassettes is None or self.mode in ("offline", "online"):
            return await send(call)
        if self.mode == "record":
            return await self._cassettes.record(call, self._clock, send)
        return await self._replayed(call, send if self._here.is_this_machine(parse(url)) else None)

    async def _by_mode(self, call: Call, address: Address) -> Response:
        """What nothing of ours answers: the open internet, or what stands for it."""
        if self.mode == "offline":
            self._delivery.note(call, 0, "refused", 0)
            if self._here.is_this_machine(address):  # which going online would not open
                way = way_there("loopback", address.origin)
                throw("TypeError", f"fetch of {call.shown} refused: workers may not reach this machine{way}")
            throw(
                "TypeError",
                f"fetch of {call.shown} refused: this sandbox is offline. Start it with `--egress online` to let workers "
                f'reach the internet, or route the address in sandbox.toml: [[egress.routes]] match = "{address.origin}'
                '/*" with folder = "..." or worker = "..."',
            )
        call.outside = True
        if self.mode == "replay":
            return await self._replayed(call)
        if self.mode == "record":
            assert self._cassettes is not None
            return await self._cassettes.record(call, self._clock, self._over_internet)
        return await self._over_internet(call)

    async def _replayed(self, call: Call, otherwise: GoOn | None = None) -> Response:
        assert self._cassettes is not None
        try:
            response = await self._cassettes.replay(call)
        except SandboxError as error:
            missed = f"fetch failed: {error.message}. To record it, {error.hint}"
        else:
            return self._delivery.received(call, response, "replay")
        if otherwise is None:
            self._delivery.note(call, 0, "replay", 0)
            throw("TypeError", missed)
        try:
            return await otherwise(call)
        except JsException:
            raise JsException("TypeError", f"{missed}. The upstream of its route does not answer either") from None

    async def _over_internet(self, call: Call) -> Response:
        return await self._delivery.over_http(self._open, call, "network")

    async def _to_self(self, call: Call, address: Address) -> Response:
        """Our own address: `/workers/<name>/...` goes to that worker as it does from outside, the rest is the API."""
        if address.path.startswith("/workers/"):
            given, _, rest = address.path.removeprefix("/workers/").partition("/")
            for base, name in self._here.hosted.source.items():
                if fold(name) == fold(given):
                    call.url = f"{parse(base).origin}/{rest}" + (f"?{address.query}" if address.query else "")
                    return await self._to_worker(call, name)
        try:
            response = await self._orchestrator(call.request())
        except SandboxError as error:
            response = exchange.json_response(error.as_json(), status=error.status)
        return self._delivery.received(call, response, "orchestrator")

    async def _to_worker(self, call: Call, name: str) -> Response:
        one_more_hop()
        try:
            response = await self._invoke.fetch(name, call.request())
        except ConnectionLost as error:
            self._delivery.note(call, 0, f"worker:{name}", 0)
            raise JsException("TypeError", f"fetch of {call.shown} failed: {error.message}") from error
        except SandboxError as error:
            # What a caller over the network would see of a failed worker: a response, no exception.
            response = exchange.json_response(error.as_json(), status=error.status)
        return self._delivery.received(call, response, f"worker:{name}")

    async def _by_route(self, call: Call, address: Address, matched: Matched) -> Response:
        route = matched.route
        if route.worker is not None:
            with on_tape(None):  # it stands for somebody outside: its answer is recorded, not its doings
                return await self._to_worker(call, route.worker)
        if route.upstream is not None:
            url = f"{route.upstream.rstrip('/')}/{matched.rest.lstrip('/')}"
            url += f"?{address.query}" if address.query and "?" not in route.match else ""
            return await self._to_upstream(call, url)
        served = await self._folders[route.match].serve(
            call.method, matched.rest, call.header("if-none-match"), call.header("if-modified-since")
        )
        response = exchange.make_response(served.body, status=served.status, headers=served.headers)
        return self._delivery.received(call, response, "folder")
