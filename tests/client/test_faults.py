"""What the client does when the connection breaks. The server is a stand-in: see its module."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tasky.client import (
    ApiError,
    BadAnswer,
    Client,
    ConnectionLost,
    NoAnswer,
    NoServer,
)
from tests.client.stand_in import LOST, SILENCE, Play, answer, playing

ID = "0199f0c5a1b27c3d8e4f5a6b7c8d9e0f"
CREATED = answer(f'{{"TaskId":"{ID}"}}', "201 Created")
STATUS = answer(f'{{"TaskId":"{ID}","Status":"Running"}}')


def key(request: bytes) -> str:
    match = re.search(rb"Idempotency-Key: (\S+)", request)
    assert match is not None, request
    return match[1].decode()


def test_a_submission_whose_answer_is_lost_is_sent_once_more_with_the_same_key() -> None:
    with playing(LOST, CREATED) as server, Client(server.url) as client:
        assert client.submit("sleeper", {"seconds": 1})["TaskId"] == ID
    first, second = server.requests
    assert first == second
    assert len(key(first)) == 32
    assert first.endswith(b'\r\n\r\n{"seconds": 1}')


def test_every_submission_has_a_key_of_its_own_unless_one_is_given() -> None:
    with playing(CREATED, CREATED, CREATED) as server, Client(server.url) as client:
        client.submit("sleeper")
        client.submit("sleeper")
        client.submit("sleeper", idempotency_key="mine")
    keys = [key(request) for request in server.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_a_restart_whose_answer_is_lost_is_sent_once_more_with_the_same_key() -> None:
    with playing(LOST, CREATED) as server, Client(server.url) as client:
        assert client.restart(ID)["TaskId"] == ID
    assert key(server.requests[0]) == key(server.requests[1])


def test_nothing_is_sent_a_third_time() -> None:
    with playing(LOST, LOST) as server, Client(server.url) as client:
        with pytest.raises(ConnectionLost, match="may have been carried out or not"):
            client.submit("sleeper")
        assert len(server.requests) == 2


def test_a_server_that_goes_away_for_good_leaves_a_submission_in_doubt() -> None:
    doubt = pytest.raises(ConnectionLost, match=r"carried out or not.*no server")
    with playing(LOST) as server, Client(server.url) as client, doubt:
        client.submit("sleeper")


def test_looking_is_never_in_doubt() -> None:
    with playing(LOST) as server, Client(server.url) as client, pytest.raises(NoServer):
        client.status(ID)


def test_a_deletion_is_never_sent_twice() -> None:
    with playing(LOST, STATUS) as server, Client(server.url) as client:
        with pytest.raises(ConnectionLost):
            client.delete(ID)
        assert client.status(ID)["Status"] == "Running"
    assert [request.split()[0] for request in server.requests] == [b"DELETE", b"GET"]


def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    closing = answer(f'{{"TaskId":"{ID}","Status":"Running"}}', close=True)
    deleted = Play(b"HTTP/1.1 204 No Content\r\n\r\n")
    with playing(closing, closing, deleted) as server, Client(server.url) as client:
        client.status(ID)
        client.status(ID)
        client.delete(ID)
    assert len(server.requests) == 3


def test_one_connection_serves_many_requests() -> None:
    with playing(STATUS, STATUS) as server, Client(server.url) as client:
        client.status(ID)
        client.pause(ID)  # the stand-in reads from the same connection, or never
    assert len(server.requests) == 2


def test_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(NoServer) as caught:
        client.workers()
    message = f"no server at http://127.0.0.1:{port}: is it running? (tasky serve)"
    assert caught.value.message == message


def test_no_server_at_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "tasky.sock"
    with Client(f"unix:{path}") as client, pytest.raises(NoServer, match="is it running"):
        client.workers()


def test_no_such_host() -> None:
    with Client("http://no..host") as client, pytest.raises(NoServer, match="no host name"):
        client.workers()


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "tasky.sock"
    with playing(LOST, CREATED, STATUS, path=path) as server, Client(server.url) as client:
        assert client.submit("sleeper")["TaskId"] == ID
        assert client.status(ID)["Status"] == "Running"
    assert b"Host: localhost\r\n" in server.requests[0]


def test_a_server_that_says_nothing() -> None:
    late = pytest.raises(NoAnswer, match=r"within 0\.1 s")
    with playing(SILENCE) as server, Client(server.url, timeout=0.1) as client, late:
        client.submit("sleeper")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "play",
    [
        Play(b"220 mail.example.org ESMTP\r\n", close=True),
        answer("<html>"),
        answer("[]"),
        answer("{}", "302 Found"),
    ],
    ids=["no HTTP", "no JSON", "another shape", "elsewhere"],
)
def test_another_server_is_there(play: Play) -> None:
    with playing(play) as server, Client(server.url) as client, pytest.raises(BadAnswer):
        client.status(ID)


def test_an_error_of_something_in_between() -> None:
    play = answer("<h1>Bad Gateway</h1>", "502 Bad Gateway", kind="text/html")
    with playing(play) as server, Client(server.url) as client, pytest.raises(ApiError) as caught:
        client.status(ID)
    assert caught.value.status == 502
    assert caught.value.message == "502 Bad Gateway"


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 1000\r\n\r\nthe beginning\n",
        b"Transfer-Encoding: chunked\r\n\r\ne\r\nthe beginning\n\r\n",
    ],
)
def test_a_log_that_breaks_off_is_an_error_and_not_the_end(body: bytes) -> None:
    play = Play(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + body, close=True)
    with playing(play) as server, Client(server.url) as client:
        pieces = client.log_text(ID)
        assert next(pieces) == b"the beginning\n"
        with pytest.raises(ConnectionLost):
            next(pieces)


def test_a_log_that_is_left_midway_does_not_spoil_the_next_request() -> None:
    log = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning\n"
    with playing(Play(log), STATUS) as server, Client(server.url) as client:
        pieces = client.log_text(ID)
        next(pieces)
        pieces.close()
        assert client.status(ID)["Status"] == "Running"


def test_what_the_reader_of_a_log_raises_is_not_taken_for_a_broken_connection() -> None:
    log = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\nb"
    with playing(Play(log)) as server, Client(server.url) as client:
        pieces = client.log_text(ID)
        next(pieces)
        with pytest.raises(BrokenPipeError):
            pieces.throw(BrokenPipeError())
