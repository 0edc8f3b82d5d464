"""Fetching a file over connections that break. The server is a stand-in; one test has a real one."""

from __future__ import annotations

import re

import pytest

from tasky.client import Client, ConnectionLost
from tests.client.stand_in import LOST, Play, playing

ID = "0199f0c5a1b27c3d8e4f5a6b7c8d9e0f"


def part(body: bytes, left: int, status: str = "206 Partial Content", etag: str = '"v1"') -> Play:
    """Some of the bytes that are `left`; then the connection is gone."""
    tag = f"ETag: {etag}\r\n" if etag else ""
    head = f"HTTP/1.1 {status}\r\n{tag}Content-Length: {left}\r\n\r\n"
    return Play(head.encode() + body, close=True)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasky.client.download._PAUSES", (0.0, 0.0, 0.0))


def test_it_goes_on_where_it_was() -> None:
    plays = (part(b"abc", 9, "200 OK"), LOST, part(b"de", 6), part(b"fghi", 4))
    with playing(*plays) as server, Client(server.url) as client:
        assert b"".join(client.file(ID, "a b.txt")) == b"abcdefghi"
        ranges = [re.findall(rb"(?:Range|If-Range): (\S+)", one) for one in server.requests]
    assert ranges == [
        [],
        [b"bytes=3-", b'"v1"'],
        [b"bytes=3-", b'"v1"'],
        [b"bytes=5-", b'"v1"'],
    ]


@pytest.mark.parametrize(
    ("plays", "requests"),
    [
        ([part(b"abc", 9, "200 OK", etag="")], 1),
        ([part(b"abc", 9, "200 OK", etag='W/"v1"')], 1),
        ([part(b"", 9, "200 OK")], 1),
        ([part(b"abc", 9, "200 OK"), part(b"xyz", 9, "200 OK", etag='"v2"')], 2),
        ([part(b"abc", 9, "200 OK"), part(b"xyz", 6, etag='"v2"')], 2),
        ([part(b"abc", 9, "200 OK"), LOST, LOST, LOST], 4),
    ],
    ids=["no tag", "a weak tag", "nothing came", "another file", "another part", "for good"],
)
def test_what_cannot_go_on_is_an_error(plays: list[Play], requests: int) -> None:
    with playing(*plays) as server, Client(server.url) as client:
        with pytest.raises(ConnectionLost):
            list(client.file(ID, "x"))
        assert len(server.requests) == requests


def test_a_real_server_takes_the_tag_for_a_part(client: Client) -> None:
    task_id = client.submit("leave", wait=60)["TaskId"]
    assert b"".join(client.file(task_id, "sub/data.csv")) == b"a,b\n1,2\n"
    assert list(client.file(task_id, "empty")) == []
    session, path = client._session, f"/tasks/{task_id}/files/sub/data.csv"
    with session.open(path) as (whole, _):
        tag = whole.etag
    with session.open(path, headers={"Range": "bytes=4-", "If-Range": tag}) as (answer, pieces):
        assert (answer.status, answer.etag, b"".join(pieces)) == (206, tag, b"1,2\n")
    assert tag.startswith('"')
