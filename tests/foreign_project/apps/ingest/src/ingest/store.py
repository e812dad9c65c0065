import json

import httpx

from ingest.forecast import to_reading
from ingest.spots import SPOTS


async def refresh_all(env) -> dict:
    saved = []
    async with httpx.AsyncClient(timeout=10) as client:
        for spot, (latitude, longitude) in SPOTS.items():
            response = await client.get(
                env.FORECAST_URL,
                params={"latitude": latitude, "longitude": longitude, "current": "wave_height,wave_period"},
            )
            response.raise_for_status()
            reading = to_reading(spot, response.json())
            await env.READINGS.put(f"spot:{spot}", json.dumps(reading), expirationTtl=6 * 3600)
            saved.append(spot)
    return {"saved": saved}
