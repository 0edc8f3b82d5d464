"""The order of the looks: the machine, then what the settings name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..config import Settings, load_settings, load_workers
from ..config.sources import VARIABLES, settings_file
from ..errors import ConfigError
from ..model.containment import Kind
from ..model.worker import WorkerDefinition
from ..supervisor import Found, probe
from . import containment, disk, machine, server
from .finding import Finding, ok, problem, warning


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
    yield machine.user()
    yield machine.tools()
    try:
        settings = load_settings(
            options.config, environ, workers_dir=options.workers_dir, state_dir=options.state_dir
        )
    except ConfigError as error:
        yield from _containment(probe(), Kind.AUTO, {})
        yield problem("settings", "; ".join(map(str, error.problems)))
        return
    definitions, mistakes = load_workers(
        settings.workers_dir,
        kill_grace=settings.kill_grace,
        check_owners=not settings.insecure_perms,
    )
    yield from _containment(probe(), settings.containment, definitions)
    yield ok("settings", _source(options, environ))
    yield _workers(settings, definitions, len(mistakes))
    yield server.descriptors(settings.max_tasks)
    yield from disk.look(settings.state_dir)
    yield server.address(settings.listen, is_running=disk.is_used(settings.state_dir))


def _containment(
    found: Found, wanted: Kind, definitions: Mapping[str, WorkerDefinition]
) -> Iterator[Finding]:
    yield containment.hierarchies()
    yield containment.kind(found, wanted)
    controllers = frozenset() if wanted is Kind.PROCESS_GROUP else found.controllers
    yield containment.limits(controllers, definitions)
    yield containment.orphans()


def _source(options: Options, environ: Mapping[str, str]) -> str:
    """Where the settings come from."""
    file = settings_file(options.config, environ)
    variables = sorted(name for name in VARIABLES if environ.get(name))
    return " and ".join([str(file or "the defaults"), *variables])


def _workers(
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
    names = ", ".join(list(definitions)[:8])
    more = f" and {len(definitions) - 8} more" if len(definitions) > 8 else ""
    return ok("workers", f"{names}{more}, in {folder}")
