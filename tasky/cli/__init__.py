"""The command line: `tasky`. One module for each verb, or for verbs of one kind."""

from .app import main

__all__ = ["main"]
