"""pass.json and the other files of a pass, built from a template."""
