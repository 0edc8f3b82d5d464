"""What can be asked of Tasky, one verb each. HTTP calls these; nothing here knows of it."""

from .service import Service
from .submission import Options, Submitted
from .workers import Workers, WorkerView

__all__ = ["Options", "Service", "Submitted", "WorkerView", "Workers"]
