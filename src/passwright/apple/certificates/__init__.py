"""Signing requests, and certificates that fit together."""
