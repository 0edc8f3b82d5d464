"""100 MB of log lines, through one task and through 50 at the same time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from ..bench import Bench, Contestant, Metric, Sample, Scenario, Trouble
from ..systems import posix_spawn, tasky
from ..systems.processes import wait_for
from ..systems.supervisord import NAME as SUPERVISORD
from ..systems.supervisord import Supervisord, supervisord
from ..systems.task_spooler import NAME as TSP
from ..systems.task_spooler import PROGRAM, task_spooler

_LINE: Final = (
    "2026-01-01T00:00:00.000Z info worker: the line number %09d of many, as long as lines are\n"
)
_MB: Final = 1_000_000
_EXITED: Final = 100  # supervisord's state


def _contestants(bench: Bench, stack: ExitStack) -> Iterable[Contestant]:
    size = bench.count(100 * _MB, 4 * _MB)
    for tasks in (1, 50):
        room = bench.room("lines")
        lines = room / "lines"
        _write(lines, size // tasks)
        case = f"{size // _MB} MB through {tasks}"
        count = lines.stat().st_size * tasks
        if posix_spawn.SYSTEM.name in bench.chosen:
            yield Contestant(case, "cat", partial(_cat, lines, room, tasks, count))
        # With a result: else the beginning of what it says would be that, too.
        script = f'cat {lines}; echo \'{{"type":"result","output":null}}\''
        definitions = {"lines": {"command": ["/bin/sh", "-c", script]}}
        start = tasky.server(
            bench.room(tasky.TASKY), definitions, http_threads="64", max_log="1GiB"
        )
        if (server := bench.started(stack, tasky.TASKY, start)) is not None:
            yield Contestant(case, tasky.TASKY, partial(_tasky, bench, server, tasks, count))
        control = bench.started(
            stack, SUPERVISORD, supervisord(bench.room(SUPERVISORD), f"/bin/cat {lines}", tasks)
        )
        if control is not None:
            yield Contestant(case, SUPERVISORD, partial(_supervisord, control, count))
        folder = bench.room(TSP)
        if (spooler := bench.started(stack, TSP, task_spooler(folder, slots=64))) is not None:
            yield Contestant(case, TSP, partial(_spooler, bench, spooler, folder, tasks, lines))


def _write(file: Path, size: int) -> None:
    with file.open("w") as out:
        for first in range(0, size // len(_LINE % 0), 1000):
            out.write("".join(_LINE % number for number in range(first, first + 1000)))


def _sample(count: float, seconds: float) -> Sample:
    return {"rate": count / _MB / seconds}


def _cat(lines: Path, room: Path, tasks: int, count: int) -> Sample:
    """The pipe's own limit: one `cat` reads what another writes, and copies it to a file."""
    begin = time.monotonic()
    shells = [
        subprocess.Popen(["/bin/sh", "-c", f"cat {lines} | cat > {room}/copy-{number}"])
        for number in range(tasks)
    ]
    if any(shell.wait() for shell in shells):
        raise Trouble("cat failed")
    return _sample(count, time.monotonic() - begin)


def _tasky(bench: Bench, server: tasky.Server, tasks: int, count: int) -> Sample:
    path = "/tasky/v1/workers/lines?wait=120s"
    done = bench.ask(tasks, str(tasks), server.port, path, text='"Completed"')
    return _sample(count, done["seconds"])


def _supervisord(control: Supervisord, count: int) -> Sample:
    for file in control.folder.glob("out-*"):
        file.unlink()
    control.api.reloadConfig()
    begin = time.monotonic()
    control.api.startAllProcesses(False)
    wait_for(
        lambda: all(it["state"] == _EXITED for it in control.api.getAllProcessInfo()),
        "all have ended",
        pause=0.01,
    )
    return _sample(count, time.monotonic() - begin)


def _spooler(
    bench: Bench, spooler: dict[str, str], folder: Path, tasks: int, lines: Path
) -> Sample:
    done = bench.spawn(tasks, str(tasks), PROGRAM, "-f", "/bin/cat", lines, environment=spooler)
    size = sum(file.stat().st_size for file in folder.glob("ts-out.*"))
    for file in folder.glob("ts-out.*"):
        file.unlink()
    return _sample(size, done["seconds"])


SCENARIO: Final = Scenario(
    "logs",
    "Log lines",
    "Lines of a log, written by `cat` of a file: until the task has ended and all of them are kept, numbered by their"
    " time. `cat` is `cat lines | cat > copy`: the pipe's own limit. task-spooler gives the program the file itself.",
    (posix_spawn.SYSTEM.name, tasky.TASKY, SUPERVISORD, TSP),
    (Metric("rate", "MB/s", more_is_better=True),),
    "cat",
    _contestants,
    rounds=5,
)
