"""`WebSocketPair`: two connected ends in one process; and `WebSocket`, which here cannot reach the network."""

from __future__ import annotations

import asyncio
from typing import Any

from sandbox.runtime.values import ArrayBuffer, HostObject, bytes_of, js_method, js_str, throw, to_integer
from sandbox.runtime.web.abort import Event, EventTarget
from sandbox.runtime.web.blob import Blob

_CONNECTING, _OPEN, _CLOSING, _CLOSED = range(4)


class MessageEvent(Event):
    """`message`: `data` is text, an ArrayBuffer or a Blob."""

    def __init__(self, type: Any = None, init: Any = None, *_: Any) -> None:
        super().__init__(type, init)
        self.data: Any = getattr(init, "data", None)


class CloseEvent(Event):
    """`close`: `code`, `reason`, `wasClean`."""

    def __init__(self, type: Any = None, init: Any = None, *_: Any) -> None:
        super().__init__(type, init)
        self.code: int = getattr(init, "code", 0)
        self.reason: str = getattr(init, "reason", "")
        self.wasClean = bool(getattr(init, "wasClean", True))


class WebSocket(EventTarget):
    """One end. Events arrive after `accept()`; what came before is kept until then."""

    _static_CONNECTING, _static_OPEN, _static_CLOSING, _static_CLOSED = range(4)

    def __init__(self, url: Any = None, *_: Any) -> None:
        super().__init__()
        self.url = js_str(url)
        self.readyState = _CONNECTING
        self.binaryType = "blob"
        self.protocol = self.extensions = ""
        self._peer: WebSocket | None = None
        self._accepted = False
        self._waiting: list[Event] = []

    @js_method
    def accept(self) -> None:
        self._accepted = True
        self.readyState = _OPEN
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            self._deliver(event)

    @js_method
    def send(self, message: Any) -> None:
        if self._peer is None or not self._accepted:
            throw("TypeError", "You must call accept() on this WebSocket before sending messages.")
        if self.readyState != _OPEN:
            throw("TypeError", "Can't call WebSocket send() after close().")
        data = bytes_of(message)
        event = MessageEvent("message")
        event.data = js_str(message) if data is None else data
        self._peer._deliver(event)

    @js_method
    def close(self, code: Any, reason: Any) -> None:
        if code is not None and not (
            to_integer(code) == 1000 or 3000 <= to_integer(code) <= 4999 or to_integer(code) in range(1001, 1015)
        ):
            throw("InvalidAccessError", "Invalid WebSocket close code.")
        if self.readyState in (_CLOSING, _CLOSED):
            return
        self.readyState = _CLOSING
        event = CloseEvent("close")
        event.code = 1005 if code is None else to_integer(code)
        event.reason = "" if reason is None else js_str(reason)
        if self._peer is not None:
            self._peer._deliver(event)

    def _deliver(self, event: Event) -> None:
        """Dispatch an event from the other end, in its order, once this end was accepted."""
        if not self._accepted:
            self._waiting.append(event)
            return
        asyncio.get_running_loop().call_soon(self._dispatch, event)

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, MessageEvent) and isinstance(event.data, bytes):
            event.data = (
                ArrayBuffer._over(event.data) if self.binaryType == "arraybuffer" else Blob._over(event.data, "")
            )
        if isinstance(event, CloseEvent):
            answered = self.readyState == _CLOSING
            self.readyState = _CLOSED
            if not answered and self._peer is not None and self._peer.readyState == _CLOSING:
                self._peer.readyState = _CLOSED
        self.dispatchEvent(event)


class WebSocketPair(HostObject):
    """`new WebSocketPair()`: an object with the two ends under `0` and `1`."""

    def __init__(self, *_: Any) -> None:
        ends = (WebSocket(""), WebSocket(""))
        ends[0]._peer, ends[1]._peer = ends[1], ends[0]
        self.__dict__.update({"0": ends[0], "1": ends[1]})
