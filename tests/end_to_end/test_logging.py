"""The server's log, of a real server: its forms, its level, a reader that does not read, a journal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import PATIENCE, Server, serving, wait_for, write_definition
from tests.logs.receiver import Receiver


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    write_definition(tmp_path / "workers.d", "true", command=["/bin/true"], protocol="text")
    return tmp_path / "workers.d"


def add_gone(workers: Path) -> Path:
    """A worker, and its program, which is to go."""
    program = workers / "gone.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    write_definition(workers, "gone", command=["./gone.sh"], protocol="text")
    return program


def ask_as(server: Server, host: str, times: int = 1) -> list[bytes]:
    """The statuses of requests to a name that is not the server's, all in one connection."""
    with socket.create_connection(server.address, PATIENCE) as connection:
        request = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        last = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        sender = threading.Thread(target=connection.sendall, args=(request * (times - 1) + last,))
        sender.start()
        data = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        sender.join()
    return re.findall(rb"HTTP/1\.1 ([0-9]{3})", data)


def test_json_has_the_task_and_the_worker(workers: Path, tmp_path: Path) -> None:
    program = add_gone(workers)
    with serving(workers, tmp_path / "state", TASKY_LOG_FORMAT="json") as server:
        program.unlink()
        task = server.run("gone")["TaskId"]
        assert server.stop() == 0
        lines = [json.loads(line) for line in server.log]
    (failed,) = [line for line in lines if line["message"].startswith("it cannot be started")]
    assert (failed["task"], failed["worker"], failed["level"]) == (task, "gone", "warning")
    assert lines[-1]["message"] == "stopped", "the last words are out"


def test_the_level_by_signal_and_by_the_api(workers: Path, tmp_path: Path) -> None:
    with serving(workers, tmp_path / "state") as server:
        assert ask_as(server, "evil.example") == [b"421"]
        server.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: "the level of the log is debug, and was info" in server.logged)
        assert ask_as(server, "evil.example") == [b"421"]
        line = wait_for(lambda: [line for line in server.log if "refused: Host" in line])[0]
        found = r".* DEBUG   refused: Host 'evil.example' client=127.0.0.1 request=[0-9a-f]{12}\n"
        assert re.fullmatch(found, line), line
        server.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: "the level of the log is info, and was debug" in server.logged)
        assert server.request("POST", "/log-level", {"level": "error"}).json == {"level": "error"}
        assert server.request("GET", "/log-level").json == {"level": "error"}
        assert server.stop() == 0
        assert "stopped" not in server.logged, "it is no error"


class Unread(Server):
    """Its log is read until it listens, and on from `reads` on."""

    def __init__(self, workers: Path, state: Path, **environ: str) -> None:
        self.reads = threading.Event()
        super().__init__(workers, state, **environ)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
        for line in process.stderr:
            self.log.append(line)
            if match := re.search(r"listening on (\S+)", line):
                self.url = match[1]
                break
        self._listening.set()
        self.reads.wait(2 * PATIENCE)
        self.log.extend(process.stderr)

    def fill(self) -> None:
        """Its pipe, to the last byte."""
        fd = os.open(f"/proc/{self.process.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(fd, b"\n")
        os.close(fd)


@pytest.fixture
def unread(workers: Path, tmp_path: Path) -> Iterator[Unread]:
    server = Unread(workers, tmp_path / "state", TASKY_LOG_LEVEL="debug")
    server.fill()
    yield server
    server.reads.set()
    server.close()


def test_a_log_that_nobody_reads_holds_nobody(unread: Unread) -> None:
    """More lines than the queue takes; and then somebody reads."""
    asked = 5000
    assert ask_as(unread, "evil.example", asked) == [b"421"] * asked
    assert unread.run("true")["Status"] == "Completed"
    unread.process.send_signal(signal.SIGHUP)
    unread.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: unread.request("GET", "/log-level").json == {"level": "info"}, "it is obeyed")
    unread.reads.set()
    assert unread.stop() == 0
    dropped = [int(found) for found in re.findall(r" (\d+) lines? of the log w", unread.logged)]
    told = unread.logged.count("refused: Host")
    assert told >= 4000
    assert told + sum(dropped) in range(asked, asked + 10), "a few other lines are dropped, too"
    assert unread.log[-1].endswith("stopped\n")


def test_a_log_that_nobody_reads_does_not_hold_the_end(unread: Unread) -> None:
    assert ask_as(unread, "evil.example") == [b"421"]
    unread.process.send_signal(signal.SIGTERM)
    assert unread.process.wait(PATIENCE) == 0


def test_a_reader_that_has_gone(workers: Path, tmp_path: Path) -> None:
    read, write = os.pipe()
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "tasky", "serve", "--listen", f"unix:{tmp_path}/socket"),
            *("--workers-dir", str(workers), "--state-dir", str(tmp_path / "state")),
        ],
        stderr=write,
        stdin=subprocess.DEVNULL,
    ) as process:
        os.close(write)
        with os.fdopen(read) as log:
            assert any("listening on" in line for line in log)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(f"{tmp_path}/socket")
            connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in connection.recv(1 << 16)
        process.terminate()
        assert process.wait(PATIENCE) == 0


#: In a file system of its own, so that the socket is where the journal's is; and with a JOURNAL_STREAM as systemd's.
_WITH_JOURNAL = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && : >/run/systemd/journal/socket &&
mount --bind "$1" /run/systemd/journal/socket || exit 99
shift
JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"
"""


def test_the_journal(workers: Path, tmp_path: Path) -> None:
    """By itself, where stderr is connected with it."""
    program = add_gone(workers)
    with (
        Receiver(tmp_path / "journal") as journal,
        subprocess.Popen(
            [
                *("unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])),
                *("sh", "-c", _WITH_JOURNAL, "sh", str(journal.path)),
                *(sys.executable, "-m", "tasky", "serve", "--listen", "127.0.0.1:0"),
                *("--workers-dir", str(workers), "--state-dir", str(tmp_path / "state")),
            ],
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        ) as process,
    ):
        entries = iter(journal.receive, None)
        first = next(found for found, _ in entries if "listening on" in found["MESSAGE"])
        assert (first["PRIORITY"], first["SYSLOG_IDENTIFIER"]) == ("6", "tasky")
        assert first["CODE_FILE"].endswith("tasky/daemon/telling.py")
        program.unlink()
        host, port = first["MESSAGE"].rpartition("//")[2].split(":")
        with socket.create_connection((host, int(port)), PATIENCE) as connection:
            connection.sendall(
                b"POST /tasky/v1/workers/gone?wait=10s HTTP/1.0\r\nHost: localhost\r\n\r\n"
            )
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        task = json.loads(answer.partition(b"\r\n\r\n")[2])["TaskId"]
        failed = next(found for found, _ in entries if "cannot be started" in found["MESSAGE"])
        assert failed["PRIORITY"] == "4"
        assert (failed["TASKY_TASK_ID"], failed["TASKY_WORKER"]) == (task, "gone")
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert any(found["MESSAGE"] == "stopped" for found, _ in entries)
        assert process.stderr is not None
        assert process.stderr.read() == b""
