"""The command line as a whole: help, errors, exit statuses, pipes, completion."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tasky import __version__
from tasky.cli import app
from tasky.cli.exits import MEANINGS, Exit, of_error
from tasky.client import ApiError, BadAddress, Client, ConnectionLost
from tasky.errors import (
    ConfigError,
    StoreError,
    StoreLocked,
    TaskyError,
    UnknownTask,
)
from tests.cli.conftest import Tasky, command, environment
from tests.helpers import Server


def test_help_has_all_commands_and_exit_statuses(tasky: Tasky) -> None:
    done = tasky("--help")
    assert done.status == 0
    for name in app.tasky.commands:
        assert f"\n  {name} " in done.out
        assert tasky(name, "--help").status == 0
    for status, meaning in MEANINGS.items():
        assert f"{int(status):>3}  {meaning}\n" in done.out


def test_every_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)


def test_version(tasky: Tasky) -> None:
    assert tasky("version").out == tasky("--version").out == f"tasky {__version__}\n"
    assert tasky("version", "--json").json == {"version": __version__}


@pytest.mark.parametrize("arguments", [["ps", "--nonsense"], ["nonsense"], ["ps", "x"]])
def test_a_wrong_command_line(tasky: Tasky, arguments: list[str]) -> None:
    done = tasky(*arguments)
    assert done.status == 2
    assert "Usage: tasky" in done.err


def test_without_a_command_there_is_help(tasky: Tasky) -> None:
    done = tasky()
    assert "Exit status:" in done.out + done.err  # click 8.2 moved it from one to the other


def test_no_server(tasky: Tasky) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    done = tasky("ps", "--url", url)
    assert done.status == 4
    assert done.err == f"tasky: no server at {url}: is it running? (tasky serve)\n"


def test_the_address_of_the_server(
    tasky: Tasky, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line wins over the environment, in both places."""
    monkeypatch.setenv("TASKY_URL", "http://127.0.0.1:1")
    assert tasky("ps").status == 4
    assert tasky("ps", "--url", server.url).status == 0
    assert tasky("--url", server.url, "ps").status == 0
    assert tasky("--url", "127.0.0.1", "ps").status == 2


def test_json_may_stand_before_the_command(tasky: Tasky) -> None:
    assert tasky("--json", "workers", "echo").json["name"] == "echo"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ApiError(404, {}), 3),
        (ApiError(429, {}), 3),
        (ApiError(503, {}), 4),
        (ConnectionLost(), 4),
        (BadAddress(), 2),
        (UnknownTask(), 3),
        (ConfigError([]), 78),
        (StoreError(), 78),
        (StoreLocked(), 1),
        (TaskyError(), 1),
    ],
)
def test_errors_have_a_status(error: TaskyError, status: int) -> None:
    assert of_error(error) == status


def test_a_bug_is_told_as_one(tasky: Tasky, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_client: Client) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(Client, "workers", broken)
    done = tasky("workers")
    assert done.status == 70
    assert "ZeroDivisionError: oh" in done.err
    assert "this is a bug in tasky" in done.err


def test_an_expected_error_has_no_traceback(tasky: Tasky) -> None:
    assert tasky("show", "0" * 32).err == f"tasky: there is no task '{'0' * 32}'\n"


def test_a_message_cannot_move_the_cursor(tasky: Tasky, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile(_client: Client) -> None:
        raise ApiError(500, {"detail": "x\x1b[2J\r\ny\x07"})

    monkeypatch.setattr(Client, "workers", hostile)
    assert tasky("workers").err == "tasky: x\n  y\n"


def test_a_reader_that_goes_away(server: Server) -> None:
    """As with `| head`: no message, no traceback."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            command("workers"), stdout=write, stderr=subprocess.PIPE, env=environment(server)
        )
    finally:
        os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""


def test_a_full_disk(server: Server) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            command("workers"), stdout=full, stderr=subprocess.PIPE, env=environment(server)
        )
    assert done.returncode == 1
    assert done.stderr == b"tasky: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_without_a_locale(server: Server, locale: str) -> None:
    environ = environment(server, LC_ALL=locale, PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    done = subprocess.run(
        command("run", "say", "text=\u2603", "-w"), capture_output=True, env=environ
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("\u2603\n".encode(), b"\\u2603\n")


def test_nothing_of_the_server_is_imported() -> None:
    """The commands start fast because they need none of it."""
    program = "import sys, tasky.cli; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "tasky.client" in loaded
    assert not loaded & {"falcon", "waitress", "yaml", "jsonschema_rs", "sqlite3", "watchdog"}


def complete(server: Server, words: str) -> list[str]:
    environ = environment(
        server, _TASKY_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
    )
    done = subprocess.run(
        [sys.executable, "-c", "import sys, tasky.cli; sys.exit(tasky.cli.main())"],
        capture_output=True,
        text=True,
        env=environ,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_completion(server: Server, tasky: Tasky) -> None:
    assert complete(server, "tasky pau") == ["pause"]
    assert complete(server, "tasky run ech") == ["echo"]
    assert complete(server, "tasky enable wa") == ["waitforfile"]
    task_id = tasky("run", "nothing").out.strip()
    assert task_id[-8:] in complete(server, "tasky cancel ")
    assert complete(server, f"tasky show {task_id[-8:-1]}") == [task_id[-8:]]
    assert complete(server, f"tasky show {task_id[:-1]}") == [task_id]


def test_completion_without_a_server(server: Server) -> None:
    assert complete(server, "tasky --url http://127.0.0.1:1 run ech") == []
