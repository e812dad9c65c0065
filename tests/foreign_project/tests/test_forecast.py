import pytest
from ingest.forecast import to_reading


def test_reading():
    payload = {"current": {"time": "2026-10-01T06:00", "wave_height": 1.456, "wave_period": 9.1}}
    assert to_reading("ericeira", payload) == {
        "spot": "ericeira",
        "wave_m": 1.46,
        "period_s": 9.1,
        "at": "2026-10-01T06:00",
    }


def test_no_current_values():
    with pytest.raises(KeyError):
        to_reading("ericeira", {})
