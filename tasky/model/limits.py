"""What a worker's processes may take. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Sizes are bytes, `cpu` is cores; None means no limit of its own.

    `memory`, `cpu` and `processes` hold for the whole tree where a cgroup controller keeps them; `open_files` and
    `file_size` for each process; `output` for what the attempt writes to stdout and stderr together.
    """

    memory: int | None = None
    cpu: float | None = None
    processes: int | None = None
    open_files: int | None = None
    file_size: int | None = None
    output: int | None = None
