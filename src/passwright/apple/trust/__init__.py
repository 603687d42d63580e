"""Apple's anchors, certificates and chains."""
