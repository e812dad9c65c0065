"""The Cache API: `caches.default` and `caches.open(name)`."""

from sandbox.bindings.cache.api import Cache, CacheStorage

__all__ = ["Cache", "CacheStorage"]
