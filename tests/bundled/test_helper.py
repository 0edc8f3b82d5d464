"""tasky.worker, the helper for workers written in Python, as its users have it: in programs of their own."""

from __future__ import annotations

import array
import ast
import fcntl
import json
import shutil
import subprocess
import sys
import termios
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasky.errors import TaskyError
from tasky.model.messages import (
    ArtifactMessage,
    ErrorMessage,
    LogMessage,
    ProgressMessage,
    ResultMessage,
    Text,
    encode_task,
)
from tests.helpers import REPOSITORY, wait_for

from .support import Finished, Running

HELPER = REPOSITORY / "tasky" / "worker.py"
Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a worker of this script, which finds the helper beside it, as a copy of one file."""
    shutil.copy(HELPER, tmp_path / "helper.py")

    def start(script: str, input_open: bool = False, **params: Any) -> Running:
        program = tmp_path / "program.py"
        program.write_text("from helper import *\n" + textwrap.dedent(script))
        task = encode_task("0190c5", "mine", params, 2, str(tmp_path / "work"))
        argv = [sys.executable, "-W", "error", str(program)]
        return Running(argv, task, tmp_path / "work", {}, input_open)

    return start


@pytest.fixture
def run(start: Start) -> Callable[..., Finished]:
    return lambda script, **params: start(script, **params).finish()


Run = Callable[..., Finished]


def test_the_task(run: Run, tmp_path: Path) -> None:
    script = """
        t = task()
        t.result([t.id, t.worker, t.attempt, t.workdir, t.params, t.cancelled])
    """
    expected = ["0190c5", "mine", 2, str(tmp_path / "work"), {"a": "é\n"}, False]
    assert run(script, a="é\n").output == expected


def test_what_main_returns_is_the_output(run: Run) -> None:
    assert run("run(lambda task: task.params['n'] + 1)", n=1).output == 2


@pytest.mark.parametrize("value", ["False", "0", "''", "[]"])
def test_an_output_may_be_empty(value: str, run: Run) -> None:
    assert run(f"run(lambda task: {value})").output == ast.literal_eval(value)


def test_none_is_no_output(run: Run) -> None:
    finished = run("run(lambda task: None)")
    assert finished.status == 0
    assert finished.items == []


def test_every_message(run: Run) -> None:
    finished = run("""
        from pathlib import Path

        def main(task):
            task.progress(12.5, "first")
            task.progress(message="second")
            task.log("said", "warning", type="x", message_id=7)
            task.artifact("a.csv")
            task.artifact(Path("b.csv"), name="B", media_type="text/csv")
            task.error("bad", code="c", details=[1])
            task.result(None)
        run(main)
    """)
    assert finished.status == 0
    progress = [item.progress for item in finished.all(ProgressMessage)]
    assert [(one.percent, one.message) for one in progress] == [(12.5, "first"), (None, "second")]
    assert finished.all(LogMessage) == [LogMessage("warning", "said", {"message_id": 7})]
    assert finished.all(ArtifactMessage) == [
        ArtifactMessage("a.csv"),
        ArtifactMessage("b.csv", "B", "text/csv"),
    ]
    assert finished.all(ErrorMessage) == [ErrorMessage("bad", "c", [1])]
    assert finished.all(ResultMessage) == [ResultMessage(None)]


# ---------------------------------------------------------------------- failures


def test_a_failure_of_the_workers_own(run: Run) -> None:
    finished = run("""
        def main(task):
            raise Failed("no such table", code="table", details={"name": "x"})
        run(main)
    """)
    assert finished.error == "no such table"
    assert finished.all(ErrorMessage) == [ErrorMessage("no such table", "table", {"name": "x"})]
    assert finished.stderr == ""


def test_any_other_exception(run: Run) -> None:
    finished = run("""
        def main(task):
            return {}["missing"]
        run(main)
    """)
    assert finished.error == "KeyError: 'missing'"
    assert finished.stderr.startswith("Traceback (most recent call last):")
    assert 'return {}["missing"]' in finished.stderr


@pytest.mark.parametrize("output", ["float('nan')", "{1, 2}", "[float('inf')]"])
def test_an_output_that_is_no_json(output: str, run: Run) -> None:
    assert run(f"run(lambda task: {output})").error.startswith(("ValueError", "TypeError"))


def test_an_exit_status_of_the_workers_own(run: Run) -> None:
    assert run("import sys; run(lambda task: sys.exit(7))").status == 7


@pytest.mark.parametrize("line", [b"", b"\n", b"no JSON\n", b"[]\n", b"{}\n", b"7\n", b"\xff\n"])
def test_without_a_task_it_says_how_it_is_used(line: bytes, tmp_path: Path) -> None:
    shutil.copy(HELPER, tmp_path / "helper.py")
    program = tmp_path / "program.py"
    program.write_text("from helper import run\nrun(lambda task: 1)")
    finished = subprocess.run([sys.executable, program], input=line, capture_output=True)
    assert finished.returncode == 1
    assert finished.stdout == b""
    assert finished.stderr.startswith(b"This program is a worker of Tasky")
    assert b"Traceback" not in finished.stderr


def test_by_hand_a_task_needs_only_parameters(tmp_path: Path) -> None:
    shutil.copy(HELPER, tmp_path / "helper.py")
    program = tmp_path / "program.py"
    program.write_text("from helper import run\nrun(lambda task: [task.id, task.attempt])")
    finished = subprocess.run(
        [sys.executable, program], input=b'{"params": {}}', capture_output=True, check=True
    )
    assert json.loads(finished.stdout) == {"type": "result", "output": ["", 1]}


# ---------------------------------------------------------------------- what is printed


def test_prints_are_left_alone(run: Run) -> None:
    finished = run("""
        import sys

        def main(task):
            print("one", end="")
            task.progress(1)
            print(" line")
            sys.stdout.write("two\\nthr")
            task.progress(2)
            sys.stdout.buffer.write(b"ee \\xff\\n")
            print("\\udcff", "é")
            print("no newline", end="", flush=True)
            return "done"
        run(main)
    """)
    assert finished.output == "done"
    assert finished.percents == [1, 2]
    expected = b"one line\ntwo\nthree \xff\n\\udcff \xc3\xa9\nno newline"
    assert finished.text == expected


def test_a_print_before_the_task_is_not_lost(run: Run) -> None:
    script = "print('early')\nrun(lambda task: task.progress(1))"
    assert run(script).text == b"early\n"


def test_a_message_after_a_line_without_end(run: Run) -> None:
    finished = run("""
        def main(task):
            for _ in range(300):
                print("x" * 1000, end="")
            task.progress(50)
            return 1
        run(main)
    """)
    assert finished.output == 1
    assert finished.percents == [50]
    assert finished.text.replace(b"\n", b"") == b"x" * 300_000


def test_threads_do_not_mix_their_lines(run: Run) -> None:
    finished = run("""
        import threading

        def say(task, number):
            for count in range(200):
                print(f"thread {number}", "says", count)
                task.log("x" * 5000, number=number)

        def main(task):
            threads = [threading.Thread(target=say, args=(task, n)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        run(main)
    """)
    assert finished.status == 0
    assert len(finished.all(LogMessage)) == 800
    lines = finished.text.decode().splitlines()
    assert sorted(lines) == sorted(f"thread {n} says {c}" for n in range(4) for c in range(200))


# ---------------------------------------------------------------------- cancel


def test_cancel_raises_in_main_once(start: Start) -> None:
    worker = start("""
        import os, signal, time

        def main(task):
            try:
                try:
                    task.progress(1)
                    time.sleep(600)
                except Exception:
                    return "swallowed"
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                task.log("cleaned up", cancelled=task.cancelled)
        run(main)
    """)
    worker.wait_for(ProgressMessage)
    worker.terminate()
    finished = worker.finish()
    assert finished.status == 128 + 15
    assert finished.all(LogMessage) == [LogMessage("info", "cleaned up", {"cancelled": True})]
    assert not finished.all(ResultMessage)
    assert finished.stderr == ""


def test_a_worker_may_look_for_the_cancel_itself(start: Start) -> None:
    worker = start("""
        import time

        def main(task):
            task.progress(1)
            while not task.cancelled:
                time.sleep(0.01)
            return "as far as it came"
        run(main, catch_cancel=True)
    """)
    worker.wait_for(ProgressMessage)
    worker.terminate()
    assert worker.finish().output == "as far as it came"


def test_without_run_a_cancel_ends_the_worker(start: Start) -> None:
    worker = start("import time; t = task(); t.progress(1); time.sleep(600)")
    worker.wait_for(ProgressMessage)
    worker.terminate()
    assert worker.finish().status == -15


def test_a_message_that_a_cancel_tears_apart_spoils_no_other(start: Start) -> None:
    """The pipe is full, so that the signal comes in the midst of a line."""
    worker = start("""
        def main(task):
            try:
                task.result("x" * 500_000)
            finally:
                task.result("short")
        run(main)
    """)
    stdout = worker.process.stdout
    assert stdout is not None
    waiting = array.array("i", [0])

    def is_full() -> bool:
        fcntl.ioctl(stdout, termios.FIONREAD, waiting)
        return waiting[0] == fcntl.fcntl(stdout, fcntl.F_GETPIPE_SZ)

    wait_for(is_full, "the pipe is full")
    worker.terminate()
    finished = worker.finish()
    assert finished.status == 128 + 15
    assert finished.all(ResultMessage) == [ResultMessage("short")]
    assert finished.all(Text)[0].data.startswith(b'{"type": "result", "output": "xxx')


# ---------------------------------------------------------------------- more input


def test_what_comes_after_the_task(start: Start) -> None:
    worker = start(
        """
        def main(task):
            task.progress(1)
            return [message for message in task.messages()]
        run(main)
        """,
        input_open=True,
    )
    worker.wait_for(ProgressMessage)
    assert worker.process.stdin is not None
    worker.process.stdin.write(b'{"type":"x","n":1}\n{"type":"cancel"}\n')
    assert worker.finish().output == [{"type": "x", "n": 1}, {"type": "cancel"}]


# ---------------------------------------------------------------------- the module itself


def test_it_is_part_of_the_package(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("from tasky.worker import run\nrun(lambda task: task.params)")
    task = encode_task("0190c5", "mine", {"a": 1}, 1, "/")
    argv = [sys.executable, "-W", "error", str(program)]
    assert Running(argv, task, tmp_path / "work", {}).finish().output == {"a": 1}


def test_it_stands_alone() -> None:
    """It imports nothing but the standard library, and reads as the oldest Python that it is said to run on."""
    tree = ast.parse(HELPER.read_text(), feature_version=(3, 8))
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            modules.add((node.module or "").partition(".")[0])
    assert modules <= sys.stdlib_module_names


def test_a_failure_is_no_error_of_tasky() -> None:
    from tasky.worker import Cancelled, Failed

    assert not issubclass(Failed, TaskyError)
    assert not issubclass(Cancelled, Exception)
