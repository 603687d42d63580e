"""Records of the service, and where they are stored."""
