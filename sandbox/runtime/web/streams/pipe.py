"""`pipeTo`."""

from __future__ import annotations

from typing import Any

from sandbox.runtime.values import jsnull, option
from sandbox.runtime.web.streams.chunks import END, HOST


async def pipe(source: Any, destination: Any, options: Any) -> None:
    """`pipeTo`: read, write, wait for the destination to be ready; close, abort and cancel as the options say."""
    source._lock(HOST)
    writer = destination.getWriter()
    signal = option(options, "signal")
    try:
        try:
            while True:
                await writer.ready
                if signal is not None and signal is not jsnull:
                    signal.throwIfAborted()
                chunk = await source._read_chunk()
                if chunk is END:
                    break
                writer.write(chunk)._look()
        except Exception as error:
            if source._error is error:
                if not option(options, "preventAbort"):
                    await writer.abort(error)
            elif not option(options, "preventCancel"):
                source._cancel(error)._look()
            raise
        if not option(options, "preventClose"):
            await writer.close()
    finally:
        writer.releaseLock()
        source._reader = None
