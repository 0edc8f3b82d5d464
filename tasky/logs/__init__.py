"""The server's own log: one event a line on stderr, as text or JSON, or an entry of the journal."""

from .fields import about, in_request, out_of_request, shown
from .levels import LEVELS, Levels
from .output import Logs
from .sinks import is_journal

__all__ = [
    "LEVELS",
    "Levels",
    "Logs",
    "about",
    "in_request",
    "is_journal",
    "out_of_request",
    "shown",
]
