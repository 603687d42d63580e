"""Tests of passwright.documents."""
