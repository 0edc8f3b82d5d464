"""Parts of files, and conditions on them (RFC 9110)."""

from __future__ import annotations

import io
import os
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from webtest import TestResponse

from tasky.web.ranges import Validators, Window, is_unchanged, wanted
from tests.helpers import Server, serving, write_worker
from tests.web.api import Api, call
from tests.web.test_files import EVIL, leave

DIGITS = "0123456789"


@pytest.fixture
def task_id(shared: Api) -> str:
    return leave(shared, "digits.bin", DIGITS)


def ask(
    api: Api, task_id: str, method: str = "GET", query: str = "", **headers: str
) -> TestResponse:
    return api.ask(method, f"/tasks/{task_id}/files/digits.bin{query}", **headers)


def test_the_whole_says_that_parts_can_be_had(shared: Api, task_id: str) -> None:
    answer = ask(shared, task_id)
    assert (answer.status_int, answer.body) == (200, DIGITS.encode())
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in answer.headers
    tag = answer.headers["ETag"]
    assert tag.startswith('"')
    assert ask(shared, task_id).headers["ETag"] == tag
    assert answer.headers["Last-Modified"].endswith(" GMT")


@pytest.mark.parametrize(
    ("asked", "part", "says"),
    [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("BYTES=2-4", "234", "bytes 2-4/10"),
        ("bytes= 2-4 ", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=7-100", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-100", DIGITS, "bytes 0-9/10"),
        ("bytes=0-", DIGITS, "bytes 0-9/10"),
    ],
)
def test_a_part(shared: Api, task_id: str, asked: str, part: str, says: str) -> None:
    answer = ask(shared, task_id, range=asked)
    assert (answer.status_int, answer.text) == (206, part)
    assert answer.headers["Content-Range"] == says
    assert answer.headers["Content-Length"] == str(len(part))
    assert answer.headers["ETag"]
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-12", "bytes=-0", f"bytes={10**17}-"])
def test_a_part_that_there_is_not(shared: Api, task_id: str, asked: str) -> None:
    answer = ask(shared, task_id, range=asked)
    assert answer.status_int == 416
    assert answer.headers["Content-Range"] == "bytes */10"
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize(
    "asked",
    ["bytes=4-2", "bytes=-", "bytes", "bytes=a-b", "bytes=1-2,4-5", "lines=1-2", "bytes=1 -2", "",
     f"bytes=0-{'9' * 30}", "bytes=²-"],
)  # fmt: skip
def test_what_is_no_range_or_several_gives_the_whole(shared: Api, task_id: str, asked: str) -> None:
    answer = ask(shared, task_id, range=asked)
    assert (answer.status_int, answer.text) == (200, DIGITS)


def test_an_empty_file(shared: Api) -> None:
    task_id = leave(shared, "digits.bin", "")
    assert ask(shared, task_id).body == b""
    for asked in ("bytes=0-", "bytes=-5"):
        answer = ask(shared, task_id, range=asked)
        assert (answer.status_int, answer.headers["Content-Range"]) == (416, "bytes */0")


def test_head(shared: Api, task_id: str) -> None:
    answer = ask(shared, task_id, "HEAD", range="bytes=2-4")
    assert (answer.status_int, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == "10"
    assert answer.headers["ETag"] == ask(shared, task_id).headers["ETag"]
    tag = answer.headers["ETag"]
    assert ask(shared, task_id, "HEAD", if_none_match=tag).status_int == 304


def test_what_the_client_has_already(shared: Api, task_id: str) -> None:
    tag = ask(shared, task_id).headers["ETag"]
    for tags in (tag, f"W/{tag}", f'"a", {tag}', f'"a,b",{tag} , W/"c"', "*"):
        answer = ask(shared, task_id, if_none_match=tags)
        assert (answer.status_int, answer.body) == (304, b""), tags
        assert answer.headers["ETag"] == tag
    for tags in ('"other"', tag.strip('"'), f"{tag[:-1]}", f'{tag} "x', ""):
        assert ask(shared, task_id, if_none_match=tags).status_int == 200, tags


def test_since_when(shared: Api, task_id: str) -> None:
    modified = ask(shared, task_id).headers["Last-Modified"]
    later, before = formatdate(time.time() + 99, usegmt=True), formatdate(99, usegmt=True)
    assert ask(shared, task_id, if_modified_since=modified).status_int == 304
    assert ask(shared, task_id, if_modified_since=later).status_int == 304
    for text in (before, "yesterday", "", "Sun, 99 Nov 1994 08:49:37 GMT"):
        assert ask(shared, task_id, if_modified_since=text).status_int == 200
    answer = ask(shared, task_id, if_modified_since=later, if_none_match='"other"')
    assert answer.status_int == 200, "the tag counts, not the date"


def test_only_if_it_is_this_one(shared: Api, task_id: str) -> None:
    answer = ask(shared, task_id)
    tag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]
    for tags in (tag, "*", f'"a", {tag}'):
        assert ask(shared, task_id, if_match=tags).status_int == 200
    for tags in ('"other"', f"W/{tag}"):
        assert ask(shared, task_id, if_match=tags).status_int == 412
    assert ask(shared, task_id, if_unmodified_since=modified).status_int == 200
    long_ago = formatdate(99, usegmt=True)
    assert ask(shared, task_id, if_unmodified_since=long_ago).status_int == 412


def test_a_part_of_this_one_or_the_whole_of_another(shared: Api, task_id: str) -> None:
    answer = ask(shared, task_id)
    tag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]
    for condition in (tag, modified):
        assert ask(shared, task_id, range="bytes=0-1", if_range=condition).status_int == 206
    later = formatdate(time.time() + 99, usegmt=True)
    for condition in ('"other"', f"W/{tag}", later, ""):
        answer = ask(shared, task_id, range="bytes=0-1", if_range=condition)
        assert (answer.status_int, answer.text) == (200, DIGITS), condition


def test_another_content_has_another_tag(shared: Api, task_id: str) -> None:
    file = shared.store.folders.files(task_id) / "digits.bin"
    first = ask(shared, task_id).headers["ETag"]
    os.utime(file, ns=(0, 1))
    second = ask(shared, task_id)
    assert second.headers["ETag"] != first
    assert second.headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    file.write_text("another")
    third = ask(shared, task_id)
    assert third.headers["ETag"] not in (first, second.headers["ETag"])
    os.utime(file, (0, time.time() + 10_000))
    assert ask(shared, task_id).headers["Last-Modified"] <= formatdate(time.time(), usegmt=True)
    assert leave(shared, "digits.bin", DIGITS) != task_id


def test_shown_only_where_it_is_harmless(shared: Api) -> None:
    kinds = {"text/plain": "inline", "image/png": "inline", "text/plain; charset=utf-8": "inline"}
    kinds |= dict.fromkeys(
        ["text/html", "image/svg+xml", "application/pdf", "text/xml", "x"], "attachment"
    )
    for media_type, kind in kinds.items():
        task_id = leave(shared, "digits.bin", EVIL, media_type=media_type)
        answer = ask(shared, task_id, query="?inline=true")
        assert answer.headers["Content-Disposition"].startswith(f"{kind}; "), media_type
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        plain = ask(shared, task_id, query="?inline=0")
        assert plain.headers["Content-Disposition"].startswith("attachment; ")
    assert ask(shared, task_id, query="?inline=perhaps").status_int == 422


def test_nothing_stays_open(shared: Api, task_id: str) -> None:
    url = f"/tasky/v1/tasks/{task_id}/files/digits.bin"
    before = len(list(Path("/proc/self/fd").iterdir()))
    for headers in ({}, {"HTTP_RANGE": "bytes=99-"}, {"HTTP_IF_NONE_MATCH": "*"}):
        answer = call(shared, "GET", url, **headers)
        list(answer.body)
        if hasattr(answer.body, "close"):
            answer.body.close()
        call(shared, "HEAD", url, **headers)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_window() -> None:
    window = Window(io.BytesIO(b"0123456789"), 2, 6)
    assert (window.tell(), window.seek(0, 2), window.read()) == (0, 4, b"")
    assert window.seek(1) == 1
    assert (window.read(2), window.read(100), window.read(1)) == (b"34", b"5", b"")
    assert window.seek(-99, 1) == 0
    window.close()


def test_hostile_headers_take_no_time() -> None:
    current = Validators("t", 0)
    for text in ('"a",' * 4000, '"a" ' * 4000 + "x", "W/" * 8000, "," * 16000):
        assert not is_unchanged({"HTTP_IF_NONE_MATCH": text}, current)
    assert wanted({"HTTP_RANGE": "bytes=" + "0-1," * 4000}, 10, current) is None


# ---------------------------------------------------------------------- over a socket


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, str]:
    """A server, and a task that left a file of 3 MiB, of its own offsets."""
    folder = tmp_path_factory.mktemp("big")
    script = """
        import sys
        with open("big", "wb") as file:
            file.write(b"".join(b"%08d" % number for number in range(3 << 17)))
        print('{"type":"artifact","path":"big"}')
    """
    write_worker(folder / "workers.d", "big", script)
    with serving(folder / "workers.d", folder / "state") as server:
        yield server, server.run("big")["TaskId"]


def test_over_a_socket(big: tuple[Server, str]) -> None:
    server, task_id = big
    url, size = f"/tasks/{task_id}/files/big", 3 << 20
    whole = server.request("GET", url)
    assert (whole.status, len(whole.body)) == (200, size)
    for first, last in ((0, 0), (1, 2_000_000), (size - 8, size - 1), (0, size - 1)):
        answer = server.request("GET", url, Range=f"bytes={first}-{last}")
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert answer.headers["Content-Length"] == str(last - first + 1)
        assert answer.body == whole.body[first : last + 1]
    head = server.request("HEAD", url)
    assert (head.headers["Content-Length"], head.body) == (str(size), b"")
    tag = {"If-None-Match": whole.headers["Etag"]}
    assert server.request("GET", url, **tag).status == 304
    answer = server.request("GET", url, Range=f"bytes={size}-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{size}")


def test_a_download_that_broke_is_gone_on_with(big: tuple[Server, str]) -> None:
    server, task_id = big
    url = f"/tasks/{task_id}/files/big"
    first = server.request("GET", url, Range="bytes=0-99999")
    rest = {"Range": "bytes=100000-", "If-Range": first.headers["Etag"]}
    answer = server.request("GET", url, **rest)
    assert answer.status == 206
    assert first.body + answer.body == server.request("GET", url).body
