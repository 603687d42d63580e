"""Contents of third-party passes, changes to them, and templates made from them."""
