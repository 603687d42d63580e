"""Servers that stand in for Google, its save endpoint, authenticators and key services."""
