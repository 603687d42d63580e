"""Google's rules for classes and objects."""
