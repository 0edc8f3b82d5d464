"""The server as a whole: its parts put together (`parts`), its signals, the order of its start and its end (`server`),
what its process is given and allowed (`own`), and how other code takes its place (`upgrade`, `handover`)."""

from .handover import Handover
from .outcome import Outcome
from .own import descriptors_lacking
from .server import serve

__all__ = ["Handover", "Outcome", "descriptors_lacking", "serve"]
