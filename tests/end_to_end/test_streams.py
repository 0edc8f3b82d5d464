"""Streams over real sockets: nothing lost, nobody delayed, nothing left behind."""

from __future__ import annotations

import http.client
import itertools
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.helpers import PATIENCE, Server, wait_for, write_definition, write_worker
from tests.streaming import Reading

LINES = 100_000
COUNT = f"""\
import sys
for n in range(1, {LINES + 1}):
    sys.stdout.write(f"line {{n}}\\n")
"""
SLOWLY = """\
import itertools, json, os, sys, time
attempt = os.environ["TASKY_ATTEMPT"]
for n in range(1, 400 if attempt == "2" else 10**9):
    print(attempt, n, flush=True)
    time.sleep(0.001)
"""


@pytest.fixture
def server(workers: Path, serve: Callable[..., Server]) -> Server:
    write_definition(
        workers, "hold", command=["sh", "-c", "echo ready; exec sleep 600"], protocol="text"
    )
    write_worker(workers, "count", COUNT, protocol="text")
    return serve(TASKY_HTTP_STREAMS="8", TASKY_HTTP_THREADS="1")


def descriptors(server: Server) -> int:
    """Without those of the database, of which some are kept for the next request."""
    names = []
    for entry in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(OSError):
            names.append(str(entry.readlink()))
    return len([name for name in names if "tasky.db" not in name])


def resident(server: Server) -> int:
    """Bytes of memory of the server's own."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(
        int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("RssAnon")
    )


@pytest.mark.case("H3")
def test_a_log_is_followed_while_it_is_written(server: Server) -> None:
    task_id = server.submit("count")
    with (
        Reading(server, f"/tasks/{task_id}/log?follow=1") as text,
        Reading(server, f"/tasks/{task_id}/events") as events,
    ):
        assert text.response.read().decode() == "".join(f"line {n}\n" for n in range(1, LINES + 1))
        lines = [event for event in events if event.name == "log"]
    assert [line.data["N"] for line in lines] == list(range(1, LINES + 1))
    assert all(line.data["Text"] == f"line {line.data['N']}" for line in lines)


def test_it_goes_on_after_a_server_was_killed(workers: Path, serve: Callable[..., Server]) -> None:
    retry = {"attempts": 2, "on": ["lost"]}
    write_worker(workers, "slowly", SLOWLY, protocol="text", retry=retry)
    server = serve()
    task_id = server.submit("slowly")
    before = []
    with Reading(server, f"/tasks/{task_id}/events") as stream:
        for event in stream:
            if event.name == "log":
                before.append(event.data)
            if len(before) == 300:
                break
    server.kill()
    server.start()
    with Reading(server, f"/tasks/{task_id}/events", Last_Event_ID=stream.last_id) as again:
        *events, result = again
    after = [event.data for event in events if event.name == "log"]
    assert result.data["Status"] == "Completed"
    numbers = [line["N"] for line in (*before, *after)]
    assert numbers == list(range(1, len(numbers) + 1))
    said = [line["Text"] for line in (*before, *after) if line["Stream"] == "stdout"]
    first = list(itertools.takewhile(lambda text: text.startswith("1 "), said))
    assert first == [f"1 {n}" for n in range(1, len(first) + 1)]
    assert said[len(first) :] == [f"2 {n}" for n in range(1, 400)]


@pytest.mark.case("H4")
def test_readers_that_do_not_read_cost_a_piece_each_and_lose_nothing(server: Server) -> None:
    task_id = server.submit("count")
    server.await_status(task_id, "Completed")
    with ExitStack() as stack:
        before = resident(server)
        stuck = [
            stack.enter_context(Reading(server, f"/tasks/{task_id}/{path}"))
            for path in ("log?follow=1", "events") * 2
        ]
        server.run("count")
        server.submit("count")
        grown = resident(server) - before
        assert grown < len(stuck) * (1 << 20), "what they did not read is several times as much"
        for reading in stuck[::2]:
            assert reading.response.read().count(b"\n") == LINES
        for reading in stuck[1::2]:
            assert sum(event.name == "log" for event in reading) == LINES


@pytest.mark.case("H2")
def test_streams_take_no_threads_and_have_a_budget(server: Server) -> None:
    task_id = server.submit("hold")
    with ExitStack() as stack:
        paths = ("/events", f"/tasks/{task_id}/events", f"/tasks/{task_id}/log?follow=1")
        streams = [
            stack.enter_context(Reading(server, path)) for path in (*paths, *paths, *paths[:2])
        ]
        for path in paths:
            refused = server.request("GET", path)
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) > 0
            assert server.request("HEAD", path).status == 200
        assert server.status(task_id) == "Running"
        assert server.run("count")["Status"] == "Completed"
        streams[0].close()
        wait_for(lambda: _may_open(server, "/events"), "there is room again")


def _may_open(server: Server, path: str) -> bool:
    with Reading(server, path) as stream:
        return stream.response.status == 200


@pytest.mark.case("H2", "H3")
def test_more_clients_than_streams_and_none_of_them_stays(
    workers: Path, serve: Callable[..., Server]
) -> None:
    write_definition(
        workers, "hold", command=["sh", "-c", "echo ready; exec sleep 600"], protocol="text"
    )
    server = serve()
    task_id = server.submit("hold")
    wait_for(lambda: server.request("GET", f"/tasks/{task_id}/log").body, "its log is open")
    before = descriptors(server)
    with ExitStack() as stack:
        streams = [
            stack.enter_context(Reading(server, f"/tasks/{task_id}/events")) for _ in range(300)
        ]
        assert sorted(stream.response.status for stream in streams) == [200] * 256 + [503] * 44
        assert server.status(task_id) == "Running"
        for stream in streams[::2]:  # some go without a word of farewell
            stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lambda: descriptors(server) <= before, "their descriptors are closed")
    assert _may_open(server, "/events")


def test_a_stop_is_told(server: Server) -> None:
    task_id = server.submit("hold")
    with (
        Reading(server, "/events") as everything,
        Reading(server, f"/tasks/{task_id}/log?follow=1") as log,
        Reading(server, f"/tasks/{task_id}/events") as events,
    ):
        events.until("log")
        assert log.response.readline() == b"ready\n"
        assert server.stop() == 0
        assert [event.name for event in everything][-1] == "bye"
        *_, result = events
        assert result.name == "result", "the task has ended before"
        assert result.data["Error"]["code"] == "shutdown"
        assert log.response.read() == b""


def test_what_has_not_ended_breaks_off(server: Server) -> None:
    """So that nobody takes a part of a log for the whole."""
    task_id = server.submit("hold", query="?at=2100-01-01T00:00:00Z")
    with (
        Reading(server, f"/tasks/{task_id}/log?follow=1") as log,
        Reading(server, f"/tasks/{task_id}/events") as events,
    ):
        assert events.next().data["Status"] == "Queued"
        assert server.stop() == 0
        assert [(event.name, event.data) for event in events] == [("bye", {"Reason": "shutdown"})]
        with pytest.raises(http.client.IncompleteRead):
            log.response.read()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_how_a_stream_is_framed(server: Server, version: str) -> None:
    task_id = server.run("count")["TaskId"]
    with socket.create_connection(server.address, PATIENCE) as sock:
        path = f"/tasky/v1/tasks/{task_id}/log?follow=1&after={LINES - 1}"
        sock.sendall(f"GET {path} HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    line = b"line %d\n" % LINES
    assert b"\r\nConnection: close" in head
    assert b"\r\nContent-Length" not in head
    if version == "1.1":
        assert b"\r\nTransfer-Encoding: chunked" in head
        assert body == b"%x\r\n%s\r\n0\r\n\r\n" % (len(line), line)
    else:
        assert b"\r\nTransfer-Encoding" not in head
        assert body == line
