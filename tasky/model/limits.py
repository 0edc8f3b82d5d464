"""What a worker's processes may take, and by what means that is kept. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from .units import format_size


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


class Means(StrEnum):
    """What keeps a limit."""

    CGROUP = "cgroup"  #: a controller, for the whole tree
    RLIMIT = "rlimit"  #: the kernel, for each process
    SERVER = "server"  #: Tasky itself, which counts
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Kept:
    """One limit, and how it is kept on a machine. `value` is in the units of `Limits`."""

    limit: str
    value: float
    means: Means
    remark: str = ""

    def __str__(self) -> str:
        remark = f" ({self.remark})" if self.remark else ""
        by = "not enforced here" if self.means is Means.NOTHING else f"by {self.means}"
        return f"{self.limit} {self.shown} {by}{remark}"

    @property
    def shown(self) -> str:
        """The value as a definition has it."""
        in_bytes = self.limit in ("memory", "file_size", "output")
        return format_size(int(self.value)) if in_bytes else f"{self.value:g}"


def kept(limits: Limits, controllers: Collection[str], *, as_root: bool) -> list[Kept]:
    """How each limit that is set is kept where a cgroup has these controllers. An rlimit stands in for one that is not
    there, as far as there is one; `as_root` says that the worker runs as root."""
    found = [
        _memory(limits.memory, controllers),
        _cpu(limits.cpu, controllers),
        _processes(limits.processes, controllers, as_root),
        _plain("open_files", limits.open_files, Means.RLIMIT, "each process by itself"),
        _plain("file_size", limits.file_size, Means.RLIMIT, "each file by itself"),
        _plain("output", limits.output, Means.SERVER),
    ]
    return [one for one in found if one is not None]


def _plain(limit: str, value: float | None, means: Means, remark: str = "") -> Kept | None:
    return None if value is None else Kept(limit, value, means, remark)


def _memory(value: int | None, controllers: Collection[str]) -> Kept | None:
    if "memory" in controllers:
        return _plain("memory", value, Means.CGROUP)
    return _plain("memory", value, Means.RLIMIT, "each process by itself")


def _cpu(value: float | None, controllers: Collection[str]) -> Kept | None:
    if "cpu" in controllers:
        return _plain("cpu", value, Means.CGROUP)
    return _plain("cpu", value, Means.NOTHING, "there is no cpu controller")


def _processes(value: int | None, controllers: Collection[str], as_root: bool) -> Kept | None:
    if "pids" in controllers:
        return _plain("processes", value, Means.CGROUP)
    if as_root:
        remark = "there is no pids controller, and root has no limit of processes"
        return _plain("processes", value, Means.NOTHING, remark)
    remark = "all processes and threads of its user together"
    return _plain("processes", value, Means.RLIMIT, remark)
