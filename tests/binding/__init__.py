"""Tests of passwright.binding."""
