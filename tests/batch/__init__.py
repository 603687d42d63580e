"""Tests of passwright.batch."""
