"""The library in a browser: an HTTP API and a page, on this machine."""
