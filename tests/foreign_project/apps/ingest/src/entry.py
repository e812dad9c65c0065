import httpx
from workers import Response, WorkerEntrypoint

from ingest.spots import SPOTS
from ingest.store import refresh_all


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.method == "POST" and request.url.endswith("/refresh"):
            try:
                return Response.json(await refresh_all(self.env))
            except httpx.HTTPError as error:
                print("forecast failed:", error)
                return Response(f"forecast failed: {type(error).__name__}", status=502)
        return Response.json({"spots": list(SPOTS)})

    async def scheduled(self, controller, env, ctx):
        print("cron", controller.cron)
        await refresh_all(self.env)
