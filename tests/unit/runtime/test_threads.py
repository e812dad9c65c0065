"""anyio's worker threads: none for worker code, the usual ones for everything else."""

import threading

import anyio.to_thread

from sandbox.runtime import patch_anyio


async def test_worker_code_runs_in_line(running):
    patch_anyio()
    patched = anyio.to_thread.run_sync
    patch_anyio()
    assert anyio.to_thread.run_sync is patched
    with running():
        assert await anyio.to_thread.run_sync(threading.get_ident, abandon_on_cancel=True) == threading.get_ident()
    assert await anyio.to_thread.run_sync(threading.get_ident) != threading.get_ident()
