"""Feeds to articles. Nothing here needs Cloudflare: `workers.fetch` and the KV namespace are handed in."""
