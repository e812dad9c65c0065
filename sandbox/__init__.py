"""A local dev sandbox for Cloudflare Python Workers. Importing this package pulls in nothing heavy."""

__version__ = "0.1.0"
