"""Tests of passwright.schema.json_schema."""
