"""Published checkpoints, each kind read by one module: files → an Original."""
