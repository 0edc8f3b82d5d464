"""A socket that the service manager holds: a real server on a real descriptor."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers import PATIENCE, REPOSITORY, wait_for
from tests.systemd.conftest import PASS, Activated

Activate = Callable[..., Activated]


@pytest.fixture
def held() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def ask(held: socket.socket, method: str, path: str) -> http.client.HTTPConnection:
    """Sends a request, and leaves the answer to be read."""
    connection = http.client.HTTPConnection(*held.getsockname(), timeout=PATIENCE * 2)
    headers = {"Content-Type": "application/json"}
    connection.request(method, f"/tasky/v1{path}", b"{}" if method == "POST" else None, headers)
    return connection


def answer(connection: http.client.HTTPConnection) -> tuple[int, dict[str, object]]:
    response = connection.getresponse()
    try:
        return response.status, json.load(response)
    finally:
        connection.close()


def is_accepted(client: socket.socket) -> bool:
    """By the server, not only by the kernel: then its end is a file, and has an inode (proc_net_tcp)."""
    port = f":{client.getsockname()[1]:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(fields[2].endswith(port) and fields[9] != "0" for fields in lines)


def test_it_listens_there_and_not_where_the_settings_say(
    activate: Activate, held: socket.socket
) -> None:
    server = activate(held)
    assert server.address == held.getsockname()
    assert server.run("true")["Status"] == "Completed"
    seen = server.run("environment")["Output"]["string_output"]
    assert "LISTEN" not in seen


@pytest.mark.case("D3")
def test_a_request_in_flight_over_a_restart(activate: Activate, held: socket.socket) -> None:
    server = activate(held)
    waiting = ask(held, "POST", "/workers/polite?wait=60s")
    (task,) = wait_for(lambda: [t for t in server.get("/tasks/")["Tasks"] if t.get("Progress")])
    late = socket.create_connection(held.getsockname(), PATIENCE)
    wait_for(lambda: is_accepted(late), "it is accepted; its request is on its way")
    ends = threading.Thread(target=server.stop)
    ends.start()
    late.sendall(b"GET /tasky/v1/workers/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    with late, late.makefile("rb") as reader:
        assert reader.readline() == b"HTTP/1.1 200 OK\r\n"
    status, result = answer(waiting)
    assert (status, result["Status"], result["Output"]) == (200, "Failed", "bye")
    ends.join()

    meanwhile = [ask(held, "POST", "/workers/true?wait=60s") for _ in range(8)]  # nobody listens
    server.start()
    for connection in meanwhile:
        status, result = answer(connection)
        assert (status, result["Status"]) == (200, "Completed")
    assert server.status(task["TaskId"]) == "Failed"


@pytest.mark.case("D3")
def test_no_request_is_lost_over_restarts(activate: Activate, held: socket.socket) -> None:
    server = activate(held)
    over, answered, wrong = threading.Event(), [0, 0, 0, 0], []

    def ask_again_and_again(number: int, method: str, path: str, expected: int) -> None:
        while not over.is_set():
            try:
                status, body = answer(ask(held, method, path))
                if status != expected:
                    wrong.append(f"{status} {body}")
            except OSError as error:
                wrong.append(repr(error))
            answered[number] += 1

    clients = [
        threading.Thread(target=ask_again_and_again, args=(number, *request))
        for number, request in enumerate(
            [("GET", "/workers/", 200), ("POST", "/workers/true", 201)] * 2
        )
    ]
    for client in clients:
        client.start()
    try:
        for _ in range(3):
            before = list(answered)
            wait_for(
                lambda before=before: all(a > b + 3 for a, b in zip(answered, before, strict=True)),
                "each client is answered, or gives up",
                PATIENCE
                * 10,  # of a connection it is twice that of others, and there are four of each
            )
            assert server.stop() == 0
            server.start()
    finally:
        over.set()
        for client in clients:
            client.join()
    assert wrong == []


def test_a_unix_socket_stays_where_it_is(activate: Activate, tmp_path: Path) -> None:
    path = tmp_path / "tasky.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as held:
        held.bind(str(path))
        held.listen()
        server = activate(held)
        assert server.url == f"unix:{path}"
        assert server.stop() == 0
        assert path.is_socket()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(path))
            client.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            server.start()
            assert client.recv(15) == b"HTTP/1.0 200 OK"


def udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def deaf() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def abstract() -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind("")  # the kernel makes a name up
    sock.listen()
    return sock


@pytest.mark.parametrize(
    ("make", "count", "said"),
    [
        (lambda: socket.create_server(("0.0.0.0", 0)), "1", "without authentication anybody"),
        (lambda: socket.create_server(("127.0.0.1", 0)), "2", "2 sockets were passed"),
        (lambda: socket.create_server(("127.0.0.1", 0)), "many", "LISTEN_FDS to 'many'"),
        (udp, "1", "neither of TCP nor a stream of unix"),
        (deaf, "1", "does not listen"),
        (abstract, "1", "is abstract"),
    ],
)  # fmt: skip
def test_what_it_cannot_listen_on(
    workers: Path, tmp_path: Path, make: Callable[[], socket.socket], count: str, said: str
) -> None:
    with make() as held:
        code = PASS.replace('LISTEN_FDS="1"', f'LISTEN_FDS="{count}"')
        code = code.replace("os.environ", "os.dup2(3, 4); os.environ", 1)
        done = subprocess.run(
            [
                *(sys.executable, "-IS", "-c", code, str(held.fileno())),
                *(sys.executable, "-m", "tasky", "serve", "--workers-dir", str(workers)),
                *("--state-dir", str(tmp_path / "state")),
            ],
            cwd=REPOSITORY, pass_fds=[held.fileno()], capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
