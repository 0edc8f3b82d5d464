"""The definitions: whether they can be read, and who else could change what they start."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from ..config import Settings, definition_files, fault_of
from ..errors import ConfigError
from ..model.worker import WorkerDefinition
from .finding import Finding, ok, problem, skipped, warning
from .running import Running, name_of

_MOST = 8


def unread(folder: Path, server: Running) -> Finding | None:
    """What this user may not read, and the server may."""
    if server.is_seen_whole:
        return None
    try:
        hidden = [file.name for file in definition_files(folder) if not os.access(file, os.R_OK)]
    except ConfigError as error:
        if os.access(folder.parent, os.X_OK) and not folder.is_dir():
            return None
        return skipped("workers", str(error.problems[0]))
    if not hidden:
        return None
    return skipped(
        "workers", f"{name_of(os.geteuid())} cannot read {', '.join(hidden[:_MOST])} in {folder}"
    )


def workers(
    settings: Settings, definitions: Mapping[str, WorkerDefinition], mistakes: int
) -> Finding:
    folder = settings.workers_dir
    if mistakes:
        many = f"{mistakes} mistakes" if mistakes > 1 else "1 mistake"
        return problem(
            "workers", f"{many} in {folder}: the server does not start; `tasky check` tells all"
        )
    if not definitions:
        return warning("workers", f"there are none in {folder}")
    names = ", ".join(list(definitions)[:_MOST])
    more = f" and {len(definitions) - _MOST} more" if len(definitions) > _MOST else ""
    return ok("workers", f"{names}{more}, in {folder}")


def permissions(
    settings: Settings, definitions: Collection[WorkerDefinition], server: Running
) -> Finding:
    """Whoever can change a definition, or its program, runs anything as the server's user."""
    faults: dict[str, None] = {}
    try:
        files = definition_files(settings.workers_dir)
    except ConfigError as error:
        return skipped("permissions", str(error.problems[0]))
    programs = [Path(definition.command[0]) for definition in definitions]
    for path in (*files, *programs):
        if fault := fault_of(path, server.uid):
            faults[fault] = None
    if not faults:
        who = "root" if server.uid == 0 else f"root and {server.user}"
        return ok(
            "permissions",
            f"definitions: {len(files)}. Nobody but {who} can change them and their programs",
        )
    first = next(iter(faults))
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    if settings.insecure_perms:
        return warning("permissions", f"insecure_perms: true allows this: {first}{more}")
    return problem("permissions", f"{first}{more}")
