"""What is compared: one module for each system."""

from __future__ import annotations

from typing import Final

from ..bench import System
from . import celery, posix_spawn, rq, supervisord, task_spooler, tasky, webhook

SYSTEMS: Final[dict[str, System]] = {
    system.name: system
    for system in (
        *tasky.SYSTEMS,
        posix_spawn.SYSTEM,
        webhook.SYSTEM,
        celery.SYSTEM,
        rq.SYSTEM,
        supervisord.SYSTEM,
        task_spooler.SYSTEM,
    )
}
