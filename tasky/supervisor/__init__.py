"""Starts, watches, signals and reaps every worker's processes. The only importer of subprocess and select."""

from .containment import NAME as CONTAINMENT
from .queue import Counts
from .supervisor import Supervisor
from .watch import Ended, NotLive, Submission, Watcher

__all__ = ["CONTAINMENT", "Counts", "Ended", "NotLive", "Submission", "Supervisor", "Watcher"]
