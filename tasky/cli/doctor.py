"""tasky doctor"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from .exits import Exit
from .invocation import Invocation, emit, json_option, pass_invocation
from .terminal import colours, line

if TYPE_CHECKING:
    from ..doctor import Finding
_STYLES: Final = {"ok": "green", "warning": "yellow", "problem": "red", "skipped": "cyan"}


@click.command()
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE",
              help="Settings, as for serve.  [env: TASKY_CONFIG]")  # fmt: skip
@click.option("--workers-dir", metavar="DIR", help="The folder of the worker definitions.")
@click.option("--state-dir", metavar="DIR", help="Where tasks, their logs and files are kept.")
@json_option
@pass_invocation
def doctor(
    invocation: Invocation, config: Path | None, workers_dir: str | None, state_dir: str | None
) -> int:
    """Look at everything that a server depends on here, say what is in force, and what to do about what is wrong.

    No server is needed, and one may run. Any user can run it: what that one may not look at is said to be skipped. The
    server's user and root see most. The exit status is 1 if there is a problem: something that keeps a server from
    starting, or endangers tasks. A warning is about less.
    """
    from ..doctor import Options, Verdict, examine

    options = Options(config=config, workers_dir=workers_dir, state_dir=state_dir)
    findings = []
    for finding in examine(options, os.environ):
        findings.append(finding)
        _tell(finding, invocation)
    problems = sum(finding.verdict is Verdict.PROBLEM for finding in findings)
    warnings = sum(finding.verdict is Verdict.WARNING for finding in findings)
    skipped = sum(finding.verdict is Verdict.SKIPPED for finding in findings)
    if not invocation.json:
        unseen = f", {skipped} skipped" if skipped else ""
        line(f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}{unseen}")
    return Exit.FAILED if problems else Exit.OK


def _tell(finding: Finding, invocation: Invocation) -> None:
    verdict = str(finding.verdict)
    if invocation.json:
        emit({"verdict": verdict, "subject": finding.subject, "message": finding.message})
        return
    text = f"{verdict:<8}"
    if colours(sys.stdout):
        text = click.style(text, fg=_STYLES[verdict])
    line(f"{text} {finding.subject:<12} {finding.message}")


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
