"""Mistakes that people make, written down before the rules that find them."""
