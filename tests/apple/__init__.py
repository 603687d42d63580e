"""Tests of passwright.apple."""
