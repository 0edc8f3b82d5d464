"""A server that dies at every point of its work, under load, and starts again: what it promised still holds."""
