"""Texts of strangers: scripts for browsers, line breaks for headers and logs, paths for file systems. They come back as
the texts that they are, in answers that no browser runs."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.web.api import MISSING, Api

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
TEXTS = {
    "right to left": "\u202egnp.exe",
    "emoji": "👩‍👩‍👧‍👦",
    "combining": "Z̤͔ͧ̑̓ä͖̭̈̇",
    "script": SCRIPT,
    "path": "../../etc/passwd",
    "lines": "a\r\nSet-Cookie: b=c\r\n\r\nd",
    "escape": "\x1b]0;title\x07\x1b[2J",
    "NUL": "a\0b",
    "long": "x" * 10_000,
}
#: What a browser may get from us: none of it is HTML, and nosniff keeps it from guessing.
PLAIN = ("application/json", "application/problem+json", "application/jsonl", "text/plain")


@pytest.fixture(scope="module")
def infected(shared: Api) -> str:
    """A task that has said a script wherever it can say something."""
    lines = [
        {"type": "progress", "percent": 5, "message": SCRIPT},
        {"type": "log", "level": "info", "message": SCRIPT, "extra": SCRIPT},
        {"type": "artifact", "path": "page.html", "name": "page.html", "media_type": "text/html"},
        {"type": "result", "output": {SCRIPT: SCRIPT}},
        {"type": "error", "message": SCRIPT, "code": SCRIPT, "details": SCRIPT},
    ]
    said = "\n".join(map(json.dumps, lines))
    script = f"cat > /dev/null; echo '<p>' > page.html; echo text >&2; cat <<'END'\n{said}\n{SCRIPT}\nEND"
    shared.add("infected", script, description=SCRIPT, usage=SCRIPT,
               params={"text": {"type": "string", "description": SCRIPT, "default": SCRIPT}})  # fmt: skip
    shared.reload()
    return shared.run("infected", {"text": SCRIPT})


@pytest.mark.case("H23")
def test_scripts_are_texts(shared: Api, infected: str) -> None:
    task = f"/tasks/{infected}"
    paths = ["/workers", "/workers/infected", "/tasks", task, f"{task}/status", f"{task}/result", f"{task}/log",
             f"{task}/files", f"/nothing/{quote(SCRIPT)}", f"/tasks/{quote(SCRIPT)}", f"/tasks?limit={quote(SCRIPT)}",
             f"/tasks?{quote(SCRIPT)}=1", f"/workers/{quote(SCRIPT)}"]  # fmt: skip
    seen = 0
    for path in paths:
        for accept in ("*/*", "text/html", "application/jsonl"):
            answer = shared.get(path, accept=accept)
            assert answer.headers["Content-Type"].partition(";")[0] in PLAIN, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            seen += SCRIPT in answer.text or json.dumps(SCRIPT)[1:-1] in answer.text
    assert seen > 20
    log = shared.get(f"{task}/log")
    assert "sandbox" in log.headers["Content-Security-Policy"]
    page = shared.get(f"{task}/files/page.html")
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in page.headers["Content-Security-Policy"]


@pytest.mark.case("H17")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_parameters_may_be_anything(shared: Api, text: str) -> None:
    task_id = shared.run("echo", {"text": text})
    assert shared.get(f"/tasks/{task_id}").json["Params"]["text"] == text
    assert shared.get("/tasks").status_int == 200


@pytest.mark.case("H17")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_names_may_not(shared: Api, text: str) -> None:
    """They are never part of a path, and what is said of them is short."""
    name = quote(text, safe="")
    for method, path in [
        ("POST", f"/workers/{name}"),
        ("GET", f"/tasks/{name}"),
        ("DELETE", f"/tasks/{name}"),
    ]:
        answer = shared.ask(method, path)
        assert answer.status_int == 404
        assert len(answer.body) < 2000
    assert shared.get(f"/tasks?worker={name}").status_int == 422
    label = shared.post(
        f"/workers/echo?label={quote('k:' + text)}&at=2200-01-01T00:00:00Z", {"text": "x"}
    )
    assert label.status_int == (201 if text.isprintable() and len(text) <= 200 else 422)


@pytest.mark.case("H11", "H12")
@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "/tmp/x", "a; rm -rf /", "$(id)", "%s%n", "' OR 1=1 --", SCRIPT]
)
def test_a_key_is_data(
    shared: Api, tmp_path: Path, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The server finds the task by it, and does nothing else with it."""
    caplog.set_level(logging.DEBUG)
    first = shared.post("/workers/echo?wait=30s", {"text": "x"}, idempotency_key=key)
    again = shared.post("/workers/echo", {"text": "x"}, idempotency_key=key)
    assert (first.status_int, again.status_int) == (200, 200)
    assert again.json["TaskId"] == first.json["TaskId"]
    assert not [
        path for path in shared.state.rglob("*") if "passwd" in path.name or key == path.name
    ]
    assert key not in caplog.text


@pytest.mark.case("H12")
@pytest.mark.parametrize(
    "header", ["idempotency_key", "last_event_id", "if_none_match", "range", "accept"]
)
@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\nb", "\r", "\0", "é\x85", "x" * 9000])
def test_headers_come_back_in_none(shared: Api, infected: str, header: str, value: str) -> None:
    for method, path in [("GET", f"/tasks/{infected}/files/page.html"), ("POST", "/workers/echo"),
                         ("GET", f"/tasks/{MISSING}/events")]:  # fmt: skip
        answer = shared.ask(method, path, **{header: value})
        assert answer.status_int < 500
        assert not [text for text in answer.headers.values() if "b=c" in text or "\n" in text]
        assert "Set-Cookie" not in answer.headers


@pytest.mark.case("H11", "H12")
def test_what_is_refused_is_escaped_in_the_log(
    shared: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shared.get("/workers", host="evil.example\r\nforged: line\x1b[2J")
    shared.post("/workers/echo", {}, origin="http://x\r\nforged: line")
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "forged" in line]
    assert not [line for line in lines if not line.isprintable()]


@pytest.mark.case("H19")
@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "text/html", "application/xml;q=1, */*;q=0", "x", ";;", "*", "a/b;q=x", "\xe9"],
)
def test_json_whatever_is_accepted(shared: Api, accept: str) -> None:
    answer = shared.get("/workers", accept=accept)
    assert answer.status_int == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert shared.get("/nothing", accept=accept).status_int == 404
