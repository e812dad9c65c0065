def to_reading(spot: str, payload: dict) -> dict:
    """The part of Open-Meteo's answer that we keep."""
    current = payload["current"]
    return {
        "spot": spot,
        "wave_m": round(float(current["wave_height"]), 2),
        "period_s": current.get("wave_period"),
        "at": current["time"],
    }
