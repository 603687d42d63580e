"""Google's REST API."""
