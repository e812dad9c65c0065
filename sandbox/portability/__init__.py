"""Works here, fails on Cloudflare: what can be told from a worker's files, with file, line and remedy."""
