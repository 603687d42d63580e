"""DER, CMS SignedData, and the signature of a pass."""
