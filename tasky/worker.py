"""For workers written in Python: reads the task, says how it goes. Imports nothing but the standard library.

    from tasky.worker import Task, run

    def main(task: Task) -> object:
        names = sorted(os.listdir(task.params["folder"]))
        for number, name in enumerate(names):
            task.progress(100 * number / len(names), name)
            handle(name)
        return {"files": len(names)}  # the task's Output

    run(main)

With `reuse` in its definition, `main` is called for one task after another (docs/writing-workers.md). A worker whose
Python has no Tasky takes a copy of this file along. The protocol itself is in docs/protocol.md.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

__all__ = ["Cancelled", "Failed", "Task", "run", "task"]

#: The exit status of a program that ends because of SIGTERM, by the shell's custom.
_TERMINATED = 128 + signal.SIGTERM
#: A printed line that is longer than this is passed on in pieces.
_LONGEST_LINE = 64 * 1024


class Cancelled(BaseException):
    """The task was cancelled, ran into its timeout, or the server stops. Not an Exception, so that a worker's
    `except Exception` lets it through."""


class Failed(Exception):
    """Raise it to fail the task with this message; `code` and `details` are for programs."""

    def __init__(self, message: str, code: str | None = None, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details


def run(main: Callable[[Task], Any], *, catch_cancel: bool = False) -> NoReturn:
    """Calls `main` with the task, then ends the process; or calls it with the next one, if there are to be more.

    What `main` returns is the task's Output, unless it is None. An exception fails the task: `Failed` with its own
    message, any other with its type and text, and its traceback in the log. A cancel raises `Cancelled` in `main`; with
    `catch_cancel` it only sets `task.cancelled`, which `main` must then look at.
    """
    current = task(catch_cancel=True)
    if not _of_many():
        sys.exit(_carry_out(main, current, catch_cancel))
    home = os.getcwd()  # noqa: PTH109
    moves = home == os.path.realpath(os.environ["TASKY_PROCESS"])
    while True:
        current._answers = True
        if moves:
            os.chdir(current.workdir)
        _carry_out(main, current, catch_cancel)
        os.chdir(home)
        current._end()
        current = current._next()


def _of_many() -> bool:
    """The process may have several tasks, one after the other."""
    return os.environ.get("TASKY_PROTOCOL") == "2"


def _carry_out(main: Callable[[Task], Any], current: Task, catch_cancel: bool) -> int:
    """Gives the exit status."""
    try:
        if not catch_cancel:
            current._raise_on_cancel()
        return _call(main, current)
    except Cancelled:
        sys.exit(_TERMINATED)
    except SystemExit as end:
        if current._answer and (not end.code or current._failed):
            current._end()
        raise


def task(*, catch_cancel: bool = False) -> Task:
    """Reads the task from stdin: to be called once, and not with `run`, which does it itself.

    SIGTERM ends the worker at once, as it ends any program; with `catch_cancel` it only sets `task.cancelled`.
    """
    current = _read_task(_take_stdout)
    if catch_cancel:
        signal.signal(signal.SIGTERM, current._on_cancel)
    return current


def _read_task(out: Callable[[], _WholeLines]) -> Task:
    line = sys.stdin.buffer.readline()
    if not line and "TASKY_PROCESS" in os.environ:
        sys.exit(0)  # there is none for a process that has waited for it
    try:
        document = json.loads(line)
        params = document["params"]
    except (ValueError, LookupError, TypeError):
        sys.exit(_NO_TASK.format(program=sys.argv[0]))
    current = Task(document, params, out())
    if "TASKY_PROCESS" in os.environ:  # it was started before there was a task
        os.environ["TASKY_TASK_ID"] = current.id
        os.environ["TASKY_ATTEMPT"] = str(current.attempt)
        os.environ["TASKY_WORKDIR"] = current.workdir
    return current


_NO_TASK = """\
This program is a worker of Tasky: it expects a task on its standard input, for example
  echo '{{"type": "task", "params": {{"name": "value"}}}}' | {program}"""


class Task:
    """The task, and all that can be said of it. Its methods may be called from any thread."""

    def __init__(self, document: dict[str, Any], params: dict[str, Any], out: _WholeLines) -> None:
        self.params = params
        self.id = str(document.get("id", ""))
        self.worker = str(document.get("worker", ""))
        self.attempt = document.get("attempt", 1)  #: counts from 1
        self.workdir = str(document.get("workdir", "."))
        self.cancelled = False  #: stays False where SIGTERM is not caught
        self._raises = False
        self._out = out
        self._answers = False  #: its result or error is sent at its end, and ends it
        self._answer = b""
        self._failed = False
        self._over = False

    def progress(self, percent: float | None = None, message: str | None = None) -> None:
        """`percent` is 0..100; either may be left out."""
        self._say("progress", percent=percent, message=message)

    def log(self, message: str, level: str = "info", **fields: Any) -> None:
        """A line of the log; `level` is debug, info, warning or error, and `fields` are kept with it."""
        self._say("log", **{**fields, "level": level, "message": message})

    def result(self, output: Any) -> None:
        """The task's Output: any JSON value. Said again, the last one counts."""
        self._conclude({"type": "result", "output": output})

    def error(self, message: str, code: str | None = None, details: Any = None) -> None:
        """The task will be Failed, whatever the exit status. Does not end the worker: raise `Failed` for that."""
        error = {"type": "error", "message": message, "code": code, "details": details}
        self._conclude({name: value for name, value in error.items() if value is not None})

    def artifact(
        self, path: str | os.PathLike[str], name: str | None = None, media_type: str | None = None
    ) -> None:
        """Keeps a file of the work folder with the task, as it is when the worker ends; `name` is what it is offered
        as."""
        self._say("artifact", path=os.fspath(path), name=name, media_type=media_type)

    def messages(self) -> Iterator[dict[str, Any]]:
        """What comes on stdin after the task, where the definition says `input: open`; ends with stdin."""
        for line in sys.stdin.buffer:
            yield json.loads(line)

    def _say(self, kind: str, /, **members: Any) -> None:
        given = {name: value for name, value in members.items() if value is not None}
        self._send({**given, "type": kind})

    def _conclude(self, answer: dict[str, Any]) -> None:
        if not _of_many():
            self._send(answer)
        elif not self._answers:
            self._send({**answer, "id": self.id})
        elif answer["type"] == "error" or not self._failed:
            self._failed = answer["type"] == "error"
            self._answer = _line({**answer, "id": self.id})

    def _send(self, message: dict[str, Any]) -> None:
        line = _line(message)
        if (
            not self._over
        ):  # else it is said by what is left of a task, while the process has another
            self._out.message(line)

    def _end(self) -> None:
        """Answers, last of all that is said of the task."""
        self._out.finish()
        sys.stderr.flush()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._over = True
        self._out.message(self._answer or _line({"type": "result", "id": self.id}))

    def _next(self) -> Task:
        """Waits for another task; ends the process if there is none."""
        current = _read_task(lambda: self._out)
        signal.signal(signal.SIGTERM, current._on_cancel)
        return current

    def _raise_on_cancel(self) -> None:
        self._raises = True
        if self.cancelled:
            raise Cancelled

    def _on_cancel(self, _number: int, _frame: FrameType | None) -> None:
        self.cancelled = True
        if self._raises:
            self._raises = False  # once: the clean-up that follows is not to be interrupted
            raise Cancelled


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, allow_nan=False).encode() + b"\n"


class _WholeLines(io.BufferedIOBase):
    """Stands behind sys.stdout and passes on whole lines, so that what a worker prints never runs into a message, nor
    what one thread prints into what another does."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rests: dict[int, bytearray] = {}  #: of each thread, the line that it has begun
        self._open_line = False  #: what was written last has no newline yet

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: Any) -> int:
        with self._lock:
            rest = self._rests.setdefault(threading.get_ident(), bytearray())
            rest += data
            end = rest.rfind(b"\n") + 1
            if len(rest) - end > _LONGEST_LINE:
                end = len(rest)
            self._pass_on(rest, end)
        return len(data)

    def message(self, line: bytes) -> None:
        """A line of its own, also after one that was cut off (by its length, or by an exception in the midst of it)."""
        with self._lock:
            self._write(b"\n" + line if self._open_line else line)

    def finish(self) -> None:
        """Passes on what was printed without a newline."""
        with self._lock:
            for rest in self._rests.values():
                self._pass_on(rest, len(rest))

    def _pass_on(self, rest: bytearray, end: int) -> None:
        if end:
            data = bytes(rest[:end])
            del rest[:end]
            self._write(data)

    def _write(self, data: bytes) -> None:
        self._open_line = True
        unwritten = memoryview(data)
        while unwritten:
            unwritten = unwritten[os.write(1, unwritten) :]
        self._open_line = not data.endswith(b"\n")


def _take_stdout() -> _WholeLines:
    """From now on sys.stdout passes on whole lines."""
    sys.stdout.flush()
    out = _WholeLines()
    sys.stdout = io.TextIOWrapper(out, "utf-8", "backslashreplace", write_through=True)
    atexit.register(out.finish)
    return out


def _call(main: Callable[[Task], Any], current: Task) -> int:
    """Gives the exit status."""
    try:
        output = main(current)
        if output is not None:
            current.result(output)
    except Failed as failed:
        current.error(failed.message, failed.code, failed.details)
    except Exception as error:  # noqa: BLE001 - whatever it is, the task is to say so
        sys.excepthook(type(error), error, error.__traceback__)
        current.error(f"{type(error).__name__}: {error}")
    else:
        return 0
    return 1
