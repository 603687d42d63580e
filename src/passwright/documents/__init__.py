"""Native JSON documents of passes: templates with placeholders, validation, and both compiled once."""
