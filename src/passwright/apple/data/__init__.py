"""Apple's format as data: the keys of pass.json, the slots of pictures, the anchors of trust."""
