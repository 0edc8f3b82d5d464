"""The server as a whole: its parts put together (`parts`), its signals, the order of its start and its end (`server`),
and what its process is given and allowed (`own`)."""

from .own import descriptors_lacking
from .server import serve

__all__ = ["descriptors_lacking", "serve"]
