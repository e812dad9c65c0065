"""How a sandbox lives in its process: as a server of its own, or as a guest in somebody else's (a test run)."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.loader.generation import load_generation
from sandbox.loader.registry import Load


@dataclass(frozen=True, slots=True)
class Hosting:
    """`lazy`: a worker's code is loaded when it is first asked, not at the start. `throwaway`: the state folder will be
    deleted, so nothing waits for the disk. `debugger`: `breakpoint()` is ours (a test run has its own), and with
    `post_mortem` pdb opens at each unhandled exception of a worker, too. `debugpy`: the port on which an editor may attach.
    `watchdog`: a worker that keeps the event loop is told, and ended at its limit, which takes SIGALRM for ours.
    `test_scheduled`: `/__scheduled` of every worker calls its `scheduled` handler, as under `wrangler dev --test-scheduled`.
    `strict`: what fails on Cloudflare fails here. `seed` makes the jitter of retries repeatable. `load` makes a generation of a worker's code."""

    lazy: bool = False
    throwaway: bool = False
    debugger: bool = True
    watchdog: bool = False
    post_mortem: bool = False
    debugpy: int | None = None
    strict: bool = False
    test_scheduled: bool = False
    seed: int | None = None
    load: Load = load_generation


STANDALONE = Hosting()
OWN_PROCESS = Hosting(watchdog=True)
"""What the command line uses: the process is all ours."""
