"""Amounts of money."""

from decimal import ROUND_HALF_UP, Decimal


def convert(amount: float, rate: float) -> float:
    """An amount at a rate, rounded to cents as people do."""
    return float((Decimal(str(amount)) * Decimal(str(rate))).quantize(Decimal("0.01"), ROUND_HALF_UP))
