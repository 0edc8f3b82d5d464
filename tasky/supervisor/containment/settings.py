"""The limits of a worker as the files of its cgroup (Linux, Documentation/admin-guide/cgroup-v2.rst)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ...model.limits import Limits
from . import files

#: cpu.max: the microseconds that a cgroup may use of each period.
_CPU_PERIOD: Final = 100_000
#: ... and the least that the kernel takes.
_LEAST_CPU: Final = 1000


def limit(folder: str, limits: Limits, controllers: Collection[str]) -> None:
    """Raises OSError."""
    for name, value in settings(limits, controllers):
        try:
            files.write(folder, name, value)
        except FileNotFoundError:
            if (
                name != "memory.swap.max"
            ):  # not there without swap accounting: then there is no swap to limit
                raise


def settings(limits: Limits, controllers: Collection[str]) -> list[tuple[str, str]]:
    """Which files, and what to write into them."""
    found = []
    if "memory" in controllers and limits.memory is not None:
        found = [
            ("memory.max", str(limits.memory)),
            ("memory.swap.max", "0"),
            ("memory.oom.group", "1"),
        ]
    if "pids" in controllers and limits.processes is not None:
        found.append(("pids.max", str(limits.processes)))
    if "cpu" in controllers and limits.cpu is not None:
        share = max(_LEAST_CPU, round(limits.cpu * _CPU_PERIOD))
        found.append(("cpu.max", f"{share} {_CPU_PERIOD}"))
    return found
