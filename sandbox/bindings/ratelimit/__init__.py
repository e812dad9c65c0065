"""Rate limits: `env.NAME.limit({key})`."""

from sandbox.bindings.ratelimit.limiter import RateLimiter, RateLimits

__all__ = ["RateLimiter", "RateLimits"]
