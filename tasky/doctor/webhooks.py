"""Notifications of tasks' ends: what they are signed with, where they may go, what waits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..config import SECRET_FILE, Settings, read_secret
from ..model.fields import Wrong
from ..model.units import format_duration
from ..model.worker import WorkerDefinition
from ..store import Contents
from .finding import Finding, ok, problem, skipped, warning, worst
from .running import Running

_LATE = 300 * 1_000_000_000
_SECOND = 1_000_000_000


def webhooks(
    settings: Settings,
    definitions: Mapping[str, WorkerDefinition],
    contents: Contents | None,
    server: Running,
) -> Finding:
    """`contents` is None where the database was not read."""
    parts = [_secret(settings, server), *_hosts(settings, definitions)]
    if contents is not None:
        parts.append(_backlog(contents, bool(server.pid)))
    return worst("webhooks", parts)


def _secret(settings: Settings, server: Running) -> Finding:
    file = settings.webhooks.secret_file or settings.state_dir / SECRET_FILE
    try:
        file.stat()
    except FileNotFoundError:
        if settings.webhooks.secret_file is None:
            return ok("", "no secret yet: the server makes one when it is needed")
    except OSError as error:
        return skipped("", f"{file}: {error.strerror}")
    return _readable(file, server)


def _readable(file: Path, server: Running) -> Finding:
    try:
        read_secret(file, server.uid)
    except Wrong as error:
        if isinstance(error.__context__, PermissionError) and not server.is_seen_whole:
            return skipped("", f"{file}: permission denied")
        return problem("", f"the secret: {error}")
    return ok("", f"signed with the secret in {file}")


def _hosts(settings: Settings, definitions: Mapping[str, WorkerDefinition]) -> Iterator[Finding]:
    hosts = ", ".join(settings.webhooks.allowed_hosts)
    yield ok("", f"clients may name: {hosts}" if hosts else "clients may name no host")
    hooked = [name for name, definition in definitions.items() if definition.notify]
    if hooked:
        yield ok("", f"workers that notify: {', '.join(hooked)}")


def _backlog(contents: Contents, is_running: bool) -> Finding:
    if not contents.notifications:
        return ok("", "none waits")
    waiting = f"{contents.notifications} wait to be delivered"
    late = time.time_ns() - (contents.due or 0)
    if is_running and late > _LATE:
        return warning(
            "",
            f"{waiting}, the first for {format_duration(late // _SECOND * _SECOND)}: see the log",
        )
    return ok("", waiting)
