from dataclasses import dataclass
from typing import Any, Literal

import js
from workers import Request, WorkerEntrypoint

@dataclass(frozen=True, kw_only=True)
class Options:
    encode_body: Literal["automatic", "manual"] = "automatic"

async def fetch(
    app: Any, req: Request | js.Request, env: Any, ctx: Any = None, *, options: Options | None = None
) -> js.Response: ...
def entrypoint(app: Any, *, options: Options | None = None) -> type[WorkerEntrypoint]: ...
def build_environ(req: Request | js.Request, env: Any, body: Any) -> dict[str, Any]: ...
