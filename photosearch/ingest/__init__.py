"""The way in: the stages joined."""
