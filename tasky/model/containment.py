"""The kinds of containment, as the setting `containment`, /readyz, the log and `tasky doctor` name them. Pure."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """How the whole process tree of an attempt is held together."""

    AUTO = "auto"  #: as a setting only: the strongest that works
    CGROUP = "cgroup"  #: cgroup v2: nothing leaves it, and one write ends everything in it
    PROCESS_GROUP = "process-group"  #: group, subreaper, and a sweep for what has left the group
