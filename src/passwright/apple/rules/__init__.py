"""Apple's rules for pass.json, images and layouts."""
