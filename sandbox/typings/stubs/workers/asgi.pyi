from dataclasses import dataclass
from typing import Any, Literal

import js
from workers import Request, WorkerEntrypoint

@dataclass(frozen=True, kw_only=True)
class Options:
    encode_body: Literal["automatic", "manual"] = "automatic"

# A FastAPI dependency: the worker's env.
env: Any

async def fetch(
    app: Any, req: Request | js.Request, env: Any, ctx: Any = None, *, options: Options | None = None
) -> js.Response: ...
async def websocket(app: Any, req: Request | js.Request, env: Any = None) -> js.Response: ...
def entrypoint(app: Any, *, options: Options | None = None) -> type[WorkerEntrypoint]: ...
def request_to_scope(req: Any, env: Any, ws: bool = False, state: Any = None) -> dict[str, Any]: ...
