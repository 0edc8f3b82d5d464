"""/tasks/{id}/files: what a task left, made by a worker that may mean harm."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tasky.web.files import disposition
from tests.web.api import Api

EVIL = "<script>alert(1)</script>"


def leave(api: Api, path: str, content: str, **more: str) -> str:
    """A task that leaves one file."""
    message = json.dumps({"type": "artifact", "path": path, **more})
    (api.workers / "content").write_text(content)
    (api.workers / "message").write_text(f"{message}\n")
    folder, _, _ = path.rpartition("/")
    (api.workers / "name").write_text(path)
    (api.workers / "folder").write_text(folder or ".")
    at = api.workers
    api.add(
        "leaves",
        f'mkdir -p "$(cat {at}/folder)"; cp {at}/content "./$(cat {at}/name)"; cat {at}/message',
    )
    api.reload()
    return api.run("leaves")


def test_the_list_and_the_file(shared: Api) -> None:
    task_id = leave(shared, "sub/out.csv", "a,b\n1,2\n", name="The table")
    expected = [{"Path": "sub/out.csv", "Name": "The table", "MediaType": "text/csv", "Size": 8}]
    assert shared.get(f"/tasks/{task_id}/files/").json == {"Files": expected}
    assert shared.get(f"/tasks/{task_id}").json["Artifacts"] == expected
    answer = shared.get(f"/tasks/{task_id}/files/sub/out.csv")
    assert answer.status_int == 200
    assert answer.body == b"a,b\n1,2\n"
    headers = answer.headers
    assert headers["Content-Type"] == "text/csv"
    assert headers["Content-Length"] == "8"
    assert 'filename="The table"' in headers["Content-Disposition"]
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.case("H23")
def test_a_page_is_never_shown_as_one(shared: Api) -> None:
    task_id = leave(shared, "x.html", EVIL, media_type="text/html")
    headers = shared.get(f"/tasks/{task_id}/files/x.html").headers
    assert headers["Content-Disposition"].startswith("attachment; ")
    assert "sandbox" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "media_type",
    ["text/html\r\nSet-Cookie: a=b", "", "text", "a/b/c", "é/x", "text/plain; a=\"\n\"", "x/" + "y" * 500],
)  # fmt: skip
@pytest.mark.case("H12")
def test_a_media_type_that_is_none(shared: Api, media_type: str) -> None:
    task_id = leave(shared, "data.unknown", "x", media_type=media_type)
    answer = shared.get(f"/tasks/{task_id}/files/data.unknown")
    assert answer.status_int == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "name", ["a b.txt", 'q"uote\\.txt', "grüße 🙂.txt", "semi;colon%41", "-rf", "a?b#c", "%2e%2e"]
)  # fmt: skip
@pytest.mark.case("H12")
def test_strange_names(shared: Api, name: str) -> None:
    task_id = leave(shared, name, EVIL)
    (artifact,) = shared.get(f"/tasks/{task_id}/files").json["Files"]
    assert artifact["Path"] == name
    answer = shared.get(f"/tasks/{task_id}/files/{quote(name)}")
    assert answer.status_int == 200
    assert answer.text == EVIL
    assert answer.headers["Content-Disposition"].isprintable()


@pytest.mark.case("H12")
def test_the_name_in_the_header() -> None:
    plain = "attachment; filename=\"out.csv\"; filename*=UTF-8''out.csv"
    assert disposition("out.csv") == plain
    whole = disposition('a"b\\ü/\r\n.txt')
    assert whole == (
        "attachment; filename=\"a_b_____.txt\"; filename*=UTF-8''a%22b_%C3%BC_%0D%0A.txt"
    )
    assert disposition("\udcff").endswith("''%3F")


def test_a_file_that_is_gone(shared: Api) -> None:
    task_id = leave(shared, "out", "x")
    (shared.store.folders.files(task_id) / "out").unlink()
    assert shared.get(f"/tasks/{task_id}/files/out").status_int == 404
