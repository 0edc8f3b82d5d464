"""Starts, watches, signals and reaps every worker's processes. The only importer of subprocess and select."""

from .containment import Containment, Found, choose, probe
from .handover import check
from .load import Load
from .observer import Observer, Observers
from .queue import Counts
from .supervisor import Supervisor
from .watch import Ended, NotLive, Submission, Watcher

__all__ = [
    "Containment",
    "Counts",
    "Ended",
    "Found",
    "Load",
    "NotLive",
    "Observer",
    "Observers",
    "Submission",
    "Supervisor",
    "Watcher",
    "check",
    "choose",
    "probe",
]
