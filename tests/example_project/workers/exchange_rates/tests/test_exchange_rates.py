"""Four tests of one worker. It is the worker under test because the file lies in its folder."""

from unittest import mock

import pytest
from entry import Default, RatesMissing

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


async def test_a_helper_can_be_replaced(sandbox):
    await sandbox.kv("RATES").put("USD", "1.25")

    with mock.patch("entry.convert", return_value=7.0) as convert:
        answer = await sandbox.worker("exchange_rates").fetch("/convert?amount=10&to=USD")

    assert await answer.json() == {"amount": 7.0, "currency": "USD"}
    convert.assert_called_once_with(10.0, 1.25)


async def test_a_source_that_is_down(sandbox):
    sandbox.egress.route("https://rates.test/*", status=503)
    worker = sandbox.worker("exchange_rates")

    with pytest.raises(RatesMissing, match="answers 503"):
        await Default(worker.ctx, worker.env).rate("USD")
    assert await sandbox.kv("RATES").list() == []
