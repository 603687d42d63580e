"""Tests over HTTP, with a real server."""
