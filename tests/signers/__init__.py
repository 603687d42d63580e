"""Tests of passwright.signers."""
