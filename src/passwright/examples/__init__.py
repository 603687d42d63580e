"""Throw-away keys, certificates and sample templates, for trying things out and for tests."""
