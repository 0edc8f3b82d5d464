"""tasky check"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .invocation import Invocation, emit, json_option, pass_invocation
from .terminal import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config import Report
    from ..errors import Problem
    from ..model.limits import Kept


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--insecure-perms", is_flag=True,
              help="Say nothing of who can change the workers, as that option of `tasky serve`.")  # fmt: skip
@json_option
@pass_invocation
def check(invocation: Invocation, path: Path | None, insecure_perms: bool) -> int:
    """Look for mistakes in the configuration: all of them at once.

    PATH is a settings file, a worker definition or a folder of these; without it, what `tasky serve` would read. Of
    each limit of a worker it says what keeps it on this machine.
    """
    from ..config import check as look

    report = look(path, os.environ, insecure_perms=insecure_perms)
    for problem in report.problems:
        if invocation.json:
            emit(_document(problem))
        else:
            line(str(problem))
    for worker, limit in _limits(report):
        if invocation.json:
            emit(_of_limit(worker, limit))
        else:
            line(f"{worker}: {limit}")
    if not invocation.json:
        mistakes = _count(len(report.problems), "mistake") if report.problems else "no mistakes"
        line(f"{_count(len(report.workers), 'worker')}, {mistakes}")
    return Exit.FAILED if report.problems else Exit.OK


def _limits(report: Report) -> Iterator[tuple[str, Kept]]:
    """Each limit of each worker, and what keeps it here."""
    from ..config import runs_as_root
    from ..model.containment import Kind
    from ..model.limits import Limits, kept
    from ..supervisor import probe

    limited = [worker for worker in report.workers if worker.limits != Limits()]
    by_group = report.containment is Kind.PROCESS_GROUP
    controllers = probe().controllers if limited and not by_group else ()
    for worker in limited:
        as_root = runs_as_root(worker)
        for limit in kept(worker.limits, controllers, as_root=as_root):
            yield worker.name, limit


def _of_limit(worker: str, limit: Kept) -> dict[str, object]:
    return {
        "worker": worker,
        "limit": limit.limit,
        "value": limit.value,
        "by": str(limit.means),
        "remark": limit.remark,
    }


def _document(problem: Problem) -> dict[str, object]:
    return {
        "file": str(problem.file),
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "message": problem.message,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
