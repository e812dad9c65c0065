"""The pytest plugin: one fixture, `sandbox`, with a whole sandbox of a test's own on it. Nothing is imported here."""
