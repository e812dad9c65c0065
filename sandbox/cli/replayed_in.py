"""Where something is run again: in the sandbox that is up, else in one of this process's own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from sandbox.cli import session, stopped
from sandbox.cli.progress import Watch
from sandbox.client import Client, over_http


async def api_of(
    stack: AsyncExitStack, options: session.Options, holder: dict[str, Any] | None, watch: Watch, *, pdb: bool
) -> Client:
    """The API of the sandbox that is up (`holder` is what it says of itself), else of one that lives as long as `stack`
    and whose workers' words come out here."""
    if holder is not None:
        await stack.enter_async_context(stopped.told(options.state(), watch.say))
        return Client(await stack.enter_async_context(over_http(holder["address"])), holder.get("admin_token"))
    from sandbox.loader.debugger import when_paused  # loaded with the sandbox, when nothing is up

    stack.callback(when_paused(watch.hold))
    sandbox = await stack.enter_async_context(session.own_sandbox(options, load=True, post_mortem=pdb))
    sandbox.events.subscribe(watch.event, "log", "exception")
    sandbox.events.subscribe_at_once(watch.event)
    return session.local_client(sandbox)
