"""PNG headers without a decoder, and images fitted to slots."""
