"""Tests of passwright.examples."""
