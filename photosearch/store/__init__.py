"""The library on disk: a SQLite catalogue, the only source of truth."""
