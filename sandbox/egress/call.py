"""One hop of a worker's outbound call, and the hop that follows a redirect."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.credentials import shown_url
from sandbox.egress.counting import Body, Counted
from sandbox.runtime import exchange
from sandbox.runtime.redirects import follow, parse
from sandbox.runtime.trace import Trace, current_trace, trace_headers
from sandbox.runtime.values import throw
from sandbox.runtime.web import Request
from sandbox.runtime.web.url import normalize_url


@dataclass(slots=True)
class Call:
    """One hop of a worker's fetch. Header names are lower case."""

    worker: str
    method: str
    url: str
    headers: list[tuple[str, str]]
    body: Body
    outside: bool = False
    """A server of the open internet has redirected here."""
    by: str = ""
    """Who answers: `orchestrator`, `worker:NAME`, `external`, `folder`, `upstream`, `network`, `refused`, or what an
    interceptor that answers by itself calls itself."""
    trace: Trace | None = field(default_factory=current_trace.get)
    """The span of the worker's fetch: told to whoever is called, unless the worker says a `traceparent` of its own."""

    @classmethod
    def of(cls, worker: str, url: str, request: Request) -> Call:
        """A request's method, headers and body (which is used up) on their way to `url`."""
        body = exchange.take_body(request)
        if body is not None and not isinstance(body, bytes):
            body = Counted(aiter(body))
        return cls(worker, str(request.method), url, exchange.header_pairs(request), body)

    @property
    def sent(self) -> int:
        """Bytes of the body that went out so far."""
        return self.body.count if isinstance(self.body, Counted) else len(self.body or b"")  # type: ignore[arg-type]

    @property
    def shown(self) -> str:
        """The address as errors and events say it, without credentials."""
        return shown_url(self.url)

    def header(self, name: str) -> str | None:
        """The first value of a header (lower case), or None."""
        return next((value for given, value in self.headers if given == name), None)

    def traced(self) -> list[tuple[str, str]]:
        """The headers as they go out."""
        return self.headers if self.trace is None else self.headers + trace_headers(self.trace, self.headers)

    def request(self) -> Request:
        """The request as another worker, or we ourselves, get to see it."""
        host = parse(self.url).origin.partition("://")[2]
        headers = [("host", host), *(pair for pair in self.traced() if pair[0] != "host")]
        body = None if self.method in ("GET", "HEAD") else self.body
        return exchange.incoming_request(self.method, self.url, headers, body)

    def after_redirect(self, status: int, location: str) -> Call:
        """The next hop. Raises JsException (TypeError) for one that cannot be taken."""
        try:
            following = follow(self.url, self.method, self.headers, status, location)
        except ValueError as error:
            throw("TypeError", f"{self.shown} redirects to {shown_url(location)}: {error}")
        if following.keep_body and isinstance(self.body, Counted):
            throw("TypeError", f"{self.shown} redirects, but the request's body is a stream and cannot be sent again")
        url = normalize_url(following.url)
        if url is None:
            throw("TypeError", f"{self.shown} redirects to {shown_url(location)}, which is not a valid URL")
        body = self.body if following.keep_body else None
        return Call(self.worker, following.method, url, following.headers, body, self.outside)
