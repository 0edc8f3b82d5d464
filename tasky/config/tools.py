"""The system's tools that make a worker's process what its definition says (util-linux, coreutils), by absolute path:
looked for where the system has its programs, whatever PATH the server or a worker has."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Final

from ..model.worker import WorkerDefinition

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Which package has them.
PACKAGES: Final = {"nice": "coreutils", "prlimit": "util-linux", "setpriv": "util-linux"}

_found: Final[dict[str, str]] = {}


def find(name: str) -> str | None:
    """Where the tool is; None if it is not installed. One that was found is not looked for again while it is there."""
    path = _found.get(name)
    if path is None or not os.access(path, os.X_OK):
        path = shutil.which(name, path=PATH)
        if path is not None:
            _found[name] = path
    return path


def needed(definition: WorkerDefinition) -> Iterator[tuple[str, str]]:
    """The tools that a worker may need on one machine or another, each with the key that asks for it."""
    limits = definition.limits
    for key in ("user", "group", "no_new_privs"):
        if getattr(definition, key):
            yield key, "setpriv"
    if definition.nice:
        yield "nice", "nice"
    by_rlimit = (limits.memory, limits.processes, limits.open_files, limits.file_size)
    if any(limit is not None for limit in by_rlimit):
        yield "limits", "prlimit"
