"""Static assets: files that are served before a worker is asked, and `env.ASSETS`."""

from sandbox.bindings.assets.binding import Assets
from sandbox.bindings.assets.server import AssetServers

__all__ = ["AssetServers", "Assets"]
