"""Tests of one worker. It is the worker under test because the file lies in its folder."""

RATES = {"rates": {"USD": 1.25}}


async def test_it_converts(sandbox):
    sandbox.egress.route("https://rates.test/*", json=RATES)

    answer = await sandbox.worker("exchange_rates").fetch("/convert?amount=10&to=USD")

    assert answer.status == 200
    assert await answer.json() == {"amount": 12.5, "currency": "USD"}
    assert [line.text for line in sandbox.logs] == ["1 EUR is 1.25 USD"]


async def test_a_rate_is_kept_for_an_hour(sandbox):
    source = sandbox.egress.route("https://rates.test/*", json=RATES)
    worker = sandbox.worker("exchange_rates")

    await worker.fetch("/convert?amount=10&to=USD")
    await worker.fetch("/convert?amount=20&to=USD")
    assert len(source.calls) == 1
    assert await sandbox.kv("RATES").get("USD") == "1.25"

    sandbox.clock.advance("1h")
    assert await sandbox.kv("RATES").get("USD") is None
    await worker.fetch("/convert?amount=10&to=USD")
    assert len(source.calls) == 2
