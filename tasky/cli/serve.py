"""tasky serve"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..config import Settings
    from ..doctor import Finding


@click.command()
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE",
              help="Settings.  [env: TASKY_CONFIG; default: /etc/tasky/tasky.yaml if it exists]")  # fmt: skip
@click.option("--listen", metavar="ADDRESS", help="host:port, [ipv6]:port or unix:/path.")
@click.option("--workers-dir", metavar="DIR", help="The folder of the worker definitions.")
@click.option("--state-dir", metavar="DIR", help="Where tasks, their logs and files are kept.")
@click.option("--insecure-perms", is_flag=True,
              help="Also run workers that somebody besides root and the server's user can change.")  # fmt: skip
def serve(
    config: Path | None,
    listen: str | None,
    workers_dir: str | None,
    state_dir: str | None,
    insecure_perms: bool,
) -> int:
    """Run the server until SIGTERM or Ctrl-C.

    Options win over TASKY_* variables, and these over the settings file. The exit status is 0 after an orderly end,
    78 if the configuration has mistakes, 1 if the server cannot start for another reason.
    """
    # Here, because the other commands need none of it and start much faster without.
    from ..config import load_settings
    from ..daemon import Handover
    from ..daemon import serve as run
    from ..doctor import Options, examine

    def load() -> Settings:
        return load_settings(
            config,
            os.environ,
            listen=listen,
            workers_dir=workers_dir,
            state_dir=state_dir,
            insecure_perms="true" if insecure_perms else None,
        )

    def examine_for(settings: Settings) -> Callable[[], Iterator[Finding]]:
        options = Options(
            config=config,
            workers_dir=str(settings.workers_dir),
            state_dir=str(settings.state_dir),
        )
        environ = {**os.environ, **({"TASKY_LISTEN": listen} if listen else {})}
        return lambda: examine(options, environ)

    return run(load, Handover.take(os.environ), examine_for)
