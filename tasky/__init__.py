"""Tasky turns any executable on a server into an API."""

__version__ = "0.1.0"
