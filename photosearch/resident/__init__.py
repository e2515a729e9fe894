"""A process that keeps one library warm, and the client that asks it."""
