"""Tests of passwright.testing."""
