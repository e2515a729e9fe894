"""Zero-shot classification: which of some labels fits a photo best."""
