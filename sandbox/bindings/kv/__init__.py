"""Workers KV."""

from sandbox.bindings.kv.limits import KeyNameRefused, KvRefused
from sandbox.bindings.kv.namespace import KvNamespace
from sandbox.bindings.kv.store import Entry, KvStore, KvStores, ListedKey, Page

__all__ = ["Entry", "KeyNameRefused", "KvNamespace", "KvRefused", "KvStore", "KvStores", "ListedKey", "Page"]
