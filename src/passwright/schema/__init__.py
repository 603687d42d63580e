"""What JSON documents may hold: schemas as data, their validator, formats of single values."""
