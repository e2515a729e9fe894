"""Folders that are watched: what arrives, when it is finished, and what is done about it."""
