"""Tests of passwright.images."""
