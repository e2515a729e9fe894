"""Tools for assistants: the library over the Model Context Protocol, for reading alone."""
