"""SQLite's own file format, read page by page, for catalogues that SQLite cannot read."""
