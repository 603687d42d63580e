"""Verification of a .pkpass in five steps, and the diagnosis of what a device would reject."""
