"""Hostile input: archives, mutants, fuzzing."""
