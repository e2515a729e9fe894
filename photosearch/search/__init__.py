"""From what a user asks to ranked hits."""
