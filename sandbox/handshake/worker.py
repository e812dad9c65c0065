"""`HandshakeWorker`: a worker that speaks the handshake protocol, to be filled with a `process` method.

It needs Cloudflare's `workers` package and the worker's own KV bindings PROGRESS_CACHE and RESULT_CACHE, nothing else
of the sandbox beyond this package, so it runs on Cloudflare as it runs here. Nothing happens at import: ids are drawn
and clocks are read while a request is answered.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

from js import Date, Uint8Array, crypto
from workers import Response, WorkerEntrypoint, fetch

from sandbox.handshake import messages as m
from sandbox.handshake import unhandled
from sandbox.handshake.job import Job, NonRetryable, ProgressWriter
from sandbox.handshake.schema import ProtocolError, Schema, to_plain

log = logging.getLogger("sandbox.handshake")

KV_VALUE_LIMIT = 26_214_400  # bytes; Cloudflare's limit of one KV value


class Refused(Exception):
    """An answer other than success: `status` and the error of its body."""

    def __init__(
        self, status: int, code: str, message: str, *, retryable: bool = False, path: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = m.ErrorInfo(message, code, retryable, path)


class _Activity:
    """What one class of worker is doing. It hangs on the class, so it goes when its generation goes."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.writers: dict[str, ProgressWriter] = {}
        self.finished = 0
        self.total_ms = 0.0
        self.schemas: dict[str, Schema[Any]] = {}


class HandshakeWorker(WorkerEntrypoint):  # type: ignore[misc]
    """The five endpoints of the protocol around `process`.

    Set `name` (the registry's `worker_name`); the rest has defaults. `Input` and `Output` are annotations that
    `sandbox.handshake.schema` understands. Input that travels inside the message is checked at the handshake, which
    then answers `incompatible`; input by reference is fetched once, in process, and checked there.
    """

    name: ClassVar[str] = ""
    version: ClassVar[str] = "0.1.0"
    capabilities: ClassVar[Mapping[str, Any] | m.Capabilities] = m.Capabilities()
    resource_requirements: ClassVar[Mapping[str, Any] | m.ResourceRequirements] = m.ResourceRequirements()
    example_input: ClassVar[Any] = m.UNSET
    Input: ClassVar[Any] = None
    Output: ClassVar[Any] = None
    progress_interval_s: ClassVar[float] = 1.0
    _activity: ClassVar[_Activity] = _Activity()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._activity = _Activity()

    async def process(self, job: Job) -> Any:
        """Do the work and return the result. Overridden by every worker."""
        raise NonRetryable(f"{type(self).__qualname__} has no `async def process(self, job)`")

    async def route(self, request: Any) -> Any:
        """Answer an endpoint of the worker's own with a `workers.Response`, or return None for what it does not know."""
        return None

    async def fetch(self, request: Any) -> Any:
        """The worker's entry point: the protocol's endpoints first, then `route`, then 404."""
        method, path = str(request.js_object.method), urlsplit(request.url).path
        endpoint = self._endpoint(path)
        if endpoint is None:
            answer = await self.route(request)
            if answer is not None:
                return answer
            return _refusal(404, "not_found", f"{method} {path} is not served by {self.name}", _HINT)
        verb, call = endpoint
        if method != verb and not (method == "HEAD" and verb == "GET"):
            return _refusal(405, "method_not_allowed", f"{path} takes {verb}, not {method}", None, {"Allow": verb})
        if not self.name:
            return _refusal(
                500, "no_name", f"{type(self).__qualname__} needs a name", 'set `name = "..."` in the class'
            )
        packet_id = None
        try:
            body = m.load_json(await request.text()) if verb == "POST" else None
            packet_id = body.get("packet_id") if isinstance(body, dict) else None
            return await call(body)
        except ProtocolError as error:
            refused = Refused(400, "bad_message", str(error), path=error.path or None)
        except Refused as error:
            refused = error
        body = {"success": False, "packet_id": packet_id, "error": refused.error.as_json()}
        return _json(body, refused.status, {"Retry-After": "1"} if refused.status == 425 else None)

    def _endpoint(self, path: str) -> tuple[str, Callable[[Any], Any]] | None:
        if path == "/api/handshake":
            return "POST", self._handshake
        if path == "/api/process":
            return "POST", self._process
        if path == "/api/acknowledge":
            return "POST", self._acknowledge
        if path == "/health":
            return "GET", self._health
        packet_id = unquote(path.removeprefix("/api/progress/"))
        if path.startswith("/api/progress/") and packet_id and "/" not in packet_id:
            return "GET", lambda body: self._progress(packet_id)
        return None

    async def _handshake(self, body: Any) -> Any:
        message = m.HandshakeRequest.parse(body)
        self._caches()
        error = None
        if message.input_ref.storage_type == "inline":
            try:
                self._check("Input", message.input_ref.inline_data)
            except ProtocolError as wrong:
                error = m.ErrorInfo(str(wrong), "incompatible_input", False, wrong.path or None)
        answer = m.HandshakeResponse(
            success=True,
            packet_id=message.packet_id,
            worker_name=self.name,
            status="ready" if error is None else "incompatible",
            capabilities=self._capabilities(),
            resource_requirements=m.ResourceRequirements.parse(_merged(self.resource_requirements)),
            error=error,
        )
        return _json(answer.as_json())

    async def _process(self, body: Any) -> Any:
        message = m.ProcessRequest.parse(body)
        progress_cache, result_cache = self._caches()
        activity = self._activity
        if message.packet_id in activity.running:
            text = f"packet {message.packet_id} is still being processed"
            raise Refused(425, "still_processing", text, retryable=True)
        activity.running.add(message.packet_id)
        try:
            fingerprint = _fingerprint(message)
            stored = await result_cache.get(m.result_key(message.packet_id))
            if stored is not None:
                known = m.load_json(stored)
                # The same id over other data is another question, asked by hand: it is answered afresh.
                if known["fingerprint"] == fingerprint:
                    return _json({**known["answer"], "repeated": True})
            answer = await self._run(message, progress_cache, result_cache)
            text = m.dump_json({"fingerprint": fingerprint, "answer": answer})
            await result_cache.put(m.result_key(message.packet_id), text, expirationTtl=m.RESULT_TTL_S)
            return _json(answer)
        finally:
            activity.running.discard(message.packet_id)

    async def _run(self, message: m.ProcessRequest, progress_cache: Any, result_cache: Any) -> dict[str, Any]:
        """Process one packet: the answer's body. Raises `Refused` for every failure of the work."""
        activity, started = self._activity, time.monotonic()
        writer = ProgressWriter(
            progress_cache, message.packet_id, interval_s=self.progress_interval_s, timestamp=lambda: _iso(Date.now())
        )
        activity.writers[message.packet_id] = writer
        job = None
        try:
            data = await self._read_input(message.input_ref)
            try:
                data = self._check("Input", data)
            except ProtocolError as wrong:
                raise Refused(422, "incompatible_input", str(wrong), path=wrong.path or None) from wrong
            job = Job(message, data, progress=writer, save=self._saver(message.packet_id))
            output_ref = await self._store(await self.process(job), result_cache)
            await writer.report("completed", 100, "")
        except Exception as error:
            refused = self._refusal_of(error)
            await writer.report("failed", job.percent if job else 0, refused.error.message)
            raise refused from error
        finally:
            self._let_go(message.packet_id, writer)
        spent_ms = (time.monotonic() - started) * 1000
        activity.finished += 1
        activity.total_ms += spent_ms
        calls = sum(job.api_calls.values())
        metrics = m.Metrics(round(spent_ms, 3), job.tokens_used, calls, job.api_calls or None)
        return m.ProcessResponse(True, message.packet_id, output_ref, metrics).as_json()

    def _refusal_of(self, error: Exception) -> Refused:
        if isinstance(error, Refused):
            return error
        if isinstance(error, NonRetryable):
            return Refused(422, "non_retryable", str(error) or "the worker gave up without a reason")
        log.error("%s failed", self.name, exc_info=error)
        for watcher in unhandled.watchers:
            watcher(error)
        return Refused(500, "worker_exception", f"{type(error).__name__}: {error}", retryable=True)

    def _let_go(self, packet_id: str, writer: ProgressWriter) -> None:
        """Keep the writer only while its last value still waits; the platform waits for that after the answer."""
        writers = self._activity.writers

        def forget(done: object = None) -> None:
            if writers.get(packet_id) is writer:
                del writers[packet_id]

        if writer.pending is None:
            forget()
        else:
            writer.pending.add_done_callback(forget)
            self.ctx.waitUntil(writer.pending)

    async def _acknowledge(self, body: Any) -> Any:
        message = m.AcknowledgeRequest.parse(body)
        progress_cache, _ = self._caches()
        writer = self._activity.writers.pop(message.packet_id, None)
        if writer is not None:
            writer.stop()
        await progress_cache.delete(m.progress_key(message.packet_id))
        return _json(m.AcknowledgeResponse(True, message.packet_id, True).as_json())

    async def _progress(self, packet_id: str) -> Any:
        writer = self._activity.writers.get(packet_id)
        text = writer.latest if writer is not None else None
        if text is None and len(packet_id.encode("utf-8", "surrogatepass")) <= m.PACKET_ID_LIMIT:
            text = await self._caches()[0].get(m.progress_key(packet_id))
        return _json_text(text or m.dump_json(m.Progress().as_json()))

    async def _health(self, body: Any) -> Any:
        activity, error = self._activity, None
        try:
            self._caches()
        except Refused as refused:
            error = refused.error
        health = m.Health(
            status="healthy" if error is None else "unhealthy",
            service=self.name,
            version=self.version,
            timestamp=_iso(Date.now()),
            capabilities=m.HealthCapabilities(
                m.PROTOCOL_VERSION, True, True, self._capabilities().supports_checkpoints
            ),
            resources=m.HealthResources(
                current_load=len(activity.running),
                queue_length=0,
                avg_processing_time_ms=round(activity.total_ms / activity.finished, 3) if activity.finished else 0,
            ),
            example_input=self.example_input,
            error=error,
        )
        return _json(health.as_json())

    async def _read_input(self, reference: m.Reference) -> Any:
        if reference.storage_type == "inline":
            return reference.inline_data
        url = self._orchestrator(f"/api/data/{quote(reference.ref_id or '', safe='')}")
        if url is None:
            text = "the input is a reference, and ORCHESTRATOR_URL, which says where to fetch it, is not set"
            raise Refused(500, "no_orchestrator", text)
        try:
            response = await fetch(url, headers=self._credentials())
        except OSError as error:
            text = f"the input {reference.ref_id} could not be fetched: {error}"
            raise Refused(502, "input_unavailable", text, retryable=True) from error
        text = await response.text()
        if response.status != 200:
            retryable = m.is_retryable(int(response.status), None)
            why = f"the orchestrator answered {response.status} to GET /api/data/{reference.ref_id}: {text[:300]}"
            raise Refused(502, "input_unavailable", why, retryable=retryable)
        try:
            return m.load_json(text)
        except ProtocolError as error:
            raise Refused(422, "incompatible_input", f"the input {reference.ref_id}: {error}") from error

    async def _store(self, output: Any, cache: Any) -> m.Reference:
        """The result as a reference: inside the answer below 1,024 bytes, else in RESULT_CACHE for a day."""
        try:
            output = to_plain(output)
            self._check("Output", output)
        except ProtocolError as error:
            raise Refused(500, "bad_output", f"the result does not fit: {error}", path=error.path or None) from error
        text = m.dump_json(output)
        size, ref_id = len(text.encode()), _fresh_ref_id()
        if size < m.INLINE_LIMIT:
            return m.Reference.inline(output, ref_id, size_bytes=size)
        if size > KV_VALUE_LIMIT:
            raise NonRetryable(f"the result has {size} bytes, one KV value holds {KV_VALUE_LIMIT}")
        expires_at = _iso(Date.now() + m.RESULT_TTL_S * 1000)
        await cache.put(ref_id, text, expirationTtl=m.RESULT_TTL_S)
        return m.Reference("reference", ref_id, size, expires_at=expires_at)

    def _saver(self, packet_id: str) -> Any:
        url = self._orchestrator(f"/api/checkpoints/{quote(packet_id, safe='')}")
        if url is None:
            return None

        async def save(body: str) -> None:
            headers = {**self._credentials(), "Content-Type": "application/json"}
            try:
                response = await fetch(url, method="PUT", headers=headers, body=body)
            except OSError as error:
                raise RuntimeError(f"the checkpoint could not be saved: {error}") from error
            if not response.ok:
                why = (await response.text())[:300]
                raise RuntimeError(f"the orchestrator did not take the checkpoint ({response.status}): {why}")

        return save

    def _orchestrator(self, path: str) -> str | None:
        base = getattr(self.env, "ORCHESTRATOR_URL", None)
        return f"{str(base).rstrip('/')}{path}" if base else None

    def _credentials(self) -> dict[str, str]:
        token = getattr(self.env, "WORKER_TOKEN", None)
        return {"Authorization": f"Bearer {token or ''}", "X-Worker-ID": self.name}

    def _caches(self) -> tuple[Any, Any]:
        return self._binding("PROGRESS_CACHE"), self._binding("RESULT_CACHE")

    def _binding(self, name: str) -> Any:
        binding = getattr(self.env, name, None)
        if binding is None:
            lines = f'[[kv_namespaces]]\nbinding = "{name}"\nid = "{name.lower()}"'
            raise Refused(
                500, "missing_binding", f"{self.name} has no KV binding {name}; add to wrangler.toml:\n{lines}"
            )
        return binding

    def _capabilities(self) -> m.Capabilities:
        return m.Capabilities.parse(_merged(self.capabilities))

    def _check(self, which: str, value: Any) -> Any:
        annotation = getattr(self, which)
        if annotation is None:
            return value
        schemas = self._activity.schemas
        if which not in schemas:
            schemas[which] = annotation if isinstance(annotation, Schema) else Schema(annotation)
        return schemas[which].check(value)


_HINT = "it serves /health, /api/handshake, /api/process, /api/acknowledge, /api/progress/{packet_id}"


def _fresh_ref_id() -> str:
    """128 random bits, drawn from the platform: a replay of the packet draws the same."""
    return f"ref_{crypto.getRandomValues(Uint8Array.new(16)).to_bytes().hex()}"


def _merged(given: Any) -> dict[str, Any]:
    return given.as_json() if isinstance(given, m.Message) else dict(given)


def _fingerprint(message: m.ProcessRequest) -> str:
    reference = message.input_ref
    source = [reference.inline_data] if reference.storage_type == "inline" else reference.ref_id
    return hashlib.sha256(m.dump_json([source, message.parameters]).encode()).hexdigest()


def _iso(milliseconds: float) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Any:
    return _json_text(m.dump_json(body), status, headers)


def _json_text(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Any:
    return Response(text, status=status, headers={"Content-Type": "application/json", **(headers or {})})


def _refusal(status: int, code: str, message: str, hint: str | None, headers: Mapping[str, str] | None = None) -> Any:
    return _json({"success": False, "error": {"code": code, "message": message, "hint": hint}}, status, headers)
