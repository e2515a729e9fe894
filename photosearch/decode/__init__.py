"""Bytes of one file → upright sRGB pixels and the camera's facts."""
