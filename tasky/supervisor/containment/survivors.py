"""At start: what a killed server's tasks have left is found by its marker, and ended."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from ...crash import Point, crash_at
from . import proc
from .proc import Process, Stat

log = logging.getLogger(__name__)

_MAX_SWEEPS: Final = 50
_SWEEP_PAUSE: Final = 0.02


def end_marked(task_ids: frozenset[str], state_dir: Path) -> None:
    """Kills what carries the marker of one of these tasks, or of any task of this state directory, with all that
    descends from it, until two looks have found nothing."""
    clean = 0
    works = {f"{state_dir}/work", os.path.realpath(state_dir / "work")}
    told: set[Process] = set()
    for _ in range(_MAX_SWEEPS):
        found = _marked(task_ids, works)
        for seen in found:
            _kill(seen, told)
            crash_at(Point.SURVIVOR_ENDED)
        clean = 0 if found else clean + 1
        if clean == 2:
            return
        if found:
            time.sleep(_SWEEP_PAUSE)
    log.error("processes of tasks that were lost do not end: %s", [seen.pid for seen in found])


def _marked(task_ids: frozenset[str], works: Collection[str]) -> list[Stat]:
    """Not ourselves, even where a task of ours has started this server. A marker counts if it is read after the rest:
    then the number was not given to another process in between, or `_kill` sees it."""
    found = []
    for pid in proc.pids():
        if pid == os.getpid() or proc.marker(pid) is None:
            continue
        seen = proc.stat(pid)
        marker = None if seen is None or seen.dead else proc.marker(pid)
        if seen is None or marker is None:
            continue
        if marker.task_id in task_ids or os.path.dirname(marker.workdir) in works:  # noqa: PTH120
            found.append(seen)
    return found


def _kill(seen: Stat, told: set[Process]) -> None:
    below = [each for each in proc.descendants(seen.pid) if each.pid != os.getpid()]
    for each in (seen, *below):
        if not each.dead and proc.send(each.process, signal.SIGKILL) and each.process not in told:
            told.add(each.process)
            log.warning("ended process %d, which had survived the server", each.pid)
