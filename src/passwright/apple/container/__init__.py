"""The files of a .pkpass: archive, manifest, file names."""
