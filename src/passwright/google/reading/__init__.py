"""Third-party save links, tokens and claims."""
