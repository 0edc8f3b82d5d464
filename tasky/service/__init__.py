"""What can be asked of Tasky, one verb each. HTTP calls these; nothing here knows of it."""

from .access import Access, Known
from .chains import Step
from .service import Service
from .submission import Form, Options, Submitted
from .workers import Workers, WorkerView

__all__ = [
    "Access",
    "Form",
    "Known",
    "Options",
    "Service",
    "Step",
    "Submitted",
    "WorkerView",
    "Workers",
]
