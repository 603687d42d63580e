"""Templates, passes and their parts, and their validation."""
