"""How the whole process tree of an attempt is held together: signalled, frozen, limited and ended.

The ladder: cgroup v2 where one can be had, else process groups with this server as subreaper. Chosen once, by trying.
"""

from .base import Containment, Tree
from .ladder import Found, choose, probe
from .shim import NOT_ENTERED, enter

__all__ = ["NOT_ENTERED", "Containment", "Found", "Tree", "choose", "enter", "probe"]
