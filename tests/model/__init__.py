"""Tests of passwright.model."""
