"""Adopt on return: get hold of a worker's result before its stage counts as done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import sandbox.orchestrator.codec as codec
from sandbox.clock import Clock
from sandbox.errors import SandboxError
from sandbox.orchestrator.answers import Failure, Returned
from sandbox.orchestrator.directory import Directory
from sandbox.orchestrator.ports import ResultSource
from sandbox.orchestrator.reference_store import examined
from sandbox.orchestrator.references import TIME_TO_LIVE, Stored, sha256


@dataclass(frozen=True, slots=True)
class Output:
    """A result at hand, to be pinned by T5. `uploaded` is set where it came by `POST /api/data` and is kept already."""

    body: bytes
    sha256: str
    is_json: bool
    own_id: str | None
    expires_at: float
    metrics: Mapping[str, float]
    uploaded: Stored | None = None

    def inline_size(self, returned: Returned) -> int:
        """Bytes that `output_ref` would take in the answer with the value inlined."""
        if returned.output.inline:
            return returned.output_bytes
        ref_id = self.own_id or ""
        size = self.uploaded.size_bytes if self.uploaded else len(self.body)
        return Stored(ref_id, self.sha256, size, self.is_json, self.expires_at).inline_size()


class Uploads(Protocol):
    """What workers sent by `POST /api/data`: the value a worker names, or None."""

    def uploaded(self, worker: str, ref_id: str) -> Stored | None: ...


class Adopter:
    def __init__(self, references: Uploads, results: ResultSource, directory: Directory, clock: Clock) -> None:
        self._references = references
        self._results = results
        self._directory = directory
        self._clock = clock

    async def adopt(self, worker: str, returned: Returned) -> Output | Failure:
        """The bytes behind `output_ref`: inline, sent before by `POST /api/data`, or in the worker's RESULT_CACHE.

        Fails with `ref_unreachable` where they are in none of these, with `ref_size_mismatch` where they are not as
        long as the worker says.
        """
        output = returned.output
        expires_at = output.expires_at if output.expires_at is not None else self._clock.now() + TIME_TO_LIVE
        if output.inline:
            body = codec.dumps(output.data)
            return Output(body, sha256(body), True, output.ref_id, expires_at, returned.metrics)
        assert output.ref_id is not None
        uploaded = self._references.uploaded(worker, output.ref_id)
        if uploaded is not None and uploaded.expires_at > self._clock.now():  # an expired one is not this result
            if output.size_bytes is not None and output.size_bytes != uploaded.size_bytes:
                return _mismatch(worker, output.ref_id, output.size_bytes, uploaded.size_bytes)
            return Output(
                b"", uploaded.sha256, uploaded.is_json, output.ref_id, uploaded.expires_at, returned.metrics, uploaded
            )
        try:
            found = await self._results.read_result(worker, output.ref_id)
        except (SandboxError, OSError) as error:
            return Failure(
                "ref_unreachable", f"the result {output.ref_id} of {worker} cannot be read: {error}", retryable=True
            )
        if found is None:
            return self._unreachable(worker, output.ref_id)
        if output.size_bytes is not None and output.size_bytes != len(found):
            return _mismatch(worker, output.ref_id, output.size_bytes, len(found))
        digest, json = await examined(found)
        return Output(found, digest, json, output.ref_id, expires_at, returned.metrics)

    def _unreachable(self, worker: str, ref_id: str) -> Failure:
        info = self._directory.known(worker)
        external = info is not None and info.external
        return Failure(
            "ref_unreachable",
            f"{worker} says that its result is {ref_id}, and it cannot be read there",
            retryable=False,
            hint="the KV of a worker reached by URL is out of reach: let it send large results with POST /api/data, or inline"
            if external
            else "the worker must put the result into its KV binding RESULT_CACHE under that very id before it answers",
        )


def _mismatch(worker: str, ref_id: str, said: int, found: int) -> Failure:
    return Failure(
        "ref_size_mismatch",
        f"{worker} says that its result {ref_id} has {said} bytes, and {found} were found",
        retryable=False,
        hint="size_bytes counts UTF-8 bytes of what was stored, not characters",
    )
