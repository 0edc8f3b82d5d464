"""tasky db"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..model.units import format_size
from .exits import Exit
from .invocation import Invocation, emit, json_option, pass_invocation
from .terminal import line
from .types import nanoseconds

if TYPE_CHECKING:
    from ..config import Settings
    from ..store import Finding, Pruned
_GO_ON: Final = "How to go on: docs/operations.md, Restoring a backup"


def of_state_dir(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which state directory."""
    config = click.option("--config", type=click.Path(path_type=Path), metavar="FILE",
                          help="Settings, as for serve.  [env: TASKY_CONFIG]")  # fmt: skip
    state_dir = click.option("--state-dir", type=click.Path(), metavar="DIR",
                             help="The state directory, whatever the settings say.")  # fmt: skip
    return config(state_dir(json_option(pass_invocation(function))))


def settings_of(config: Path | None, state_dir: str | None) -> Settings:
    from ..config import load_settings

    return load_settings(config, os.environ, state_dir=state_dir)


@click.group()
def db() -> None:
    """Look after the state directory: check it, save its database, remove old tasks.

    \b
    Examples:
      tasky db check --state-dir /var/lib/tasky
      tasky db backup /srv/backup/tasky-$(date +%F).db
      tasky db prune --older-than 7d --dry-run
    """


@db.command()
@of_state_dir
def check(invocation: Invocation, config: Path | None, state_dir: str | None) -> int:
    """Look for damage: in the database, between its tables, and between tasks and their files.

    It only reads, and a server may run meanwhile. The exit status is 1 if something is found.
    """
    from ..store import inspect

    report = inspect(settings_of(config, state_dir).state_dir)
    if invocation.json:
        emit(
            {
                "database": str(report.database),
                "schema": report.schema,
                "tasks": report.tasks,
                "findings": [_finding(finding) for finding in report.findings],
            }
        )
        return Exit.FAILED if report.findings else Exit.OK
    for finding in report.findings:
        line(f"{finding.kind}: {f'{finding.task}: ' if finding.task else ''}{finding.message}")
    tasks = "" if report.tasks is None else f"{_count(report.tasks, 'task')}, "
    if not report.findings:
        line(f"{report.database}: {tasks}no mistakes")
        return Exit.OK
    line(f"{report.database}: {tasks}{_count(len(report.findings), 'mistake')}. {_GO_ON}")
    return Exit.FAILED


def _finding(finding: Finding) -> dict[str, object]:
    return {"kind": finding.kind, "message": finding.message, "task": finding.task}


@db.command()
@click.argument("path", metavar="DEST", type=click.Path(path_type=Path))
@of_state_dir
def backup(invocation: Invocation, path: Path, config: Path | None, state_dir: str | None) -> None:
    """Save the database as the new file DEST, as of one moment.

    A server may run meanwhile. The copy is checked and synced to disk, and only its owner can read it. Logs and other
    files of the tasks are not in it.
    """
    from ..store import back_up

    made = back_up(settings_of(config, state_dir).state_dir, path)
    if invocation.json:
        emit({"file": str(made.path), "tasks": made.tasks, "bytes": made.size})
    else:
        line(f"{made.path}: {_count(made.tasks, 'task')}, {format_size(made.size)}")


@db.command()
@click.option("--older-than", type=nanoseconds, metavar="DURATION",
              help="Tasks that ended longer ago.  [default: the setting retention.age]")  # fmt: skip
@click.option("--keep", type=click.IntRange(0), metavar="NUMBER",
              help="All but the newest so many.  [default: the setting retention.count]")  # fmt: skip
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would go; a server may run.")
@of_state_dir
def prune(
    invocation: Invocation,
    *,
    older_than: int | None,
    keep: int | None,
    dry_run: bool,
    config: Path | None,
    state_dir: str | None,
) -> None:
    """Remove finished tasks with their logs and files, while no server runs.

    It works on a full disk, too. A running server removes old tasks by itself, and single ones by `tasky delete`.
    """
    from ..store import doomed
    from ..store import prune as remove

    settings = settings_of(config, state_dir)
    age = settings.retention.age if older_than is None else older_than
    count = settings.retention.count if keep is None else keep
    gone = (doomed if dry_run else remove)(settings.state_dir, age, count)
    if invocation.json:
        emit(
            {
                "dry_run": dry_run,
                "tasks": gone.tasks,
                "file_bytes": gone.files,
                "database_bytes": gone.database,
                "reusable_bytes": gone.reusable,
            }
        )
    else:
        line(_told(gone, dry_run))


def _told(gone: Pruned, dry_run: bool) -> str:
    would = "would be removed" if dry_run else "removed"
    told = f"{_count(gone.tasks, 'task')} {would}, with {format_size(gone.files)} of logs and files"
    if gone.database:
        told += f"; the database is smaller by {format_size(gone.database)}"
    if gone.reusable:
        told += f"; in the database {format_size(gone.reusable)} are free for new tasks"
    return told


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
