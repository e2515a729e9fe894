"""Vectors → nearest vectors: derived from the catalogue, deletable at any time."""
