"""Tests of passwright.cli."""
