"""Files that show the same picture: found, verified on pixels, and which one to keep."""
