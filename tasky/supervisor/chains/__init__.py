"""Tasks that are chains: they have no process; what they do is to have other tasks made."""

from .conduct import Conduct
from .conductor import Conductor, Prepare

__all__ = ["Conduct", "Conductor", "Prepare"]
