"""Which containment there is on this machine: tried, not read from versions."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import TaskyError
from ...model.containment import Kind
from . import files, home, trial
from .base import Containment
from .cgroup import Cgroups
from .group import ProcessGroups
from .home import Unavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What a server started here would get. `reason` says why it is not cgroups."""

    kind: Kind
    controllers: frozenset[str] = frozenset()
    reason: str | None = None


def choose(wanted: Kind, state_dir: Path, handed: Mapping[str, Any] | None = None) -> Containment:
    """The strongest that works here (AUTO), or the one that is `wanted`: TaskyError, saying why, where that cannot be
    had. `state_dir`, which is locked, tells this server from others on the machine. What was `handed` by another server
    of the same process stays as it is. For the main thread."""
    if handed is not None:
        return _go_on(state_dir, handed)
    if wanted is Kind.PROCESS_GROUP:
        return ProcessGroups(state_dir)
    try:
        return Cgroups(home.find(), state_dir)
    except (Unavailable, OSError) as error:
        if wanted is Kind.CGROUP:
            raise TaskyError(f"containment: cgroup cannot be had: {error}") from error
        log.warning("containment by process groups, for cgroups cannot be had: %s", error)
    return ProcessGroups(state_dir)


def _go_on(state_dir: Path, handed: Mapping[str, Any]) -> Containment:
    if Kind(handed["kind"]) is Kind.PROCESS_GROUP:
        return ProcessGroups(state_dir, handed)
    try:
        return Cgroups(home.find(), state_dir, handed)
    except (Unavailable, OSError) as error:
        raise TaskyError(f"its cgroups cannot be gone on with: {error}") from error


def probe() -> Found:
    """What AUTO would give a server in the place of this process. Leaves nothing behind."""
    try:
        place = home.find()
        controllers = place.available()
        folder = f"{place.folder}/tasky-probe-{os.getpid()}"
        trial.make(folder)
        try:
            trial.try_out(folder)
        finally:
            files.remove(folder)
    except (Unavailable, OSError) as error:
        return Found(Kind.PROCESS_GROUP, reason=str(error))
    return Found(Kind.CGROUP, controllers)
