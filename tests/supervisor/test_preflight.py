"""What cannot be executed fails in the same way, whether tools stand before it or not: with what the kernel says."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tasky.model.containment import Kind
from tasky.model.limits import Limits
from tasky.model.task import FailureCode
from tasky.supervisor.preflight import check
from tests.supervisor.house import House, program


def script(path: Path, text: str | bytes, mode: int = 0o755) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return str(path)


def behind(folder: Path) -> str:
    """A program behind a file."""
    return f"{script(folder / 'file', '')}/program"


def loop(folder: Path) -> str:
    """A link to itself."""
    (folder / "loop").symlink_to("loop")
    return str(folder / "loop")


def turtles(folder: Path) -> str:
    """Scripts that are the interpreters of scripts, deeper than the kernel goes."""
    last = "/bin/sh"
    for depth in range(8):
        last = script(folder / f"s{depth}", f"#!{last}\n")
    return last


def fifo(folder: Path) -> str:
    os.mkfifo(folder / "fifo", 0o755)
    return str(folder / "fifo")


CANNOT: dict[str, tuple[Callable[[Path], str], int]] = {
    "missing": (lambda folder: str(folder / "missing"), errno.ENOENT),
    "missing folder": (lambda folder: str(folder / "missing/program"), errno.ENOENT),
    "dangling link": (lambda folder: link(folder, "missing"), errno.ENOENT),
    "link to itself": (loop, errno.ELOOP),
    "behind a file": (behind, errno.ENOTDIR),
    "long name": (lambda folder: str(folder / ("x" * 300)), errno.ENAMETOOLONG),
    "folder": (str, errno.EACCES),
    "fifo": (fifo, errno.EACCES),
    "not executable": (lambda folder: script(folder / "p", "#!/bin/sh\n", 0o644), errno.EACCES),
    "no first line": (lambda folder: script(folder / "p", "echo hello\n"), errno.ENOEXEC),
    "empty": (lambda folder: script(folder / "p", ""), errno.ENOEXEC),
    "binary rubbish": (lambda folder: script(folder / "p", bytes(range(200))), errno.ENOEXEC),
    "no interpreter named": (lambda folder: script(folder / "p", "#! \t\n"), errno.ENOEXEC),
    "blanks": (lambda folder: script(folder / "p", "#!" + " " * 300), errno.ENOEXEC),
    "nothing but #!": (
        lambda folder: script(folder / "p", "#!"),
        errno.EACCES,
    ),  # a name of no letters
    "a name that is cut off": (
        lambda folder: script(folder / "p", f"#!/bin/{'x' * 300}\n"),
        errno.ENOEXEC,
    ),
    "no interpreter": (lambda folder: script(folder / "p", "#!/no/such/program\n"), errno.ENOENT),
    "Windows": (lambda folder: script(folder / "p", "#!/bin/sh\r\necho\r\n"), errno.ENOENT),
    "interpreter that is a folder": (lambda folder: script(folder / "p", "#!/bin\n"), errno.EACCES),
    "interpreter that is not executable": (
        lambda folder: script(folder / "p", f"#!{script(folder / 'i', '', 0o644)} -x\n"),
        errno.EACCES,
    ),
    "interpreter beside it": (lambda folder: script(folder / "p", "#!./none\n"), errno.ENOENT),
    "too many interpreters": (turtles, errno.ELOOP),
}

CAN: dict[str, Callable[[Path], str]] = {
    "binary": lambda _: "/bin/true",
    "link": lambda folder: link(folder, "/bin/true"),
    "script": lambda folder: script(folder / "p", "#!/bin/sh\n"),
    "script with an option": lambda folder: script(folder / "p", "#! \t/bin/sh -e \t\n"),
    "no newline": lambda folder: script(folder / "p", "#!/bin/true"),
    "long first line": lambda folder: script(folder / "p", f"#!/bin/true {'x' * 300}\n"),
    "script of a script": lambda folder: script(
        folder / "p", f"#!{script(folder / 'i', '#!/bin/true')}\n"
    ),
    "interpreter in the folder to run in": lambda folder: script(
        folder / "p", f"#!./{Path(script(folder / 'i', '#!/bin/true')).name}\n"
    ),
}


def link(folder: Path, target: str) -> str:
    (folder / "link").symlink_to(target)
    return str(folder / "link")


def kernel_says(path: str, cwd: Path) -> int:
    return error_of(lambda: subprocess.run([path], cwd=cwd, check=False))


def we_say(path: str, cwd: Path) -> int:
    return error_of(lambda: check(path, str(cwd), None))


def error_of(call: Callable[[], object]) -> int:
    try:
        call()
    except OSError as error:
        return error.errno or 0
    return 0


@pytest.mark.case("P25")
@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_be_executed(tmp_path: Path, name: str) -> None:
    make, number = CANNOT[name]
    path = make(tmp_path)
    assert kernel_says(path, tmp_path) == number
    assert we_say(path, tmp_path) == number


@pytest.mark.parametrize("name", CAN)
def test_what_can(tmp_path: Path, name: str) -> None:
    path = CAN[name](tmp_path)
    assert kernel_says(path, tmp_path) == 0
    assert we_say(path, tmp_path) == 0


@pytest.mark.case("P25")
@pytest.mark.parametrize("limits", [Limits(), Limits(open_files=100)], ids=["plain", "limited"])
@pytest.mark.parametrize("name", ["missing", "not executable", "no first line", "folder"])
def test_in_both_modes(
    houses: Callable[..., House], kind: Kind, tmp_path: Path, name: str, limits: Limits
) -> None:
    make, number = CANNOT[name]
    house = houses(containment=kind)
    house.define(program("w", make(tmp_path), limits=limits))
    failure = house.run("w").failure
    assert failure is not None
    assert failure.code is FailureCode.SPAWN
    said = f"it cannot be started: {os.strerror(number)} ({errno.errorcode[number]})"
    assert failure.message == said


@pytest.mark.skipif(os.geteuid() != 0, reason="OTHER USERS ARE NOT TESTED: only root can be one")
def test_as_another_user(houses: Callable[..., House], kind: Kind, tmp_path: Path) -> None:
    """Who may not execute what the server may."""
    for mode in (0o755, 0o700):
        house_run = script(tmp_path / f"run{mode}", "#!/bin/sh\n", mode)
        house = houses(containment=kind)
        house.define(program("w", house_run, user="nobody"))
        failure = house.run("w").failure
        assert failure is not None
        assert (failure.code, failure.message[-8:]) == (FailureCode.SPAWN, "(EACCES)")
        house.close()
