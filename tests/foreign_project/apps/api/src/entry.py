from workers import WorkerEntrypoint

from api.app import app_for


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        import asgi

        return await asgi.fetch(app_for(self.env.WEB_ORIGINS), request.js_object, self.env)
