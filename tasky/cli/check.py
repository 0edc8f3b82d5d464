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
    from ..errors import Problem


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@json_option
@pass_invocation
def check(invocation: Invocation, path: Path | None) -> int:
    """Look for mistakes in the configuration: all of them at once.

    PATH is a settings file, a worker definition or a folder of these; without it, what `tasky serve` would read.
    """
    from ..config import check as look

    report = look(path, os.environ)
    for problem in report.problems:
        if invocation.json:
            emit(_document(problem))
        else:
            line(str(problem))
    if not invocation.json:
        mistakes = _count(len(report.problems), "mistake") if report.problems else "no mistakes"
        line(f"{_count(len(report.workers), 'worker')}, {mistakes}")
    return Exit.FAILED if report.problems else Exit.OK


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
