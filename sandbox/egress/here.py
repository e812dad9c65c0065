"""Which addresses are our own, or a registered worker's: they are reached whatever routes and mode say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from sandbox.egress.addresses import refusal
from sandbox.egress.routing import Registered
from sandbox.runtime.redirects import Address, parse

Urls = Callable[[], Mapping[str, str]]
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Here:
    """`worker_urls` and `external` as `Egress` has them, asked for each call: the same object means no change."""

    def __init__(self, worker_urls: Urls, external: Urls, orchestrator_url: str) -> None:
        self._worker_urls = worker_urls
        self._external_urls = external
        self._hosted_given: Mapping[str, str] = {}
        self._external_given: Mapping[str, str] = {}
        self._hosted = Registered({})
        self._external = Registered({})
        self._ports: tuple[Registered, Registered, int, frozenset[int]] | None = None
        self.moved(orchestrator_url)

    def moved(self, orchestrator_url: str) -> None:
        """Our own address has changed (a port became known)."""
        address = parse(orchestrator_url)
        spellings = (parse(f"{address.scheme}://{host}:{address.port}").origin for host in _LOOPBACK)
        self.port = address.port
        self._own = frozenset({address.origin, *spellings})

    @property
    def hosted(self) -> Registered:
        """The hosted workers' URLs."""
        given = self._worker_urls()
        if given is not self._hosted_given:
            self._hosted_given, self._hosted = given, Registered(given)
        return self._hosted

    @property
    def external(self) -> Registered:
        """The URLs of workers that are reached over HTTP."""
        given = self._external_urls()
        if given is not self._external_given:
            self._external_given, self._external = given, Registered(given)
        return self._external

    def local_ports(self, *, refresh: bool) -> frozenset[int]:
        """The ports of this machine that are reached in every mode: ours, the workers', external ones here. Only the
        loop's thread may `refresh` them: they are known from tables that belong to it."""
        known = self._ports
        if not refresh:
            return frozenset({self.port}) if known is None else known[3]
        hosted, external = self.hosted, self.external
        if known is None or known[0] is not hosted or known[1] is not external or known[2] != self.port:
            found = {self.port}
            for url in (*hosted.source, *external.source):
                with suppress(ValueError):
                    address = parse(url)
                    if self.is_this_machine(address):
                        found.add(address.port)
            known = self._ports = hosted, external, self.port, frozenset(found)
        return known[3]

    def is_own(self, address: Address) -> bool:
        """Whether it is the orchestrator's, under any spelling of this machine."""
        return address.origin in self._own

    def is_this_machine(self, address: Address) -> bool:
        """Whether it names this machine or us, as far as that can be said without asking a name server."""
        host = address.host
        return (
            address.origin in self._own
            or host == "localhost"
            or host.endswith(".localhost")
            or refusal(host) == "loopback"
        )
