from api.sessions import read, sign


def test_round_trip():
    assert read(sign("a@example.org", "s"), "s") == "a@example.org"


def test_forged():
    assert read("a@example.org|0000", "s") is None
    assert read(None, "s") is None
