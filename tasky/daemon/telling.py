"""What the log says of a server at its start, and after a reload."""

from __future__ import annotations

import logging
import platform
import sys

from .. import __version__
from ..config import runs_as_root
from ..logs import about
from ..model.containment import Kind
from ..model.limits import Means, kept
from .address import url
from .parts import Parts

log = logging.getLogger(__name__)


def what_there_is(parts: Parts) -> None:
    settings = parts.settings
    if sys.version_info < (3, 11, 4):  # CPython issue 104372
        log.warning(
            "Python %s stands still while a program is being started: one on a hung file system"
            " would hold up everything. Python 3.11.4 has that mended",
            platform.python_version(),
        )
    names = ", ".join(sorted(parts.catalogue.definitions)) or "none"
    log.info("workers in %s: %s", settings.workers_dir, names)
    what_is_not_kept(parts)
    log.info("state in %s", settings.state_dir)
    _containment(parts)
    log.info("tasky %s listening on %s", __version__, url(parts.socket, settings.listen))


def what_is_not_kept(parts: Parts) -> None:
    """Limits that are not kept on this machine."""
    controllers = parts.containment.controllers
    for name, definition in parts.catalogue.definitions.items():
        limits, as_root = definition.limits, runs_as_root(definition)
        for limit in kept(limits, controllers, as_root=as_root):
            if limit.means is Means.NOTHING:
                log.warning("%s", limit, extra=about(worker=name))


def _containment(parts: Parts) -> None:
    """Why it is not cgroups was said when it was chosen, unless the settings want it so."""
    containment = parts.containment
    kind, names = containment.kind, ", ".join(sorted(containment.controllers))
    if kind is Kind.CGROUP:
        log.info("containment: %s, controllers: %s", kind, names or "none")
    elif parts.settings.containment is kind:
        log.info("containment: %s, as the settings want it", kind)
    else:
        log.info("containment: %s", kind)
