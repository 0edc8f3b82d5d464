"""Runs a bundled worker as the server does: its task on stdin, a work folder and a process group of its own."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tasky.config import load_workers
from tasky.model.messages import (
    ArtifactMessage,
    ErrorMessage,
    Item,
    LineDecoder,
    LogMessage,
    ProgressMessage,
    ResultMessage,
    Text,
    encode_task,
)
from tasky.model.params import expand
from tasky.model.worker import Protocol
from tests.helpers import PATIENCE, REPOSITORY

WORKERS = REPOSITORY / "workers.d"
MAX_LINE = 1 << 20
#: What each worker wants of the machine; the tests of one whose runtime is not there are skipped.
RUNTIMES = {
    "backup": ("bash", "tar", "gzip", "find"),
    "copyfile": ("python3",),
    "csvstats": ("node",),
    "diskfree": ("df",),
    "ifconfig": ("python3",),
    "logscan": ("perl",),
    "sleeper": ("python3",),
    "wordfreq": ("cc", "make"),
}

I = TypeVar("I")  # noqa: E741


def require(worker: str) -> None:
    missing = [program for program in RUNTIMES[worker] if not shutil.which(program)]
    if missing:
        pytest.skip(f"THE WORKER {worker} IS NOT TESTED: {', '.join(missing)} not found")


@dataclass(frozen=True)
class Finished:
    """What a worker said, and its exit status (negative: the signal that ended it)."""

    status: int
    items: Sequence[Item]
    stderr: str

    def all(self, kind: type[I]) -> list[I]:
        return [item for item in self.items if isinstance(item, kind)]

    @property
    def output(self) -> Any:
        """Of a task that went well."""
        assert self.status == 0, self
        (result,) = self.all(ResultMessage)
        return result.output

    @property
    def error(self) -> str:
        """Of a task that failed by its own message."""
        assert self.status == 1, self
        assert not self.all(ResultMessage)
        (error,) = self.all(ErrorMessage)
        return error.message

    @property
    def percents(self) -> list[float]:
        percents = [item.progress.percent for item in self.all(ProgressMessage)]
        return [percent for percent in percents if percent is not None]

    @property
    def text(self) -> bytes:
        return b"".join(item.data for item in self.all(Text))


class Running:
    """A worker's process, or that of any program which speaks the protocol."""

    def __init__(
        self,
        argv: Sequence[str],
        task: bytes,
        workdir: Path,
        environ: Mapping[str, str],
        input_open: bool = False,
    ) -> None:
        workdir.mkdir(exist_ok=True)
        self.items: list[Item] = []
        self._decoder = LineDecoder(MAX_LINE, True)
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=workdir,
            env={"PATH": os.environ["PATH"], "TASKY_WORKDIR": str(workdir), **environ},
            start_new_session=True,
        )
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended already, or does not read
            self.process.stdin.write(task)
            self.process.stdin.flush()
        if not input_open:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.stdin = None

    def wait_for(self, kind: type[I]) -> I:
        """Reads up to the first such item."""
        while True:
            for item in self.items:
                if isinstance(item, kind):
                    return item
            self.items += self._decoder.feed(self._read(kind.__name__))

    def _read(self, wanted: str) -> bytes:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            self.kill()
            raise AssertionError(f"it said no {wanted}")
        data = os.read(self.process.stdout.fileno(), 4096)
        assert data, f"it ended without a {wanted}: {self.finish()}"
        return data

    def terminate(self) -> None:
        """As a cancel does: to all processes of the task."""
        os.killpg(self.process.pid, signal.SIGTERM)

    def finish(self) -> Finished:
        """Closes stdin, reads to the end. Nothing may be left of the process group."""
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        finally:
            self.kill()
        items = [*self.items, *self._decoder.feed(out), *self._decoder.close()]
        return Finished(self.process.returncode, items, err.decode(errors="replace"))

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()


def start(worker: str, workdir: Path, prefix: Sequence[str] = (), **params: Any) -> Running:
    """A bundled worker (run by the command `prefix`); its parameters are checked, and defaults filled in, as the server
    does it."""
    require(worker)
    definition = definitions()[worker]
    checked = definition.parameters.check(params)
    argv = [*prefix, *definition.command, *expand(definition.args, checked, definition.parameters)]
    task = b""
    if definition.protocol is Protocol.JSONL:
        task = encode_task("0190c5d2a0007000800000000000000a", worker, checked, 1, str(workdir))
    return Running(argv, task, workdir, definition.env)


def run(worker: str, workdir: Path, **params: Any) -> Finished:
    return start(worker, workdir, **params).finish()


def run_on(worker: str, file: Path, content: bytes | str, **params: Any) -> Finished:
    """The worker on a file with this content; nothing of what it says may be mere text."""
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    finished = run(worker, file.parent / "work", file=str(file), **params)
    assert quiet(finished)
    return finished


@cache
def definitions() -> Mapping[str, Any]:
    """Those that can run here: the others (no compiler, no Node.js) are problems, and skipped by `require`."""
    return load_workers(WORKERS, kill_grace=10**10)[0]


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def quiet(finished: Finished) -> bool:
    """Whether nothing went where it is only text: each line on stdout was understood, and stderr is empty."""
    understood = ProgressMessage | LogMessage | ResultMessage | ErrorMessage | ArtifactMessage
    return not finished.stderr and all(isinstance(item, understood) for item in finished.items)
