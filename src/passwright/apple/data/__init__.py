"""Apple's format as data: the schema of pass.json, slots of images, trust anchors, errors of devices."""
