"""Tests of passwright.schema."""
