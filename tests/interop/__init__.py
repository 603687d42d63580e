"""Programs of others read what Passwright writes, and the other way round."""
