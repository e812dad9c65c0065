"""`pyodide.http`: `pyfetch` and the response class the SDK builds on."""

from __future__ import annotations

import json
from typing import Any

from sandbox.runtime.modules.fetch import js_fetch
from sandbox.runtime.values import JsException, JsObject, JsPromise, to_js
from sandbox.runtime.web.abort import AbortController
from sandbox.runtime.web.response import Response


class HttpStatusError(OSError):
    """`raise_for_status` of a 4xx or 5xx response."""

    def __init__(self, status: int, status_text: str, url: str) -> None:
        self.status, self.status_text, self.url = status, status_text, url
        kind = "Client" if status < 500 else "Server"
        super().__init__(f"{status} {kind} Error: {status_text} for url: {url}")


class BodyUsedError(OSError):
    def __init__(self, *_: Any) -> None:
        super().__init__("Body already used")


class AbortError(OSError):
    def __init__(self, reason: Any = None) -> None:
        super().__init__("Request aborted" if reason is None else str(reason))


class FetchResponse:
    """A fetched response with Python's manners: bytes, text, JSON as Python values."""

    def __init__(self, url: str, js_response: Response, abort_controller: Any = None, abort_signal: Any = None) -> None:
        self._url = url
        self.js_response = js_response
        self.abort_controller = abort_controller
        self.abort_signal = abort_signal

    @property
    def body_used(self) -> bool:
        return self.js_response.bodyUsed

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.js_response.headers._pairs())

    @property
    def ok(self) -> bool:
        return self.js_response.ok

    @property
    def redirected(self) -> bool:
        return self.js_response.redirected

    @property
    def status(self) -> int:
        return self.js_response.status

    @property
    def status_text(self) -> str:
        return self.js_response.statusText

    @property
    def type(self) -> str:
        return self.js_response.type

    @property
    def url(self) -> str:
        return self.js_response.url

    def _raise_if_failed(self) -> None:
        if self.abort_signal is not None and self.abort_signal.aborted:
            raise AbortError(self.abort_signal.reason)
        if self.js_response.bodyUsed:
            raise BodyUsedError

    def raise_for_status(self) -> None:
        if 400 <= self.status < 600:
            raise HttpStatusError(self.status, self.status_text, self.url)

    def abort(self, reason: Any = None) -> None:
        if self.abort_controller is None:
            raise ValueError("abort() needs a response that pyfetch() returned")
        self.abort_controller.abort(reason)

    def clone(self) -> FetchResponse:
        if self.js_response.bodyUsed:
            raise BodyUsedError
        return type(self)(self._url, self.js_response.clone(), self.abort_controller, self.abort_signal)

    async def _read(self, promise: JsPromise) -> Any:
        try:
            return await promise
        except JsException as error:
            raise _as_python(error) from error

    async def buffer(self) -> Any:
        self._raise_if_failed()
        return await self._read(self.js_response.arrayBuffer())

    async def text(self) -> str:
        self._raise_if_failed()
        return str(await self._read(self.js_response.text()))

    async def string(self) -> str:
        return await self.text()

    async def json(self, **kwargs: Any) -> Any:
        self._raise_if_failed()
        return json.loads(await self.text(), **kwargs)

    async def memoryview(self) -> memoryview:
        self._raise_if_failed()
        view: memoryview = (await self.buffer()).to_memoryview()
        return view

    async def bytes(self) -> bytes:
        self._raise_if_failed()
        data: bytes = (await self.buffer()).to_bytes()
        return data


async def pyfetch(request: Any, /, *, signal: Any = None, fetcher: Any = None, **kwargs: Any) -> FetchResponse:
    """Fetch a URL or a js.Request; the keyword arguments are the options of JavaScript's `fetch`.

    Raises AbortError where `signal` aborted it, OSError where the fetch failed.
    """
    controller = AbortController()
    if signal is not None:
        controller._follow(signal)
    kwargs["signal"] = controller.signal
    options = to_js(kwargs, dict_converter=JsObject.constructor.fromEntries)
    try:
        response = await (js_fetch if fetcher is None else fetcher)(request, options)
    except JsException as error:
        raise _as_python(error) from error
    url = request if isinstance(request, str) else getattr(request, "url", "")
    return FetchResponse(url, response, controller, controller.signal)


def _as_python(error: JsException) -> OSError:
    return AbortError(error.message) if error.name == "AbortError" else OSError(error.message)


CONTENTS: dict[str, Any] = {
    "AbortError": AbortError,
    "BodyUsedError": BodyUsedError,
    "FetchResponse": FetchResponse,
    "HttpStatusError": HttpStatusError,
    "pyfetch": pyfetch,
}
