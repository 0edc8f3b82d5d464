"""What a browser may be tricked into: Host, Origin, Sec-Fetch-Site, media types, CORS; the headers of every answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.web.defences import HEADERS, Defences
from tests.web.api import JSON, MISSING, Api, call, standard

APP = "https://app.example.org"
ELSEWHERE = "https://evil.example"
HOLD = "/tasky/v1/workers/hold"
LOOPBACK = ["localhost", "LOCALHOST", "localhost:8888", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:80",
            "[0:0:0:0:0:0:0:1]"]  # fmt: skip
FOREIGN = [
    "evil.example", "evil.example:8888", "localhost.evil.example", "localhost.", "127.0.0.1.evil.example",
    "127.0.0.2", "127.1", "2130706433", "0x7f000001", "10.0.0.1", "[::2]", "[::1", "::1", "0.0.0.0", "",
    "localhost, evil.example", "evil.example, localhost", "localhost localhost", "localhost@evil.example",
    "evil.example#localhost", "localhost/", "localhost:", "localhost:x", "localhost:123456", " localhost",
    "localhost\x00", "l\xf6calhost", "*", "null", "[::1%25eth0]",
]  # fmt: skip


@pytest.fixture(scope="module")
def open_to_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    api = standard(tmp_path_factory.mktemp("open")).serve(
        defences=Defences(
            listen="10.0.0.1", allowed_hosts=["tasky.example.org"], cors_origins=[APP]
        )
    )
    yield api
    api.stop()


# ---------------------------------------------------------------------- Host


@pytest.mark.case("H13")
@pytest.mark.parametrize("host", LOOPBACK)
def test_names_of_loopback(shared: Api, host: str) -> None:
    assert call(shared, "GET", "/healthz", HTTP_HOST=host).status == 200


@pytest.mark.case("H13")
@pytest.mark.parametrize("host", FOREIGN)
def test_other_names(shared: Api, host: str) -> None:
    for method, path in [
        ("GET", "/healthz"),
        ("POST", HOLD),
        ("GET", "/nothing"),
        ("OPTIONS", "/"),
    ]:
        answer = call(shared, method, path, HTTP_HOST=host)
        assert answer.status == 421
        assert len(host) < 2 or host not in b"".join(answer.body).decode()
    assert shared.get("/tasks").json == {"Tasks": []}


@pytest.mark.case("H13")
def test_no_host_at_all(shared: Api) -> None:
    answer = shared.http.get("/healthz", expect_errors=True, extra_environ={"HTTP_HOST": ""})
    assert answer.status_int == 421
    assert "allowed_hosts" in answer.json["Error"]


@pytest.mark.case("H13")
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://localhost/healthz", 200),
        ("https://127.0.0.1:1/healthz", 200),
        ("http://evil.example/healthz", 421),
        ("http://localhost@evil.example/healthz", 421),
        ("http:///healthz", 421),
        ("evil.example:80", 421),
        ("http://[::1/healthz", 421),
        ("//evil.example/healthz", 200),  # a path, and nothing but a path
    ],
)
def test_the_name_in_the_target(shared: Api, target: str, status: int) -> None:
    assert call(shared, "GET", "/healthz", REQUEST_URI=target).status == status
    foreign = call(shared, "GET", "/healthz", REQUEST_URI=target, HTTP_HOST="evil.example")
    assert foreign.status == 421


@pytest.mark.case("H13")
def test_names_that_are_configured(open_to_app: Api) -> None:
    for host, status in [
        ("tasky.example.org", 200),
        ("Tasky.Example.org:8443", 200),
        ("10.0.0.1:8888", 200),
        ("localhost", 200),
        ("10.0.0.2", 421),
        ("x.tasky.example.org", 421),
    ]:
        assert call(open_to_app, "GET", "/healthz", HTTP_HOST=host).status == status, host


@pytest.mark.parametrize("listen", ["0.0.0.0", "::"])
def test_on_every_interface_any_address_is_ours(tmp_path: Path, listen: str) -> None:
    """What is pointed elsewhere is a name."""
    api = standard(tmp_path).serve(defences=Defences(listen=listen))
    try:
        for host, status in [("10.0.0.2:1", 200), ("[fe80::1]", 200), ("evil.example", 421)]:
            assert call(api, "GET", "/healthz", HTTP_HOST=host).status == status
    finally:
        api.stop()


# ---------------------------------------------------------------------- who asks


def status_of(api: Api, method: str = "POST", path: str = HOLD, **environ: str) -> int:
    """Of a submission that would be accepted, unless it is something else."""
    given = {"CONTENT_TYPE": JSON, **environ} if method == "POST" else environ
    query = "at=2200-01-01T00:00:00Z" if path == HOLD else ""
    return call(api, method, path, QUERY_STRING=query, **given).status


@pytest.mark.case("H22")
@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "x", "same-origin, cross-site"])
def test_pages_of_others(shared: Api, site: str) -> None:
    for origin in [{}, {"HTTP_ORIGIN": "http://localhost"}, {"HTTP_ORIGIN": ELSEWHERE}]:
        assert status_of(shared, HTTP_SEC_FETCH_SITE=site, **origin) == 403
        assert status_of(shared, "DELETE", HTTP_SEC_FETCH_SITE=site, **origin) == 403
    assert shared.get("/tasks").json == {"Tasks": []}


@pytest.mark.case("H22")
@pytest.mark.parametrize(
    "origin",
    [ELSEWHERE, "null", "http://localhost:8889", "https://localhost", "http://localhost.evil.example",
     "http://evil.example/localhost:8888", "localhost:8888", "", "file://", "http://", "ftp://localhost:8888",
     "http://localhost:8888, http://evil.example", "http://localhost:8888@evil.example"],
)  # fmt: skip
def test_pages_of_others_in_old_browsers(shared: Api, origin: str) -> None:
    answer = status_of(shared, HTTP_HOST="localhost:8888", HTTP_ORIGIN=origin)
    assert answer == 403
    assert shared.get("/tasks").json == {"Tasks": []}


@pytest.mark.case("H22")
def test_an_action_without_a_body_is_no_way_in(shared: Api) -> None:
    for path in ("workers/fail/disable", f"tasks/{MISSING}/cancel", f"tasks/{MISSING}"):
        for method in ("POST", "DELETE"):
            status = status_of(shared, method, f"/tasky/v1/{path}", HTTP_ORIGIN=ELSEWHERE)
            assert status == 403
    assert shared.get("/workers/fail").json["status"] == "Enabled"


@pytest.mark.case("H22")
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "text/xml",
        "json",
    ],
)
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_forms_are_refused_even_without_an_origin(
    shared: Api, content_type: str, body: bytes
) -> None:
    for path in ("/workers/hold", "/workers/fail/disable"):
        assert shared.ask("POST", path, body, content_type).status_int == 415
    assert shared.ask("DELETE", f"/tasks/{MISSING}", body, content_type).status_int == 415
    assert shared.get("/tasks").json == {"Tasks": []}


@pytest.mark.case("H22")
def test_files_of_other_pages(shared: Api) -> None:
    """What a form can send without asking first."""
    form = {"CONTENT_TYPE": "multipart/form-data; boundary=x"}
    assert status_of(shared, **form, HTTP_ORIGIN=ELSEWHERE) == 403
    assert status_of(shared, **form, HTTP_ORIGIN="null") == 403
    assert status_of(shared, **form, HTTP_SEC_FETCH_SITE="cross-site") == 403


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTP_ORIGIN": "http://localhost"},
        {"HTTP_ORIGIN": "http://localhost:80"},
        {"HTTP_HOST": "localhost:8888", "HTTP_ORIGIN": "http://localhost:8888"},
        {"HTTP_HOST": "[::1]:8888", "HTTP_ORIGIN": "http://[::1]:8888"},
        {"HTTP_HOST": "localhost", "HTTP_ORIGIN": "https://localhost"},  # behind a proxy with TLS
        {"HTTP_SEC_FETCH_SITE": "same-origin"},
        {"HTTP_SEC_FETCH_SITE": "none"},
        {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": "https://tasky.example.org"},
    ],
)
def test_pages_of_ours_and_programs(api: Api, environ: dict[str, str]) -> None:
    assert status_of(api, **environ) == 201


@pytest.mark.case("H22", "H25")
def test_others_may_link_to_us_and_not_load_us(shared: Api) -> None:
    """An image, a frame or a stream of theirs would hold one of ours."""
    link = {"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document"}
    for site in ("cross-site", "same-site"):
        assert status_of(shared, "GET", "/readyz", HTTP_SEC_FETCH_SITE=site, **link) == 200
        for mode, dest in [
            ("navigate", "iframe"), ("navigate", "object"), ("no-cors", "image"), ("no-cors", "script"),
            ("cors", "empty"), ("websocket", "websocket"),
        ]:  # fmt: skip
            fetch = {"HTTP_SEC_FETCH_MODE": mode, "HTTP_SEC_FETCH_DEST": dest}
            status = status_of(shared, "GET", "/tasky/v1/events", HTTP_SEC_FETCH_SITE=site, **fetch)
            assert status == 403


# ---------------------------------------------------------------------- CORS

PREFLIGHT = {"access_control_request_method": "POST", "access_control_request_headers": "x-y"}


def cors(headers: object) -> list[str]:
    return [name for name in dict(headers) if name.lower().startswith("access-control")]  # type: ignore[call-overload]


@pytest.mark.case("H25")
@pytest.mark.parametrize("origin", [ELSEWHERE, "null", "http://localhost:1", APP])
def test_no_page_reads_anything_by_default(shared: Api, origin: str) -> None:
    preflight = shared.ask("OPTIONS", "/workers/echo", origin=origin, **PREFLIGHT)
    assert preflight.status_int == 403
    assert cors(preflight.headers) == []
    assert cors(shared.get("/tasks", origin=origin).headers) == []
    assert cors(shared.get("/nothing", origin=origin).headers) == []


@pytest.mark.case("H25")
def test_a_page_that_is_allowed(open_to_app: Api) -> None:
    api = open_to_app
    preflight = api.ask("OPTIONS", "/workers/echo", origin=APP, **PREFLIGHT)
    assert preflight.status_int == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == APP
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "x-y" not in preflight.headers["Access-Control-Allow-Headers"]
    answers = [
        api.post("/workers/echo?at=2200-01-01T00:00:00Z", {"text": "x"}, origin=APP),
        api.post("/workers/echo", {}, origin=APP),
        api.get("/tasks", origin=APP, sec_fetch_site="cross-site"),
        api.get("/nothing", origin=APP),
    ]
    assert [answer.status_int for answer in answers] == [201, 422, 200, 404]
    for answer in [preflight, *answers]:
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.headers["Vary"]
    assert "Location" in answers[0].headers["Access-Control-Expose-Headers"]
    assert api.post(f"/tasks/{answers[0].json['TaskId']}/cancel").status_int == 202


@pytest.mark.case("H25")
@pytest.mark.parametrize(
    "origin",
    [ELSEWHERE, "null", f"{APP}:444", f"{APP}.evil.example", "http://app.example.org", "*"],
)
def test_a_page_that_is_not(open_to_app: Api, origin: str) -> None:
    preflight = open_to_app.ask("OPTIONS", "/workers/echo", origin=origin, **PREFLIGHT)
    assert preflight.status_int == 403
    assert open_to_app.post("/workers/echo", {}, origin=origin).status_int == 403
    answer = open_to_app.get("/tasks", origin=origin)
    assert cors(preflight.headers) == cors(answer.headers) == []
    assert "Origin" in answer.headers["Vary"]


# ---------------------------------------------------------------------- headers


@pytest.mark.case("H24")
def test_no_answer_can_be_framed_or_run(shared: Api) -> None:
    headers = dict(HEADERS)
    assert headers["X-Frame-Options"] == "DENY"
    policy = headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not [rule for rule in policy if "unsafe" in rule or "*" in rule]
    for path in ("//healthz", "/workers", "/nothing", "//", "//%00"):
        shared.get(path)  # which looks at them
    shared.ask("TRACE", "/workers")
