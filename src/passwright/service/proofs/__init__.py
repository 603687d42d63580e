"""Providers that prove whose device asks for a bound pass."""
