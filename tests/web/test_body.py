"""The body of a POST: JSON, as strangers send it. Whatever comes, the answer is never a 5xx."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.api import JSON, MAX_BODY, MISSING, Api, call

TEXT = b'{"text":"x"}'


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b" ",
        b"\0",
        b"nul",
        b"{'text':'x'}",
        b'{"text":"x"} {}',
        b'{"text":"x",}',
        b'{"text":"x","text":"x"}',
        b'{"text":"x","times":NaN}',
        b'{"text":"x","times":Infinity}',
        b'{"text":"x","times":-Infinity}',
        b'{"text":"x","times":1e999}',
        b'{"text":"x","times":' + b"1" * 5000 + b"}",
        b'{"text":"\xff"}',
        b'{"text":"\xed\xa0\x80"}',
        b'{"text":"\n"}',
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"text":' + b"[" * 100 + b"]" * 100 + b"}",
        '{"text":"x"}'.encode("utf-16"),
        '{"text":"x"}'.encode("utf-32"),
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
    ],
)
@pytest.mark.case("H8")
def test_what_is_not_json(shared: Api, body: bytes) -> None:
    answer = shared.ask("POST", "/workers/echo", body, JSON)
    assert answer.status_int == 400
    assert answer.json["Error"].startswith("the body is not valid JSON: ")
    assert "sys." not in answer.text


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b'"text"', b"true", b"[{}]"])
@pytest.mark.case("H9")
def test_what_is_not_an_object(shared: Api, body: bytes) -> None:
    answer = shared.ask("POST", "/workers/echo", body, JSON)
    assert answer.status_int == 422
    assert answer.json["errors"] == [
        {"detail": "the body must be a JSON object: the parameters", "pointer": ""}
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + TEXT,
        b"\r\n\t " + TEXT + b"\n",
        b'{"text":"\\u0000"}',
        b'{"text":"\\ud800"}',
        b'{"text":"\\ud83d\\ude42"}',
        json.dumps({"text": "\U0010ffff" * 1000}).encode(),
        b'{"text":"x","times":' + b"1" * 4000 + b"}",
    ],
)
@pytest.mark.case("H8")
def test_what_is_unusual_and_allowed(shared: Api, body: bytes) -> None:
    answer = shared.ask("POST", "/workers/echo?wait=30s", body, JSON)
    assert answer.status_int == 200
    assert answer.json["Status"] == "Completed"
    task_id = answer.json["TaskId"]
    assert shared.get(f"/tasks/{task_id}").status_int == 200
    assert shared.ask("DELETE", f"/tasks/{task_id}").status_int == 204


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/xml", "application/jsonl", "application/json; charset=utf-16", "json",
     "application/problem+json", "application/jsonx", "\x00"],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/workers/echo", "/workers/fail/enable", f"/tasks/{MISSING}/cancel"]
)
@pytest.mark.case("H7")
def test_other_media_types(shared: Api, content_type: str | None, path: str) -> None:
    assert shared.ask("POST", path, TEXT, content_type).status_int == 415


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=UTF-8", "application/json;",
     'application/json;charset="utf-8"', "application/json; foo=bar"],
)  # fmt: skip
@pytest.mark.case("H7")
def test_json_by_any_of_its_names(shared: Api, content_type: str) -> None:
    answer = shared.ask("POST", "/workers/echo", b'{"nothing":1}', content_type)
    assert answer.status_int == 422


@pytest.mark.case("H7")
def test_a_compressed_body(shared: Api) -> None:
    for coding, status in [("gzip", 415), ("br", 415), ("identity", 422)]:
        answer = shared.ask("POST", "/workers/echo", b"{}", JSON, content_encoding=coding)
        assert answer.status_int == status


@pytest.mark.case("H5")
def test_a_body_over_the_limit(shared: Api) -> None:
    full = b'{"nothing":"' + b"x" * (MAX_BODY - 14) + b'"}'
    assert len(full) == MAX_BODY
    assert shared.ask("POST", "/workers/echo", full, JSON).status_int == 422
    for path in ("/workers/echo", "/workers/fail/disable", f"/tasks/{MISSING}/pause"):
        answer = shared.ask("POST", path, full + b" ", JSON)
        assert answer.status_int == 413
        assert str(MAX_BODY) in answer.json["Error"]


def test_a_body_that_ends_too_soon(shared: Api) -> None:
    environ = {"CONTENT_LENGTH": "100", "CONTENT_TYPE": JSON, "wsgi.input": io.BytesIO(TEXT)}
    assert call(shared, "POST", "/tasky/v1/workers/echo", **environ).status == 400


@pytest.mark.parametrize("length", ["-1", "x", "1.5", "+1"])
def test_a_length_that_is_none(shared: Api, length: str) -> None:
    environ = {"CONTENT_LENGTH": length, "CONTENT_TYPE": JSON, "wsgi.input": io.BytesIO(TEXT)}
    assert call(shared, "POST", "/tasky/v1/workers/echo", **environ).status == 400


@pytest.mark.parametrize(
    "path",
    ["/workers/fail/enable", "/workers/fail/disable", "/tasks/{id}/cancel", "/tasks/{id}/pause",
     "/tasks/{id}/resume", "/tasks/{id}/restart"],
)  # fmt: skip
def test_actions_take_no_parameters(shared: Api, path: str) -> None:
    url = path.format(id=MISSING)
    for body, status in [(b'{"a":1}', 422), (b"[]", 422), (b"{", 400)]:
        assert shared.ask("POST", url, body, JSON).status_int == status
    for empty, content_type in [(b"", None), (b"{}", JSON), (b" {} ", JSON)]:
        answer = shared.ask("POST", url, empty, content_type)
        assert answer.status_int == (404 if "{id}" in path else 200)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)
KEYS = st.sampled_from(["text", "times"]) | st.text(st.characters())
BODIES = st.one_of(
    st.binary(),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(KEYS, VALUES).map(lambda value: json.dumps(value).encode()),
    st.text('{}[]",:\\u0dD89+-eEnft .\0\n', max_size=40).map(str.encode),
)
FUZZ = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@FUZZ
@given(BODIES)
@pytest.mark.case("H8")
def test_any_body(shared: Api, body: bytes) -> None:
    """`echo` takes a text only, so that nearly nothing of this starts a task."""
    answer = shared.ask("POST", "/workers/echo?at=2200-01-01T00:00:00Z", body, JSON)
    assert answer.status_int in (201, 400, 422)
    if answer.status_int == 201:
        task_id = answer.json["TaskId"]
        shared.get(f"/tasks/{task_id}")
        assert shared.post(f"/tasks/{task_id}/cancel").status_int == 202


@FUZZ
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "HEAD", "OPTIONS"]),
    path=st.text(st.characters(codec="utf-8"), max_size=60),
    query=st.text("wait=1s&label:at%+20\x7fé;?#", max_size=40),
)
@pytest.mark.case("H10")
def test_any_path_and_query(shared: Api, method: str, path: str, query: str) -> None:
    url = f"/tasky/v1/{path}".encode().decode("latin-1")
    text = query.encode().decode("latin-1")
    assert call(shared, method, url, QUERY_STRING=text).status < 500
