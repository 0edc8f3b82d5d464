"""A server, its workers and its clients for one test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.helpers import wait_for

from .checks import Ledger, task_pids
from .clients import clients
from .mortal import Mortal, short_folder
from .report import report
from .told import Fate, Told
from .workers import ORPHAN, write_workers

#: Answered submissions that are enough of a load to die under.
ENOUGH: Final = 25


class Stage:
    """`server` is told where to die from its first start on if `first` is given; its clients are at work until
    `settle`."""

    def __init__(self, folder: Path, mode: str, seed: int, first: str | None = None) -> None:
        write_workers(folder / "workers.d", folder / "witness")
        environ = {"TASKY_CRASH_AT": first} if first else {}
        self.told: Final = Told()
        self.server: Final = Mortal(
            folder / "workers.d",
            folder / "state",
            folder / "tasky.sock",
            TASKY_CONTAINMENT=mode,
            TASKY_MAX_TASKS="12",
            **environ,
        )
        self.ledger: Final = Ledger(self.server, self.told, folder / "witness")
        self._clients: Final = contextlib.ExitStack()
        self._clients.enter_context(clients(self.server.socket, self.told, seed))

    def await_load(self) -> None:
        enough = len(self.told.fates) + ENOUGH
        wait_for(lambda: len(self.told.fates) > enough, "submissions are answered")

    def await_survivor(self) -> None:
        """Something runs that would go on without a server."""
        fate = Fate(self.server.submit(ORPHAN), ORPHAN)
        self.told.submitted(fate)
        wait_for(lambda: fate.task_id in dict(task_pids(self.server.state)).values(), "it runs")

    def restart(self, setting: str | None = None) -> None:
        """After a death: starts again, and looks whether all is there, unless it is to die again."""
        self.server.arm(setting)
        self.server.start()
        if setting is None:
            self.ledger.after_start()

    def finish(self) -> None:
        """Ends it all, and checks everything."""
        self._clients.close()
        self.ledger.whole()

    def settle(self) -> None:
        self.finish()
        assert not self.told.mistakes, self.report()

    def report(self) -> str:
        return report(self.server, self.told, self.ledger.witness)

    def close(self) -> None:
        try:
            with contextlib.suppress(AssertionError):
                self._clients.__exit__(AssertionError, None, None)
        finally:
            self.server.close()


@contextlib.contextmanager
def stage(mode: str, seed: int, first: str | None = None) -> Iterator[Stage]:
    with short_folder() as folder:
        built = Stage(folder, mode, seed, first)
        try:
            yield built
        finally:
            built.close()
