"""One real server for all tests of the command line, and ways to run `tasky` against it."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from tasky.cli import main
from tests.client.workers import serving_workers
from tests.helpers import PATIENCE, Server


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        (document,) = self.documents
        return document

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Tasky = Callable[..., Done]

#: No profiles of whoever runs the tests.
NOWHERE = "/nonexistent"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Gone before other modules run: a child beside its own would make a server in this process less sure."""
    with serving_workers(tmp_path_factory.mktemp("cli")) as server:
        yield server


@pytest.fixture
def tasky(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Tasky:
    """Runs a command in this process, which is as the console script does it but for the start of Python."""
    monkeypatch.setenv("TASKY_URL", server.url)
    monkeypatch.setenv("XDG_CONFIG_HOME", NOWHERE)
    for name in ("TASKY_TOKEN", "TASKY_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        status = main(arguments)
        return Done(status, *capsys.readouterr())

    return run


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tasky", *arguments]


def environment(server: Server, **more: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TASKY_")}
    given = {"TASKY_URL": server.url, "TERM": "xterm", "COLUMNS": "80", "XDG_CONFIG_HOME": NOWHERE}
    return clean | given | more


class Terminal:
    """A command whose standard output and error are a terminal; with `keyboard` its standard input, too."""

    def __init__(
        self, server: Server, *arguments: str, keyboard: bool = False, **environ: str
    ) -> None:
        self._master, slave = pty.openpty()
        try:
            self.process = subprocess.Popen(
                command(*arguments),
                stdin=slave if keyboard else subprocess.DEVNULL,
                stdout=slave,
                stderr=slave,
                env=environment(server, **environ),
            )
        finally:
            os.close(slave)
        self.text = ""

    def read_until(self, text: str) -> None:
        while text not in self.text:
            piece = os.read(self._master, 65536)
            self.text += piece.decode()

    def has(self, text: str, patience: float) -> bool:
        """Whether it is there, or comes within so many seconds."""
        if select.select([self._master], [], [], patience)[0]:
            self.text += os.read(self._master, 65536).decode()
        return text in self.text

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self._master)

    def end(self) -> int:
        """Reads all that is left; gives the exit status."""
        with suppress(OSError):  # how Linux tells the end of a terminal
            while piece := os.read(self._master, 65536):
                self.text += piece.decode()
        os.close(self._master)
        return self.process.wait(PATIENCE)


@pytest.fixture
def on_terminal(server: Server) -> Callable[..., str]:
    """Runs a command on a terminal; gives what was to be seen there."""

    def run(*arguments: str, **environ: str) -> str:
        terminal = Terminal(server, *arguments, **environ)
        terminal.end()
        return terminal.text.replace("\r\n", "\n")

    return run
