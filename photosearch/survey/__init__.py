"""Over a whole library: how good, and out of it."""
