"""Schemas of JSON documents as data, their validator, and formats of single values."""
