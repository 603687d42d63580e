"""Tests of passwright.images.fitting."""
