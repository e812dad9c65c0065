"""What the JavaScript worker of the `python-rpc` project does, over the same RPC: its entrypoint, and its own calls.

There is no JavaScript here, so its side is spoken in JavaScript values: strings, `JsObject`, `jsnull`, stubs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.runtime.values import JsArray, JsMap, JsObject, JsRpcStub, jsnull, structured_clone
from sandbox.runtime.web import Request, Response


class JsWorker:
    """Implements the RPC of `Invoke` with the methods of the entrypoint `JsRpcTester`."""

    async def rpc(self, worker: str, method: str, args: list[Any], **where: Any) -> Any:
        assert (worker, where["entrypoint"]) == ("js", "JsRpcTester")
        return structured_clone(await getattr(self, f"call_{method}")(*args))

    async def call_noArgs(self) -> str:
        return "hello from js"

    async def call_oneArg(self, value: Any) -> str:
        assert isinstance(value, int)
        return f"{value}"

    async def call_identity(self, value: Any) -> Any:
        return value

    async def call_handleResponse(self, response: Any) -> Any:
        assert response.constructor.name == "Response"
        return response

    async def call_handleRequest(self, request: Any) -> Any:
        assert request.constructor.name == "Request"
        return request

    async def call_newCounter(self) -> Callable[..., int]:
        value = 0

        def add(amount: int = 0) -> int:
            nonlocal value
            value += amount
            return value

        return add

    async def call_useCounter(self, counter: Any) -> Any:
        assert isinstance(counter, JsRpcStub)
        return await counter(10)

    @staticmethod
    async def drive(python: Any) -> None:
        """The JavaScript worker's own `test`: calls of the Python entrypoint from outside of Python."""
        for value in (1, "test", 42, 1.2345, False, True):
            answer = await python.identity(value)
            assert (type(answer), answer) == (type(value), value)
        assert list(await python.identity(JsArray([1, 2, 3]))) == [1, 2, 3]

        from_map = await python.identity(JsMap([["key", 42]]))
        assert type(from_map) is JsObject and from_map.key == 42

        assert await python.supports_jsnull() is True
        assert await python.identity(jsnull) is jsnull
        assert await python.identity(None) is jsnull
        nested = await python.identity(JsObject({"a": 1, "b": jsnull, "c": JsObject({"d": jsnull})}))
        assert nested.a == 1 and nested.b is jsnull and nested.c.d is jsnull

        response = await python.handle_response(Response("this is a response"))
        assert type(response) is Response and await response.text() == "this is a response"
        request = await python.handle_request(Request("https://test.com", JsObject({"method": "POST"})))
        assert type(request) is Request and request.method == "POST"

        counter = await python.new_counter()
        assert [await counter(2), await counter(1), await counter(-5)] == [2, 3, -2]
        assert await python.use_counter(await python.new_counter()) == 10
