import json
import uuid

from workers import Response, WorkerEntrypoint

from templates import welcome_text


class Mailer(WorkerEntrypoint):
    """What the API calls."""

    async def welcome(self, address, details):
        number = str(uuid.uuid4())
        text = welcome_text(details["spot"], details["wave"])
        message = {"from": self.env.MAIL_FROM, "to": address, "text": text}
        await self.env.OUTBOX.put(number, json.dumps(message), metadata={"to": address})
        return {"id": number, "sent": not self.env.DRY_RUN and bool(self.env.MAIL_API_KEY)}


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        listed = await self.env.OUTBOX.list()
        return Response.json({"outbox": len(listed["keys"]), "from": self.env.MAIL_FROM})
