"""Service bindings: another worker of this sandbox, called in process."""

from sandbox.bindings.services.fetcher import Fetcher

__all__ = ["Fetcher"]
