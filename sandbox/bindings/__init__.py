"""What worker code finds on `env`: one folder for each Cloudflare service, put together by `environment`."""
