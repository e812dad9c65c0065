"""Adds up the lines of an invoice."""

from sandbox.handshake import HandshakeWorker, Job


class Default(HandshakeWorker):
    name = "invoices"

    async def process(self, job: Job):
        total = round(sum(line["price"] for line in job.input["lines"]), 2)
        return {"total": total, "currency": job.input["currency"], "lines": len(job.input["lines"])}
