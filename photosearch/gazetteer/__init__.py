"""Points of the globe → names, and names of cities → points, offline: photos are unknown here."""
