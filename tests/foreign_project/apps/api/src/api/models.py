from pydantic import BaseModel, Field


class Subscription(BaseModel):
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    spot: str
    min_wave_m: float = Field(default=1.0, ge=0, le=20)


class Reading(BaseModel):
    spot: str
    wave_m: float
    period_s: float | None = None
    at: str
