"""Exchange rates, asked for once in an hour."""

from urllib.parse import parse_qs, urlsplit

from money import convert
from workers import Response, fetch

from sandbox.handshake import HandshakeWorker, Job

SOURCE = "https://rates.test/latest"


class RatesMissing(Exception):
    """The source of rates does not answer."""


class Default(HandshakeWorker):
    name = "exchange_rates"

    async def process(self, job: Job):
        rate = await self.rate(job.input["currency"])
        lines = [{**line, "price": convert(line["price"], rate)} for line in job.input["lines"]]
        return {"currency": job.input["currency"], "lines": lines}

    async def route(self, request):
        url = urlsplit(request.url)
        if url.path != "/convert":
            return None
        query = parse_qs(url.query)
        amount, currency = float(query["amount"][0]), query["to"][0]
        return Response.json({"amount": convert(amount, await self.rate(currency)), "currency": currency})

    async def rate(self, currency: str) -> float:
        kept = await self.env.RATES.get(currency)
        if kept is not None:
            return float(kept)
        answer = await fetch(f"{SOURCE}?base=EUR")
        if not answer.ok:
            raise RatesMissing(f"{SOURCE} answers {answer.status}")
        rate = (await answer.json())["rates"][currency]
        await self.env.RATES.put(currency, str(rate), expirationTtl=3600)
        print(f"1 EUR is {rate} {currency}")
        return rate
