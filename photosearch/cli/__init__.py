"""The `photosearch` command: a thin face of `photosearch.Library`."""
