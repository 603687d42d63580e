"""The issuing service: passes created, handed out once per platform, and the life of their bindings."""
