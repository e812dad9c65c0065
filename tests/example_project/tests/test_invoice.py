"""A pipeline over two workers."""


async def test_an_invoice_in_dollars(sandbox):
    sandbox.egress.route("https://rates.test/*", json={"rates": {"USD": 1.25}})

    run = await sandbox.run("invoice", currency="USD", lines=[{"price": 10.0}, {"price": 0.99}])

    assert run.ok, run
    assert run.output == {"total": 13.74, "currency": "USD", "lines": 2}
    assert [line["price"] for line in run.outputs["convert"]["lines"]] == [12.5, 1.24]
