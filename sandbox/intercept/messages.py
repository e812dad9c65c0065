"""What passes a point as JSON that a person can read and change, and the way back. Pure but for the objects it makes.

Texts stand as they are; bytes that are no UTF-8 as `..._base64`. A body that is a stream is not shown and cannot be
changed. Tokens never appear.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.config.faults import HEADER_NAME
from sandbox.credentials import SHOWN_HEADERS
from sandbox.egress.call import Call
from sandbox.errors import UserError
from sandbox.handshake.messages import AcknowledgeRequest, HandshakeRequest, Message, ProcessRequest
from sandbox.handshake.schema import ProtocolError
from sandbox.intercept.edits import BadEdit, Wrong
from sandbox.runtime import exchange
from sandbox.runtime.protocols import KvOperation
from sandbox.runtime.web import Request
from sandbox.runtime.web.url import normalize_url

HIDDEN = "(not shown)"
_STEPS: Mapping[str, type[Message]] = {
    "handshake": HandshakeRequest,
    "process": ProcessRequest,
    "acknowledge": AcknowledgeRequest,
}
_STREAM = "(a stream)"


def step_message(body: bytes) -> dict[str, Any]:
    """The message of a protocol step as it is sent."""
    return dict(codec.loads(body))


def checked_step(step: str, body: bytes) -> Callable[[dict[str, Any]], bytes]:
    """Makes an edited message the body to send. Raises BadEdit where the protocol does not know it.

    `body` is the message as it was: with a wrong field put back the others are looked at too."""

    def check(message: dict[str, Any]) -> bytes:
        wrong, tried, before = Wrong(), dict(message), step_message(body)
        for _ in range(len(message) + len(before) + 1):
            try:
                _STEPS[step].parse(tried)
                break
            except ProtocolError as error:
                wrong.add(str(error.under("message")))
                name = re.split(r"[.\[]", error.path)[0]
                if tried.get(name, before) == before.get(name, before):
                    break  # it cannot be mended by what was there
                tried.pop(name, None)
                tried |= {name: before[name]} if name in before else {}
        wrong.end()
        try:
            return codec.dumps(message)
        except (ValueError, UserError) as error:
            raise BadEdit(f"message: {error}") from None

    return check


def request_message(request: Request) -> dict[str, Any]:
    """{method, url, headers, body}."""
    return {
        "method": str(request.method),
        "url": str(request.url),
        "headers": _headers_out(exchange.header_pairs(request)),
        **_body_out(request._body),
    }


def checked_request(request: Request) -> Callable[[dict[str, Any]], Request]:
    """Makes an edited message the request to send."""

    def check(message: dict[str, Any]) -> Request:
        wrong, as_before = Wrong(), _same_body(message, request._body)
        _only(message, wrong, "method", "url", "headers", "body", "body_base64")
        method, url = wrong.take(_text, message, "method"), wrong.take(_url, message)
        pairs = _headers_in(message, exchange.header_pairs(request), wrong)
        body = request._body if as_before else wrong.take(_body_in, message)
        wrong.end()
        assert method is not None and url is not None
        if body is not request._body:
            pairs = [pair for pair in pairs if pair[0] != "content-length"]
        made = exchange.incoming_request(method, url, pairs, body)
        made._cf, made._signal = request._cf, request._signal
        return made

    return check


def call_message(call: Call) -> dict[str, Any]:
    """{method, url, headers, body} of an outbound call."""
    return {"method": call.method, "url": call.url, "headers": _headers_out(call.headers), **_body_out(call.body)}


def checked_call(call: Call) -> Callable[[dict[str, Any]], None]:
    """Takes an edited message over into the call."""

    def check(message: dict[str, Any]) -> None:
        wrong, as_before = Wrong(), _same_body(message, call.body)
        _only(message, wrong, "method", "url", "headers", "body", "body_base64")
        method, url = wrong.take(_text, message, "method"), wrong.take(_url, message)
        pairs = _headers_in(message, call.headers, wrong)
        body = call.body if as_before else wrong.take(_body_in, message)
        wrong.end()
        assert method is not None and url is not None
        call.method, call.url, call.headers, call.body = method, url, pairs, body

    return check


def kv_message(operation: KvOperation) -> dict[str, Any]:
    """{operation, binding, namespace, key} and for a put {value, metadata, expiration, expiration_ttl}."""
    message: dict[str, Any] = {
        "operation": operation.name,
        "binding": operation.binding,
        "namespace": operation.namespace,
        "key": operation.keys[0] if len(operation.keys) == 1 else operation.keys,
    }
    if operation.name == "put":
        message |= _body_out(operation.value, "value")
        message["metadata"] = None if operation.metadata_json is None else json.loads(operation.metadata_json)
        message |= {"expiration": operation.expiration, "expiration_ttl": operation.expiration_ttl}
    return message


def checked_operation(operation: KvOperation) -> Callable[[dict[str, Any]], None]:
    """Takes an edited message over into the operation: its key, and all of what a put puts."""

    def check(message: dict[str, Any]) -> None:
        wrong, before = Wrong(), kv_message(operation)
        _only(message, wrong, *before, "value", "value_base64")
        for name in ("operation", "binding", "namespace"):
            if message.get(name, before[name]) != before[name]:
                wrong.add(f"message.{name}: cannot be changed here")
        key = message.get("key", before["key"])
        keys = key if isinstance(key, list) else [key]
        if len(keys) != len(operation.keys) or not all(isinstance(key, str) for key in keys):
            wrong.add(
                f"message.key: expected {'a text' if len(operation.keys) == 1 else 'as many texts as there were'}"
            )
        value, expiration, ttl, metadata = operation.value, None, None, None
        if operation.name == "put":
            if not _same_body(message, operation.value, "value"):
                value = wrong.take(_body_in, message, "value") or b""
            expiration, ttl = (wrong.take(_whole, message, name) for name in ("expiration", "expiration_ttl"))
            metadata = wrong.take(_json, message, "metadata")
        wrong.end()
        operation.keys, operation.value, operation.metadata_json = keys, value, metadata
        operation.expiration, operation.expiration_ttl = expiration, ttl

    return check


def _headers_out(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """By name; a repeated one's values as a list."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        value = HIDDEN if SHOWN_HEADERS.has(name) else value
        if name in found:
            before = found[name]
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[name] = value
    return found


def _headers_in(message: Mapping[str, Any], before: list[tuple[str, str]], wrong: Wrong) -> list[tuple[str, str]]:
    headers = message.get("headers")
    if not isinstance(headers, dict):
        wrong.add("message.headers: expected an object")
        return []
    pairs = []
    for name, given in headers.items():
        if HEADER_NAME.fullmatch(name) is None:
            wrong.add(f"message.headers.{name}: cannot be a header's name")
        for value in given if isinstance(given, list) else [given]:
            if not isinstance(value, str) or any(mark in value for mark in "\r\n\0"):
                wrong.add(f"message.headers.{name}: expected a text without line breaks")
                continue
            if value == HIDDEN:
                value = next((known for known_name, known in before if known_name == name.lower()), None)
            if value is not None:
                pairs.append((name.lower(), value))
    return pairs


def _body_out(body: Any, name: str = "body") -> dict[str, Any]:
    if body is None:
        return {name: None}
    if isinstance(body, str):
        return {name: body}
    if not isinstance(body, bytes | bytearray):
        return {name: _STREAM}
    try:
        return {name: bytes(body).decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(body).decode()}


def _same_body(message: Mapping[str, Any], body: Any, name: str = "body") -> bool:
    shown = _body_out(body, name)
    return {key: message[key] for key in (name, f"{name}_base64") if key in message} == shown


def _body_in(message: Mapping[str, Any], name: str = "body") -> bytes | None:
    encoded = message.get(f"{name}_base64")
    if encoded is not None:
        try:
            return base64.b64decode(encoded, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise BadEdit(f"message.{name}_base64: is no base64") from None
    body = message.get(name)
    if body is None:
        return None
    if not isinstance(body, str):
        raise BadEdit(f"message.{name}: expected a text (JSON written as one)")
    try:
        return body.encode()
    except UnicodeEncodeError:
        raise BadEdit(f"message.{name}: half a surrogate pair is no text") from None


def _only(message: Mapping[str, Any], wrong: Wrong, *names: str) -> None:
    for name in message:
        if name not in names:
            wrong.add(f"message.{name}: is not known", f"known: {', '.join(names)}")


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not value or not value.isascii() or any(mark <= " " for mark in value):
        raise BadEdit(f"message.{name}: expected a word")
    return value


def _url(message: Mapping[str, Any]) -> str:
    url = normalize_url(_text(message, "url"))
    if url is None or not url.startswith(("http://", "https://")):
        raise BadEdit("message.url: expected an http or https address")
    return url


def _json(message: Mapping[str, Any], name: str) -> str | None:
    value = message.get(name)
    try:
        return None if value is None else codec.dumps(value).decode()
    except ValueError as error:
        raise BadEdit(f"message.{name}: {error}") from None


def _whole(message: Mapping[str, Any], name: str) -> int | None:
    value = message.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise BadEdit(f"message.{name}: expected a whole number")
    return value
