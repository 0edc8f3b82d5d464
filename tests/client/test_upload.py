"""Submissions with files, from the client's side."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.client import ApiError, Attachment, Client, UnreadableFile
from tasky.client.forms import Form
from tests.client.stand_in import LOST, answer, playing
from tests.helpers import Server, serving, write_definition

SIZE = 3 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("upload")
    file = {"type": "string", "format": "file"}
    params = {
        "file": file,
        "more": {"type": "array", "items": file, "default": []},
        "note": {"type": "string", "default": ""},
    }
    write_definition(folder / "workers.d", "upload", command=["true"], params=params)
    with serving(folder / "workers.d", folder / "state", TASKY_MAX_UPLOAD="4MiB") as server:
        yield server


def sent(client: Client, files: Any, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """The parameters as the server keeps them."""
    submitted = client.submit("upload", params, files=files, wait=60)
    assert submitted["Status"] == "Completed", submitted
    kept: dict[str, Any] = dict(client.task(submitted["TaskId"])["Params"])
    return kept


def test_a_path(client: Client, tmp_path: Path) -> None:
    path = tmp_path / 'gr"üße.csv'
    content = bytes(range(256)) * (SIZE // 256)
    path.write_bytes(content)
    for given in (path, str(path)):
        kept = sent(client, {"file": given})["file"]
        assert kept["sha256"] == hashlib.sha256(content).hexdigest()
        assert (kept["name"], kept["size"]) == ("gr%22üße.csv", SIZE)


def test_what_is_in_memory_and_parameters(client: Client) -> None:
    files = {
        "file": Attachment("a.txt", b"one"),
        "more": [Attachment("b", b""), Attachment("c", b"3")],
    }
    kept = sent(client, files, {"note": "with a note"})
    assert kept["note"] == "with a note"
    assert [each["name"] for each in (kept["file"], *kept["more"])] == ["a.txt", "b", "c"]


def test_nothing_to_send_is_json(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.submit("upload", {"file": "/etc/passwd"}, files={})
    assert caught.value.status == 422


def test_a_file_that_cannot_be_read(client: Client, tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(UnreadableFile, match="cannot be read"):
            client.submit("upload", files={"file": path})
    client.worker("upload")


def test_one_that_shrinks_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    form = Form({}, {"file": path})
    path.write_bytes(b"01234")
    with pytest.raises(UnreadableFile, match="shorter"):
        list(form)
    path.write_bytes(b"0123456789 and more")
    assert len(b"".join(form)) == len(form)


def test_too_large(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.submit("upload", files={"file": Attachment("big", b"x" * (8 << 20))})
    assert caught.value.status == 413


def test_it_is_sent_again_where_the_connection_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"the content")
    with playing(LOST, answer('{"TaskId": "x"}')) as server, Client(server.url) as client:
        assert client.submit("upload", files={"file": path}) == {"TaskId": "x"}
        first, second = server.requests
    assert first == second
    assert first.count(b"the content") == 1
