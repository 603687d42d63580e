"""Many passes and many clients."""
