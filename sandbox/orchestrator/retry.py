"""When a stage is tried again: a pure decision from the policy, the attempts so far and how the last one ended."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sandbox.config.models import RetryConfig
from sandbox.orchestrator.answers import Failure

JITTER = 0.2
"""Share of the delay that chance takes away, so that parallel stages do not return in step."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after `delay` seconds: the same packet (delivery + 1) or a new one."""

    delay: float
    same_packet: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The stage has failed."""

    failure: Failure


def delay_before(attempt: int, policy: RetryConfig, chance: random.Random) -> float:
    """Seconds before attempt number `attempt` (2 is the first retry): doubling or fixed, capped, minus jitter."""
    base = policy.initial_delay_ms / 1000
    if policy.backoff == "exponential":
        # 2**63 is beyond any cap; the bound keeps the power finite
        base *= 2 ** min(attempt - 2, 63)
    return min(base, policy.max_delay_ms / 1000) * (1 - JITTER * chance.random())


def decide(failure: Failure, attempts: int, policy: RetryConfig, chance: random.Random) -> Again | GiveUp:
    """What follows the failed attempt number `attempts` (the first is 1).

    A known failure is retried with a new packet while it is retryable; after an unknown outcome the same packet is
    delivered again, because the worker may have done the work.
    """
    if attempts >= policy.max_attempts or not failure.retryable:
        return GiveUp(failure)
    return Again(delay_before(attempts + 1, policy, chance), same_packet=not failure.outcome_known)
