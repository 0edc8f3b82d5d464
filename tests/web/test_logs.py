"""/tasks/{id}/log: text and JSON lines, from any line on, in bounded memory."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tasky.web.documents import line_ranges
from tests.web.api import MISSING, Api, call

TALK = r"""
echo one
printf 'two \303\251 \377\n'
echo '{"type":"log","level":"warning","message":"disk nearly full","free":3,"path":"/srv"}'
echo '{"type":"log","level":"info","message":"plain"}'
echo five
"""


@pytest.fixture(scope="module")
def task_id(shared: Api) -> str:
    shared.add("talks", TALK)
    shared.reload()
    return shared.run("talks")


def lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


def test_as_text(shared: Api, task_id: str) -> None:
    answer = shared.get(f"/tasks/{task_id}/log")
    assert answer.status_int == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Tasky-Last-Line"] == "5"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.text == (
        "one\ntwo é \\xff\nwarning: disk nearly full free=3 path=/srv\ninfo: plain\nfive\n"
    )


@pytest.mark.parametrize(
    "accept", ["application/jsonl", "application/jsonl, text/plain;q=0.5", "application/*"]
)
def test_as_json_lines(shared: Api, task_id: str, accept: str) -> None:
    answer = shared.get(f"/tasks/{task_id}/log/", accept=accept)
    assert answer.headers["Content-Type"] == "application/jsonl"
    assert answer.headers["Vary"] == "Accept"
    found = lines(answer.body)
    assert [line["N"] for line in found] == [1, 2, 3, 4, 5]
    assert set(found[0]) == {"N", "Time", "Stream", "Attempt", "Text"}
    assert (found[0]["Stream"], found[0]["Attempt"], found[0]["Text"]) == ("stdout", 1, "one")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found[0]["Time"])
    warning = found[2]
    assert (warning["Stream"], warning["Level"]) == ("log", "warning")
    assert warning["Text"] == "disk nearly full"
    assert warning["Fields"] == {"free": 3, "path": "/srv"}


@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/*", "image/png", "", "x", "a/b;q=z"])
@pytest.mark.case("H19")
def test_whatever_is_accepted_else_it_is_text(shared: Api, task_id: str, accept: str) -> None:
    answer = shared.get(f"/tasks/{task_id}/log", accept=accept)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("?after=0", [1, 2, 3, 4, 5]),
        ("?after=3", [4, 5]),
        ("?after=5", []),
        ("?after=9223372036854775807", []),
        ("?tail=2", [4, 5]),
        ("?tail=0", []),
        ("?tail=100", [1, 2, 3, 4, 5]),
        ("?after=3&tail=1", [5]),
        ("?after=3&tail=4", [4, 5]),
        ("?follow=0", [1, 2, 3, 4, 5]),
        ("?limit=2", [1, 2]),
        ("?after=1&limit=2", [2, 3]),
        ("?tail=3&limit=1", [3]),
        ("?limit=10000", [1, 2, 3, 4, 5]),
    ],
)
def test_from_where(shared: Api, task_id: str, query: str, numbers: list[int]) -> None:
    answer = shared.get(f"/tasks/{task_id}/log{query}", accept="application/jsonl")
    assert [line["N"] for line in lines(answer.body)] == numbers
    assert answer.headers["Tasky-Last-Line"] == "5"


@pytest.mark.parametrize(
    "query",
    [*(f"{name}={value}" for name in ("after", "tail", "attempt") for value in ("", "-1", "x", "1e3", "9" * 30)),
     "follow=2", "follow=", "tail=1&tail=2", "lines=3", "limit=0", "limit=10001", "cut=0", "search=",
     f"search={'x' * 201}", "follow=1&limit=3", "follow=1&search=x"],
)  # fmt: skip
def test_what_is_refused(shared: Api, query: str) -> None:
    assert shared.get(f"/tasks/{MISSING}/log?{query}").status_int == 422


@pytest.mark.parametrize(
    ("query", "numbers", "searched"),
    [
        ("search=E", [1, 3, 5], 5),
        ("search=e&limit=2", [1, 3], 3),
        ("search=e&limit=1&after=2", [3], 3),
        ("search=warning:%20disk", [3], 5),
        ("search=path%3D/srv", [3], 5),
        ("search=nothing", [], 5),
        ("search=e&tail=1", [5], 5),
    ],
)
def test_what_is_looked_for(
    shared: Api, task_id: str, query: str, numbers: list[int], searched: int
) -> None:
    answer = shared.get(f"/tasks/{task_id}/log?{query}", accept="application/jsonl")
    assert [line["N"] for line in lines(answer.body)] == numbers
    assert answer.headers["Tasky-Searched"] == str(searched)
    assert answer.headers["Tasky-Last-Line"] == "5"


def test_long_lines_can_be_cut(shared: Api, task_id: str) -> None:
    path = f"/tasks/{task_id}/log?cut=4&after=1&limit=2"
    assert shared.get(path).text == "two …\nwarning: disk… free=3 path=/srv\n"
    first, second = lines(shared.get(path, accept="application/jsonl").body)
    assert (first["Text"], first["Length"]) == ("two …", 10)
    assert (second["Text"], second["Length"]) == ("disk…", 16)
    (whole,) = lines(
        shared.get(f"/tasks/{task_id}/log?cut=3&limit=1", accept="application/jsonl").body
    )
    assert (whole["Text"], "Length" in whole) == ("one", False)


def test_the_numbers_of_the_lines_that_there_are(shared: Api, task_id: str, retried: str) -> None:
    def told(path: str) -> str:
        return str(shared.get(path).headers["Tasky-Lines"])

    assert told(f"/tasks/{task_id}/log?limit=1") == "1-5"
    assert told(f"/tasks/{retried}/log?attempt=2") == "4-5"
    assert told(f"/tasks/{retried}/log?attempt=0") == ""
    spans = [(1, 5), (99, 120)]
    assert line_ranges(spans) == "1-5,99-120"
    assert line_ranges(spans, 2, 100) == "3-5,99-100"
    assert line_ranges(spans, 5, 98) == ""


@pytest.fixture(scope="module")
def retried(shared: Api) -> str:
    """Fails once: three lines, one of them of the server's; then two."""
    shared.add(
        "flaky",
        "seq 1 2; [ $TASKY_ATTEMPT = 2 ] || exit 7",
        protocol="text",
        retry={"attempts": 2},
    )
    shared.reload()
    return shared.run("flaky")


@pytest.mark.parametrize(
    ("query", "numbers", "last"),
    [
        ("", [1, 2, 3, 4, 5], 5),
        ("?attempt=1", [1, 2, 3], 3),
        ("?attempt=2", [4, 5], 5),
        ("?attempt=3", [], 5),
        ("?attempt=0", [], 0),
        ("?attempt=1&tail=2", [2, 3], 3),
        ("?attempt=1&after=2", [3], 3),
        ("?attempt=2&after=2&tail=9", [4, 5], 5),
        ("?attempt=1&after=4", [], 3),
        ("?attempt=1000000", [], 5),
    ],
)
def test_of_one_attempt(
    shared: Api, retried: str, query: str, numbers: list[int], last: int
) -> None:
    answer = shared.get(f"/tasks/{retried}/log{query}", accept="application/jsonl")
    found = lines(answer.body)
    assert [line["N"] for line in found] == numbers
    assert [line["Attempt"] for line in found] == [1 if n <= 3 else 2 for n in numbers]
    assert answer.headers["Tasky-Last-Line"] == str(last)


def test_the_text_tells_where_an_attempt_ended(shared: Api, retried: str) -> None:
    text = shared.get(f"/tasks/{retried}/log").text
    assert text == "1\n2\nattempt 1 failed: exit status 7; attempt 2 follows\n1\n2\n"


def test_of_a_task_that_runs_and_of_one_that_said_nothing(api: Api) -> None:
    queued = api.submit("hold", query="?at=2100-01-01T00:00:00Z")
    answer = api.get(f"/tasks/{queued}/log")
    assert (answer.status_int, answer.body) == (200, b"")
    assert answer.headers["Tasky-Last-Line"] == "0"
    running = api.submit("hold")
    api.await_log(running, "ready")
    assert api.get(f"/tasks/{running}/log").text == "ready\n"


def test_a_long_one_is_streamed(api: Api) -> None:
    api.add("long", "seq 1 20000; seq 20001 25000 >&2")
    api.reload()
    task_id = api.run("long")
    answer = api.get(f"/tasks/{task_id}/log")
    numbers = [int(line) for line in answer.text.splitlines()]
    assert sorted(numbers) == list(range(1, 25001))
    assert answer.headers["Tasky-Last-Line"] == "25000"
    as_json = lines(api.get(f"/tasks/{task_id}/log", accept="application/jsonl").body)
    assert [line["N"] for line in as_json] == list(range(1, 25001))
    assert {line["Stream"] for line in as_json} == {"stdout", "stderr"}
    for line in as_json:
        assert (line["Stream"] == "stdout") is (int(line["Text"]) <= 20000)


def test_a_stream_that_is_left_closes_its_files(api: Api) -> None:
    """Unclosed descriptors would be a warning, and a warning is an error."""
    api.add("long", "seq 1 25000")
    api.reload()
    task_id = api.run("long")
    before = len(list(Path("/proc/self/fd").iterdir()))
    answer = call(api, "GET", f"/tasky/v1/tasks/{task_id}/log")
    assert "content-length" not in answer.headers
    assert isinstance(answer.body, Generator)
    assert next(answer.body).startswith(b"1\n2\n")
    answer.body.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_follow_gives_what_comes_until_the_end(api: Api, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    api.add("gated", f"echo 1; echo 2; read -r line <{gate}; echo $line")
    api.reload()
    task_id = api.submit("gated")
    api.await_log(task_id, "2")
    body = iter(
        call(api, "GET", f"/tasky/v1/tasks/{task_id}/log", QUERY_STRING="follow=1&tail=1").body
    )
    assert next(body) == b"2\n"
    gate.write_text("three\n")
    assert b"".join(body) == b"three\n"


def test_follow_of_one_attempt(shared: Api, retried: str) -> None:
    for attempt in (1, 2, 3):
        query = f"/tasks/{retried}/log?attempt={attempt}"
        assert shared.get(f"{query}&follow=true").text == shared.get(query).text


def test_follow_of_a_task_that_is_deleted_breaks_off(api: Api) -> None:
    """Nobody is to take what there was of it for the whole."""
    api.add("long", "seq 50000")
    api.reload()
    task_id = api.run("long")
    body = iter(call(api, "GET", f"/tasky/v1/tasks/{task_id}/log", QUERY_STRING="follow=1").body)
    assert next(body).startswith(b"1\n2\n")
    api.ask("DELETE", f"/tasks/{task_id}")
    with pytest.raises(FileNotFoundError):
        list(body)
