"""Tests of passwright.service."""
