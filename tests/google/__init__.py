"""Tests of passwright.google."""
