"""What the orchestrator needs from outside, as protocols, and the facts about workers it is given.

`sandbox.app` supplies the objects: hosted workers are called in process, external ones over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from sandbox.runtime.web import Request, Response

DEFAULT_CONCURRENCY = 10
"""How many packets one worker gets at once where nobody says otherwise (the figure in the guide's SQL)."""


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker the orchestrator may call.

    `url` is what the worker's requests are addressed to, without a trailing slash: `http://feed-fetcher.localhost:8787`
    for a hosted one, the URL of sandbox.toml for an external one. `max_concurrent_executions` is sandbox.toml's figure
    (it wins over the registry's). `token` is fixed for an external worker; a hosted one gets one from the state.
    """

    name: str
    url: str
    external: bool = False
    max_concurrent_executions: int | None = None
    token: str | None = field(default=None, repr=False)


class NoAnswer(SandboxError):
    """No answer came: refused, cut or unreachable. Whether the worker did the work is unknown."""

    code = "no_answer"
    status = 502


class Held(Protocol):
    """One worker's code as it was when it was held: it stays, whatever is saved meanwhile, until it is released."""

    def release(self) -> None:
        """Give it back (once; more often does nothing)."""


class Transport(Protocol):
    """Carry one request to a worker: to the code that is `held`, else to what serves now.

    Returns whatever the worker answered; a hosted worker's exception comes back as a 500 with a JSON body. Raises
    `NoAnswer` (or OSError) where no answer came, `NotFound` for an unknown worker, `WorkerUnavailable` where the worker
    has no code that can serve.
    """

    async def send(self, worker: str, request: Request, held: Held | None = None) -> Response: ...

    def hold(self, worker: str) -> Held | None:
        """Hold the code that serves the worker now; None where there is none of ours to hold. Raises nothing."""


class ResultSource(Protocol):
    """Read a result out of the producer's own `RESULT_CACHE`; None where it holds no such key or is out of reach."""

    async def read_result(self, worker: str, ref_id: str) -> bytes | None: ...
