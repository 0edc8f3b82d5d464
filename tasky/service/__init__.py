"""What can be asked of Tasky, one verb each. HTTP calls these; nothing here knows of it."""

from .access import Access, Known
from .chains import Step
from .history import LOOK, STEPS, History, Overview, Point, Sums, Window
from .service import Service
from .submission import Form, Options, Submitted
from .workers import Workers, WorkerView

__all__ = [
    "LOOK",
    "STEPS",
    "Access",
    "Form",
    "History",
    "Known",
    "Options",
    "Overview",
    "Point",
    "Service",
    "Step",
    "Submitted",
    "Sums",
    "Window",
    "WorkerView",
    "Workers",
]
