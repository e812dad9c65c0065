import asyncio

class WebLoop(asyncio.AbstractEventLoop): ...  # type: ignore[misc]
