"""Who one is taken for: tokens, sessions, a proxy's users; and what is refused."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from ipaddress import ip_network
from pathlib import Path

import pytest

from tasky.model.access import Scope
from tasky.model.proxies import Proxies
from tasky.service.access import Access
from tests.web.api import Api, TestResponse, call, standard

WRONG = "tsk_" + "0" * 43


def scopes(*texts: str) -> tuple[Scope, ...]:
    return tuple(map(Scope.parse, texts))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Api]:
    """With authentication, and two proxies that are trusted."""
    proxies = Proxies(trusted=(ip_network("10.0.0.0/8"), "unix"))
    groups = {"ops": scopes("read", "cancel"), "admins": scopes("admin"), "*": scopes("run:echo")}
    api = standard(tmp_path).serve(auth=True, proxies=proxies, groups=groups)
    try:
        yield api
    finally:
        api.stop()


def access(api: Api) -> Access:
    assert api.access is not None
    return api.access


def make(api: Api, name: str, *texts: str, lifetime: int | None = None) -> str:
    expires = None if lifetime is None else time.time_ns() + lifetime
    return access(api).tokens.create(name, scopes(*texts), expires)[0]


def bearer(token: str) -> dict[str, str]:
    return {"AUTHORIZATION": f"Bearer {token}"}


def login(api: Api, token: str) -> TestResponse:
    return api.post("/login", {"token": token})


def cookie(answer: TestResponse) -> SimpleCookie:
    return SimpleCookie(answer.headers["Set-Cookie"])


def session(answer: TestResponse) -> dict[str, str]:
    return {"COOKIE": f"tasky_session={cookie(answer)['tasky_session'].value}"}


# ---------------------------------------------------------------------- tokens


def test_who_one_is(guarded: Api) -> None:
    token = make(guarded, "ci", "run:echo", "read")
    found = guarded.get("/whoami", **bearer(token)).json
    assert found == {"name": "ci", "with": "token", "scopes": ["read", "run:echo"]}
    assert guarded.get("/whoami").status_int == 401


def test_without_authentication_everybody_may_everything(api: Api) -> None:
    assert api.get("/whoami").json == {"name": None, "with": None, "scopes": ["admin"]}
    assert api.get("/whoami", **bearer("nonsense")).status_int == 200
    assert login(api, WRONG).status_int == 409
    assert api.post("/tokens", {"name": "a", "scopes": ["admin"]}).status_int == 409
    assert api.get("/tokens").status_int == 409
    task = api.get(f"/tasks/{api.run('echo', {'text': 'x'})}").json
    assert "By" not in task
    assert "Actions" not in task


@pytest.mark.case("H20")
@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Bearer tsk_", "Bearer \xe9", "Bearer tsk_" + "\xff" * 43, "bearer x",
     f"Bearer {WRONG}", f"Bearer  {WRONG}x", f"Bearer {WRONG}, Bearer {WRONG}", "Basic YTpi", "tsk_x",
     "Bearer " + "x" * 10_000, "Bearer \u00b2" * 3, "Digest a=b", "Bearer null", WRONG],
)  # fmt: skip
def test_odd_tokens_are_no_tokens(guarded: Api, value: str) -> None:
    answer = guarded.get("/tasks", AUTHORIZATION=value)
    assert answer.status_int == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tasky"'


@pytest.mark.case("H20")
def test_a_token_in_the_address_is_refused(guarded: Api) -> None:
    token = make(guarded, "ci", "admin")
    for name in ("token", "access_token", "status"):
        for headers in ({}, bearer(token)):
            answer = guarded.get(f"/tasks?{name}={token}", **headers)
            assert answer.status_int == 401
            assert "revoke it" in answer.json["detail"]
            assert token not in answer.text


def test_a_token_expires(guarded: Api) -> None:
    token = make(guarded, "ci", "read", lifetime=-1)
    answer = guarded.get("/tasks", **bearer(token))
    assert answer.status_int == 401
    assert answer.json["detail"] == "the token has expired"


def test_a_token_is_made_and_revoked_by_an_admin(guarded: Api) -> None:
    admin = bearer(make(guarded, "ops", "admin"))
    asked = {"name": "ci", "scopes": ["run:Echo", "read", "read"], "expires": "90d"}
    made = guarded.post("/tokens", asked, **admin)
    assert made.status_int == 201
    assert made.headers["Location"] == "/tasky/v1/tokens/ci"
    token = made.json["token"]
    assert made.json["scopes"] == ["run:echo", "read"]
    assert guarded.post("/tokens", asked, **admin).status_int == 409
    assert guarded.get("/tasks", **bearer(token)).status_int == 200
    listed = guarded.get("/tokens", **admin)
    assert [item["name"] for item in listed.json] == ["ci", "ops"]
    assert "last_used" in listed.json[0]
    assert token not in listed.text
    assert guarded.ask("DELETE", "/tokens/ci", **admin).status_int == 204
    assert guarded.get("/tasks", **bearer(token)).status_int == 401
    assert guarded.ask("DELETE", "/tokens/ci", **admin).status_int == 404


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["", ""]),
        ({"name": "a b", "scopes": ["write"]}, ["/name", "/scopes"]),
        ({"name": "a", "scopes": []}, ["/scopes"]),
        ({"name": "a", "scopes": "read"}, ["/scopes"]),
        ({"name": 1, "scopes": [1]}, ["/name", "/scopes"]),
        ({"name": "a", "scopes": ["read"], "expires": "0s"}, ["/expires"]),
        ({"name": "a", "scopes": ["read"], "expires": 90}, ["/expires"]),
        ({"name": "a", "scopes": ["read"], "x/y": 1}, ["/x~1y"]),
        ({"name": "user:root", "scopes": ["read"]}, ["/name"]),
    ],
)
def test_no_tokens(guarded: Api, body: object, pointers: list[str]) -> None:
    answer = guarded.post("/tokens", body, **bearer(make(guarded, "ops", "admin")))
    assert answer.status_int == 422
    assert [error["pointer"] for error in answer.json["errors"]] == pointers


@pytest.mark.case("H20")
def test_no_token_is_kept_in_plain(guarded: Api) -> None:
    token = make(guarded, "ci", "admin")
    secret = session(login(guarded, token))["COOKIE"].partition("=")[2]
    guarded.post("/workers/echo?wait=30s", {"text": "x"}, **bearer(token))
    guarded.store.writer.sync()
    for file in guarded.state.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert token.encode() not in content, file
            assert secret.encode() not in content, file
    assert (guarded.state / "tokens.json").stat().st_mode & 0o777 == 0o600


# ---------------------------------------------------------------------- too many


@pytest.mark.case("H20", "H27")
def test_ten_failures_a_minute(guarded: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "tasky.audit")
    statuses = [guarded.get("/tasks", **bearer(WRONG)).status_int for _ in range(15)]
    assert statuses == [401] * 10 + [429] * 5
    answer = login(guarded, WRONG)
    assert answer.status_int == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert len(caplog.messages) == 11
    assert "audit: action=login address=" in caplog.messages[0]
    # Another address may fail, and a right token is taken from whichever.
    elsewhere = call(guarded, "GET", "/tasky/v1/tasks", HTTP_HOST="localhost",
                     REMOTE_ADDR="192.0.2.1", HTTP_AUTHORIZATION=f"Bearer {WRONG}")  # fmt: skip
    assert elsewhere.status == 401
    assert guarded.get("/tasks", **bearer(make(guarded, "ci", "read"))).status_int == 200


def test_who_asks_without_a_token_has_not_failed(guarded: Api) -> None:
    for _ in range(15):
        assert guarded.get("/tasks").status_int == 401
        assert guarded.get("/tasks", COOKIE=f"tasky_session={WRONG}").status_int == 401


def test_whoami_is_no_way_to_try_tokens(guarded: Api) -> None:
    statuses = [guarded.get("/whoami", **bearer(WRONG)).status_int for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert guarded.get("//healthz", **bearer(WRONG)).status_int == 200


# ---------------------------------------------------------------------- sessions


def test_a_session(guarded: Api) -> None:
    answer = login(guarded, make(guarded, "ann", "read"))
    assert answer.status_int == 204
    assert answer.body == b""
    found = cookie(answer)["tasky_session"]
    assert found["httponly"] is True
    assert found["samesite"] == "Strict"
    assert found["path"] == "/"
    assert found["secure"] == ""
    held = session(answer)
    assert guarded.get("/whoami", **held).json["with"] == "session"
    beside = {"COOKIE": f'other={{"a": [1]}}; {held["COOKIE"]}; ='}
    assert guarded.get("/whoami", **beside).json["with"] == "session"
    out = guarded.post("/logout", **held)
    assert out.status_int == 204
    assert cookie(out)["tasky_session"]["max-age"] == "0"
    assert guarded.get("/tasks", **held).status_int == 401
    assert guarded.post("/logout", **held).status_int == 204


def test_a_session_ends_with_its_token(guarded: Api) -> None:
    held = session(login(guarded, make(guarded, "ann", "read")))
    assert guarded.get("/tasks", **held).status_int == 200
    access(guarded).tokens.revoke("ann")
    assert guarded.get("/tasks", **held).status_int == 401
    make(guarded, "ann", "admin")  # another one of the same name
    assert guarded.get("/tasks", **held).status_int == 401


def test_a_session_is_over_after_a_while(guarded: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasky.service.access.SESSION", -1)
    held = session(login(guarded, make(guarded, "ann", "read")))
    assert guarded.get("/tasks", **held).status_int == 401


def test_behind_tls_the_cookie_is_secure(guarded: Api) -> None:
    body = b'{"token": "%s"}' % make(guarded, "ann", "read").encode()
    for peer, secure in (("10.1.2.3", True), ("192.0.2.1", False)):
        answer = guarded.http.post(
            "/tasky/v1/login", body, extra_environ={"REMOTE_ADDR": peer},
            headers={"Content-Type": "application/json", "X-Forwarded-Proto": "https"},
        )  # fmt: skip
        assert ("; Secure" in answer.headers["Set-Cookie"]) is secure


@pytest.mark.case("H27")
def test_there_are_not_too_many_sessions_of_a_token(
    guarded: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasky.store.sessions.MOST", 3)
    token = make(guarded, "ann", "read")
    held = [session(login(guarded, token)) for _ in range(5)]
    statuses = [guarded.get("/tasks", **one).status_int for one in held]
    assert statuses == [401, 401, 200, 200, 200]


@pytest.mark.case("H26")
def test_a_login_leads_nowhere(guarded: Api) -> None:
    token = make(guarded, "ann", "read")
    answer = guarded.post("/login?next=//evil.example.org", {"token": token})
    assert answer.status_int == 422
    assert guarded.post("/login", {"token": token, "next": "//evil.example.org"}).status_int == 422
    assert "Location" not in login(guarded, token).headers


@pytest.mark.parametrize("body", [None, {}, {"token": 1}, {"token": ["a"]}, [], {"Token": WRONG}])
def test_no_logins(guarded: Api, body: object) -> None:
    assert guarded.post("/login", body).status_int == 422


@pytest.mark.parametrize(
    "header", ["tasky_session", "tasky_session=", "a=b; tasky_session=\xe9", "=;=", "x" * 4000,
               "tasky_session=../../x", 'tasky_session="'],
)  # fmt: skip
def test_odd_cookies(guarded: Api, header: str) -> None:
    assert guarded.get("/tasks", COOKIE=header).status_int == 401


# ---------------------------------------------------------------------- proxies


def through(api: Api, peer: str, **headers: str) -> TestResponse:
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    return api.http.get(
        "/tasky/v1/whoami", extra_environ={"REMOTE_ADDR": peer}, headers=sent, expect_errors=True
    )


def test_a_proxys_user(guarded: Api) -> None:
    for peer in ("10.1.2.3", "::ffff:10.1.2.3", "localhost"):
        found = through(guarded, peer, X_Forwarded_User="ann", X_Forwarded_Groups="ops, x").json
        assert found == {
            "name": "user:ann",
            "with": "proxy",
            "scopes": ["cancel", "read", "run:echo"],
        }
    assert through(guarded, "10.1.2.3", X_Forwarded_User="bob").json["scopes"] == ["run:echo"]


def test_from_elsewhere_a_user_is_nobody(guarded: Api) -> None:
    for peer in ("192.0.2.1", "127.0.0.1", "", "::1", "unix"):
        answer = through(guarded, peer, X_Forwarded_User="ann", X_Forwarded_Groups="admins")
        if peer != "unix":
            assert answer.status_int == 401, peer
    assert through(guarded, "10.1.2.3", X_Forwarded_Groups="admins").status_int == 401


@pytest.mark.parametrize("name", ["a\x00b", "a\tb", "x" * 201, "\xff"])
def test_odd_users(guarded: Api, name: str) -> None:
    answer = call(guarded, "GET", "/tasky/v1/whoami", HTTP_HOST="localhost",
                  REMOTE_ADDR="10.1.2.3", HTTP_X_FORWARDED_USER=name)  # fmt: skip
    assert answer.status == 401


def test_a_user_has_no_name_of_a_token(guarded: Api) -> None:
    task = guarded.post("/workers/echo?wait=30s", {"text": "x"},
                        **bearer(make(guarded, "ann", "run:echo"))).json["TaskId"]  # fmt: skip
    answer = guarded.http.get(
        f"/tasky/v1/tasks/{task}", extra_environ={"REMOTE_ADDR": "10.1.2.3"},
        headers={"X-Forwarded-User": "ann"}, expect_errors=True,
    )  # fmt: skip
    assert answer.status_int == 404


def test_the_address_behind_a_proxy(guarded: Api, caplog: pytest.LogCaptureFixture) -> None:
    """The nearest that is no proxy of ours: what stands before may be made up."""
    caplog.set_level(logging.WARNING, "tasky.audit")
    for peer, said in (
        ("10.1.2.3", "192.0.2.7"),
        ("10.1.2.3", "203.0.113.1, 192.0.2.7, 10.9.9.9"),
        ("192.0.2.7", "198.51.100.1"),
        ("10.1.2.3", "made up, 192.0.2.7"),
    ):
        through(guarded, peer, X_Forwarded_For=said, Authorization=f"Bearer {WRONG}")
        assert "address=192.0.2.7 " in caplog.messages[-1], (peer, said)
