"""The object worker code sees as `env.ASSETS`."""

from __future__ import annotations

from typing import Any

from sandbox.bindings.assets.server import AssetServer
from sandbox.runtime.exchange import header, mark_fetched, new_request
from sandbox.runtime.redirects import MAX_REDIRECTS, REDIRECTS
from sandbox.runtime.values import HostObject, js_method, jsnull
from sandbox.runtime.web import Request, Response


class Assets(HostObject):
    """`fetch` asks the assets alone, never the worker; the host of the URL plays no part."""

    js_name = "Fetcher"

    def __init__(self, server: AssetServer) -> None:
        self._server = server

    @js_method(task=True)
    async def fetch(self, resource: Any, init: Any) -> Response:
        """The asset's answer; redirects are followed unless the request says otherwise."""
        plain = isinstance(resource, Request) and (init is None or init is jsnull)
        request = resource if plain else Request(resource, init)
        response = await self._server.answer(request)
        redirected = False
        for _ in range(MAX_REDIRECTS):
            location = header(response, "location")
            if response.status not in REDIRECTS or location is None or request.redirect != "follow":
                break
            if not location.startswith("/"):
                break  # another host is not for the assets to answer
            origin = "/".join(request.url.split("/")[:3])
            request = new_request(origin + location, method=request.method)
            response, redirected = await self._server.answer(request), True
        return mark_fetched(response, url=request.url, redirected=redirected)
