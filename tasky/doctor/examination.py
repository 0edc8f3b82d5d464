"""The order of the looks: the machine, what the settings name, the server and its unit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..config import Settings, load_settings, load_workers
from ..config.sources import VARIABLES, settings_file
from ..errors import ConfigError
from ..model.containment import Kind
from ..model.worker import WorkerDefinition
from ..supervisor import probe
from . import containment, database, disk, machine, running, tokens, units, webhooks, workers
from .finding import Finding, Verdict, ok, problem, skipped
from .running import Running
from .server import address, descriptors
from .units import Unit

Definitions = Mapping[str, WorkerDefinition]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """As those of `tasky serve`."""

    config: Path | None = None
    workers_dir: str | None = None
    state_dir: str | None = None


def examine(options: Options, environ: Mapping[str, str]) -> Iterator[Finding]:
    """One by one. What depends on settings that cannot be read is left out."""
    yield machine.python()
    yield machine.kernel()
    yield machine.clock()
    yield machine.tools()
    yield containment.hierarchies()
    yield containment.orphans()
    yield containment.starts()
    unit, socket = units.service(), units.socket()
    try:
        settings = load_settings(
            options.config, environ, workers_dir=options.workers_dir, state_dir=options.state_dir
        )
    except ConfigError as error:
        yield from _without_settings(options, environ, unit, error)
        return
    yield ok("settings", _source(options, environ))
    yield from _examine(settings, unit, socket)


def _examine(settings: Settings, unit: Unit, socket: Unit) -> Iterator[Finding]:
    server = running.find(settings.state_dir, unit)
    yield machine.user(server)
    definitions, mistakes = load_workers(
        settings.workers_dir,
        kill_grace=settings.kill_grace,
        check_owners=not settings.insecure_perms,
    )
    yield from _containment(settings, definitions, server, unit)
    yield workers.unread(settings.workers_dir, server) or workers.workers(
        settings, definitions, len(mistakes)
    )
    yield workers.permissions(settings, definitions.values(), server)
    yield from disk.look(settings.state_dir, server)
    yield database.sqlite()
    found, contents = database.look(settings.state_dir, server)
    yield found
    yield tokens.tokens(settings, server)
    yield webhooks.webhooks(settings, definitions, contents, server)
    yield from _service(settings, definitions, server, unit, socket)


def _containment(
    settings: Settings, definitions: Definitions, server: Running, unit: Unit
) -> Iterator[Finding]:
    if server.pid or not server.is_known:
        found, controllers = containment.in_force(settings.state_dir)
        yield found
    else:
        tried = probe()
        outside = units.delegates(unit) and settings.containment is Kind.AUTO
        yield (
            containment.outside(tried) if outside else containment.kind(tried, settings.containment)
        )
        group = settings.containment is Kind.PROCESS_GROUP
        controllers = frozenset() if group else tried.controllers
    yield containment.limits(controllers, definitions)


def _service(
    settings: Settings, definitions: Definitions, server: Running, unit: Unit, socket: Unit
) -> Iterator[Finding]:
    """The process, its descriptors and its address, and what systemd is to do with it."""
    held = units.address_of(socket) if socket.is_active else ""
    listen = settings.listen
    yield running.server(server, unit, running.url_of(held or str(listen)))
    yield running.files(server) if server.pid else descriptors(settings.max_tasks)
    taken = address(listen, is_running=bool(server.pid or held))
    unclear = taken.verdict is Verdict.PROBLEM and not server.is_seen_whole
    yield skipped("listen", f"as this user: {taken.message}") if unclear else taken
    yield units.unit(unit)
    graces = [settings.kill_grace, *(one.kill_grace for one in definitions.values())]
    for finding in (
        units.watchdog(unit),
        units.stop(unit, graces),
        units.listening(socket, listen),
    ):
        if finding is not None:
            yield finding


def _without_settings(
    options: Options, environ: Mapping[str, str], unit: Unit, error: ConfigError
) -> Iterator[Finding]:
    yield containment.kind(probe(), Kind.AUTO)
    file = settings_file(options.config, environ)
    if file is not None and file.exists() and not os.access(file, os.R_OK):
        yield skipped("settings", f"{file}: this user may not read it")
    else:
        yield problem("settings", "; ".join(map(str, error.problems)))
    yield units.unit(unit)


def _source(options: Options, environ: Mapping[str, str]) -> str:
    """Where the settings come from."""
    file = settings_file(options.config, environ)
    variables = sorted(name for name in VARIABLES if environ.get(name))
    return " and ".join([str(file or "the defaults"), *variables])
