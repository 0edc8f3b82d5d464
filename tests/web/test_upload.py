"""Submissions with files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.model.upload import MAX_FILES
from tests.forms import BOUNDARY, Part, field, file, form
from tests.helpers import PATIENCE, wait_for
from tests.service.assembly import ECHO, HOLD
from tests.web.api import MAX_BODY, Api, TestResponse, standard

FILE = {"type": "string", "format": "file"}
FILES = {"type": "array", "items": {**FILE, "contentMediaType": "text/csv"}, "default": []}
MAYBE = {"type": ["string", "null"], "format": "file", "default": None}
MAX_UPLOAD = 1 << 20
MIB = b"0123456789abcdef" * (1 << 16)

#: Says what it was given, and has the contents of its files in its log.
READ = f"""{ECHO}
for name in upload-*; do [ -e "$name" ] && cat "$name" >&2; done
exit 0
"""


def prepared(root: Path) -> Api:
    api = standard(root)
    more = {
        "number": {"type": "integer", "default": 0},
        "list": {"type": "array", "items": {"type": "integer"}, "default": []},
        "text": {"type": "string", "default": ""},
        "any": {"default": None},
        "flag": {"type": "boolean", "default": False},
    }
    api.add("takes", READ, params={"file": FILE, "files": FILES, "maybe": MAYBE, **more})
    api.add("later", HOLD, params={"file": FILE}, max_tasks=1)
    api.add("prints", 'cat "$2"', protocol="text", args=["--in", "{file}"], params={"file": FILE})
    return api.serve(max_upload=MAX_UPLOAD)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    api = prepared(tmp_path_factory.mktemp("shared"))
    yield api
    api.stop()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = prepared(tmp_path)
    yield api
    api.stop()


def send(
    api: Api, *parts: Part, worker: str = "takes", query: str = "", **headers: str
) -> TestResponse:
    return api.ask("POST", f"/workers/{worker}{query}", *form(*parts), **headers)


def run(api: Api, *parts: Part, **how: Any) -> tuple[str, dict[str, Any]]:
    """The task's id, and its parameters as the worker was given them."""
    answer = send(api, *parts, query=f"?wait={PATIENCE:.0f}s", **how)
    assert answer.status_int == 200, answer
    return answer.json["TaskId"], answer.json["Output"]["params"]


def pointers(answer: TestResponse) -> set[str]:
    assert answer.status_int == 422, answer
    return {error["pointer"] for error in answer.json["errors"]}


def left(api: Api) -> list[str]:
    return sorted(os.listdir(api.state / "uploads"))  # noqa: PTH208


def await_nothing_left(api: Api) -> None:
    wait_for(lambda: not left(api), "no file of a submission is left")


def test_the_worker_gets_a_path_in_its_work_folder(shared: Api) -> None:
    content = b"a,b\r\n1,2\r\n--\x00\xff" + b"\r\n--" + BOUNDARY[:-1].encode()
    task_id, params = run(shared, file("file", content))
    assert params["file"] == str(shared.state / "work" / task_id / "upload-1")
    assert params["files"] == []
    assert params["maybe"] is None
    document = shared.get(f"/tasks/{task_id}").json
    digest = hashlib.sha256(content).hexdigest()
    kept = {"file": "upload-1", "name": "local.csv", "size": len(content), "sha256": digest}
    assert document["Params"]["file"] == kept
    await_nothing_left(shared)


def test_its_content(shared: Api) -> None:
    task_id, _ = run(shared, file("file", b"the content\n"), file("files", b"another\n"))
    log = shared.get(f"/tasks/{task_id}/log").text
    assert log == "the content\nanother\n"


def test_a_program_of_text_gets_it_as_an_argument(shared: Api) -> None:
    answer = send(shared, file("file", b"printed"), worker="prints", query="?wait=30s")
    assert answer.json["Output"] == {"string_output": "printed"}


def test_several_files(shared: Api) -> None:
    parts = [file("files", b"%d" % number, f"{number}.txt") for number in range(3)]
    task_id, params = run(shared, file("file", b"x"), *parts)
    work = shared.state / "work" / task_id
    assert params["files"] == [f"{work}/upload-{number}.csv" for number in (2, 3, 4)]
    assert [kept["name"] for kept in shared.get(f"/tasks/{task_id}").json["Params"]["files"]] == [
        "0.txt", "1.txt", "2.txt"
    ]  # fmt: skip


def test_an_empty_file_is_one(shared: Api) -> None:
    task_id, _ = run(shared, file("file", b""))
    assert shared.get(f"/tasks/{task_id}").json["Params"]["file"]["size"] == 0


def test_a_field_in_which_no_file_was_chosen(shared: Api) -> None:
    _, params = run(shared, file("file", b"x"), file("maybe", b"", ""), file("files", b"", ""))
    assert (params["maybe"], params["files"]) == (None, [])


def test_the_other_fields(shared: Api) -> None:
    parts = [
        field("number", "5"), field("list", "1"), field("list", "2"), field("text", "5 \u00fc"),
        field("any", "[1]"), field("flag", "true"),
    ]  # fmt: skip
    _, params = run(shared, *parts, file("file", b"x"))
    del params["file"]
    expected = {"number": 5, "list": [1, 2], "text": "5 ü", "any": "[1]", "flag": True}
    assert params == {**expected, "files": [], "maybe": None}
    _, params = run(shared, field("list", "[1, 2, 3]"), file("file", b"x"))
    assert params["list"] == [1, 2, 3]


def test_the_parameters_as_json(shared: Api) -> None:
    given = {"number": 7, "list": [4], "any": {"deep": [None]}}
    _, params = run(shared, field("params", given), file("file", b"x"), field("text", "t"))
    assert {name: params[name] for name in given} == given
    assert params["text"] == "t"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../../etc/passwd", "passwd"),
        ("C:\\\\x\\\\evil.exe", "evil.exe"),
        ("/abs", "abs"),
        ("e\u0301.csv", "é.csv"),
        ("x" * 1000, "x" * 200),
        ("<script>", "<script>"),
        ("a\x1b[2Jb", "a_[2Jb"),
        ("..", ".."),
        ("-rf", "-rf"),
    ],
)
def test_what_a_client_calls_it_is_only_shown(shared: Api, name: str, shown: str) -> None:
    task_id, params = run(shared, file("file", b"x", name))
    assert params["file"].endswith(f"/work/{task_id}/upload-1")
    assert shared.get(f"/tasks/{task_id}").json["Params"]["file"]["name"] == shown


def test_everything_that_is_wrong_at_once(shared: Api) -> None:
    parts = [
        file("number", b"1"), file("nowhere", b"x"), field("file", "/etc/passwd"),
        field("list", "a"), field("unknown", "x"), field("flag", "perhaps"),
    ]  # fmt: skip
    answer = send(shared, *parts)
    assert pointers(answer) == {"/number", "/nowhere", "/file", "/list/0", "/unknown", "/flag"}
    assert "/file" in pointers(send(shared))
    assert "/file" in pointers(send(shared, file("file", b"1"), file("file", b"2")))
    assert "/text" in pointers(send(shared, field("text", "1"), field("text", "2")))
    answer = send(shared, field("params", {"text": "1"}), field("text", "1"), file("file", b""))
    assert "/text" in pointers(answer)
    assert "/file" in pointers(send(shared, field("params", {"file": "/etc/passwd"})))
    await_nothing_left(shared)


@pytest.mark.parametrize("value", ["/etc/passwd", "upload-1", None, 3, ["/etc/passwd"]])
def test_json_names_no_file_of_the_server(shared: Api, value: Any) -> None:
    answer = shared.post("/workers/takes", {"file": value})
    assert pointers(answer) == {"/file"}
    kept = {"file": "upload-1", "name": "x", "size": 1, "sha256": "0" * 64}
    assert pointers(shared.post("/workers/takes", {"file": kept})) == {"/file"}
    assert pointers(shared.post("/workers/prints", {"file": kept})) == {"/file"}


def test_the_schema_says_so(shared: Api) -> None:
    schema = shared.get("/workers/takes").json["schema"]
    assert schema["properties"]["file"] == FILE
    assert schema["properties"]["files"]["items"]["format"] == "file"


WRONG = [
    b"",
    b"no form at all",
    form(file("file", b"x"))[0][:-8],
    form(file("file", b"x"))[0][:60],
    f"--{BOUNDARY}--\r\n".encode()[:5],
    form(Part("", b"x", "f"))[0],
    form(Part("file", b"x", headers="Content-Disposition: form-data\r\n"))[0],
    form(Part("x", b"", headers='Content-Disposition: form-data; name="f\udcff"\r\n'))[0],
    form(Part("text", b"\xff"))[0],
    form(Part("file", b"x", "f", "Content-Transfer-Encoding: base64\r\n"))[0],
    form(Part("file", b"x", "f", "X: " + "x" * 10_000 + "\r\n"))[0],
    form(field("params", "[1"))[0],
    form(Part("f", b"", headers="Content-Disposition: form-data; name=f; filename*=x'en'%ff\r\n"))[
        0
    ],
    form(*[field("list", "1")] * (MAX_FILES + 1))[0],
]


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_what_is_no_form(shared: Api, body: bytes) -> None:
    known = left(shared)
    answer = shared.ask("POST", "/workers/takes", body, form()[1])
    assert answer.status_int == 400
    wait_for(lambda: set(left(shared)) <= set(known), "what had come is removed")


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 71}",
     'multipart/form-data; boundary="é"'],
)  # fmt: skip
def test_a_boundary_that_is_none(shared: Api, content_type: str) -> None:
    answer = shared.ask("POST", "/workers/takes", form(file("file", b"x"))[0], content_type)
    assert answer.status_int == 400


def test_parameters_that_are_no_object(shared: Api) -> None:
    answer = send(shared, field("params", "[1]"), file("file", b"x"))
    assert answer.status_int == 422
    assert send(shared, field("params", {}), field("params", {})).status_int == 422


def test_too_large(shared: Api) -> None:
    answer = send(shared, file("file", MIB))
    assert answer.status_int == 413
    assert str(MAX_UPLOAD) in answer.json["detail"]
    assert send(shared, file("file", b"x"), field("text", "x" * (MAX_BODY + 1))).status_int == 413
    run(shared, file("file", MIB[: MAX_UPLOAD - 1000]))
    await_nothing_left(shared)


def test_workers_that_take_no_files(shared: Api) -> None:
    assert send(shared, file("text", b"x"), worker="echo").status_int == 415
    assert send(shared, file("text", b"x"), worker="nobody").status_int == 404
    for path in ("/workers/echo/enable", f"/tasks/{'0' * 32}/cancel"):
        assert shared.ask("POST", path, *form(file("file", b"x"))).status_int in (404, 415)
    answer = send(shared, file("file", b"x"), content_encoding="gzip")
    assert answer.status_int == 415


def test_a_key_stands_for_the_contents(shared: Api) -> None:
    key = {"idempotency_key": "upload"}
    parts = [file("file", b"one"), field("number", 1)]
    first = send(shared, *parts, **key)
    assert first.status_int == 201
    shared.reach(first.json["TaskId"], "Completed")
    again = send(shared, *parts, **key)
    assert (again.status_int, again.json) == (200, first.json)
    for others in ([file("file", b"two"), parts[1]], [parts[0], field("number", 2)],
                   [file("file", b"one", "renamed"), parts[1]], [parts[0]]):  # fmt: skip
        assert send(shared, *others, **key).status_int == 422
    assert shared.ask("POST", "/workers/takes", b"{}", "application/json", **key).status_int == 422
    await_nothing_left(shared)


def test_they_are_kept_while_the_task_waits_and_no_longer(api: Api) -> None:
    first = send(api, file("file", b"1"), worker="later").json["TaskId"]
    api.reach(first, "Running")
    second = send(api, file("file", b"2"), worker="later").json["TaskId"]
    assert left(api) == [first, second]
    (kept,) = (api.state / "uploads" / second).iterdir()
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (b"2", 0o444)
    api.post(f"/tasks/{second}/cancel")
    wait_for(lambda: left(api) == [first], "those of the canceled one are removed")
    api.post(f"/tasks/{first}/cancel?grace=0s")
    api.reach(first, "Canceled")
    await_nothing_left(api)


def test_what_is_refused_leaves_nothing(api: Api) -> None:
    api.post("/workers/later/disable")
    assert send(api, file("file", b"1"), worker="later").status_int == 409
    assert send(api, file("file", b"1"), worker="later", idempotency_key="k").status_int == 409
    api.supervisor.drain()
    assert send(api, file("file", b"1")).status_int == 503
    await_nothing_left(api)


def test_no_restart(shared: Api) -> None:
    task_id, _ = run(shared, file("file", b"x"))
    answer = shared.post(f"/tasks/{task_id}/restart")
    assert answer.status_int == 409
    assert "send them again" in answer.json["detail"]


def test_each_attempt_has_them_and_one_that_was_changed_is_not_used(api: Api) -> None:
    api.add(
        "again",
        'cat "$1"; [ "$TASKY_ATTEMPT" -gt 1 ]',
        protocol="text",
        args=["{file}"],
        params={"file": FILE},
        retry={"attempts": 2, "delay": "0s"},
    )
    api.add(
        "spoils",
        'chmod u+w "$1"; echo more >>"$1"; exit 1',
        protocol="text",
        args=["{file}"],
        params={"file": FILE},
        retry={"attempts": 2, "delay": "0s", "on": ["exit"]},
    )
    api.reload()
    answer = send(api, file("file", b"whole"), worker="again", query="?wait=30s")
    assert answer.json["Output"] == {"string_output": "whole"}
    answer = send(api, file("file", b"whole"), worker="spoils", query="?wait=30s")
    assert answer.json["Error"]["code"] == "spawn"
    assert "was changed by a former attempt" in answer.json["Error"]["message"]
    await_nothing_left(api)


def test_what_is_an_artifact_stays(api: Api) -> None:
    message = json.dumps({"type": "artifact", "path": "upload-1", "name": "back"})
    api.add("gives", f"echo '{message}'", params={"file": FILE})
    api.reload()
    answer = send(api, file("file", b"and back"), worker="gives", query="?wait=30s")
    await_nothing_left(api)
    assert api.get(f"/tasks/{answer.json['TaskId']}/files/upload-1").body == b"and back"


def test_a_definition_that_has_changed_meanwhile(api: Api) -> None:
    blocker = send(api, file("file", b"1"), worker="later").json["TaskId"]
    api.reach(blocker, "Running")
    waiting = send(api, file("file", b"1"), worker="later").json["TaskId"]
    api.add("later", HOLD, params={"file": {"type": "string"}}, max_tasks=1)
    api.reload()
    api.post(f"/tasks/{blocker}/cancel?grace=0s")
    api.reach(waiting, "Failed")
    assert api.get(f"/tasks/{waiting}/result").json["Error"]["code"] == "spawn"
    await_nothing_left(api)
