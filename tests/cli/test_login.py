"""tasky login, logout, whoami; and what is said when a server refuses. The server is a stand-in."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Tasky
from tests.client.stand_in import Play, answer, playing
from tests.client.workers import write_workers
from tests.helpers import serving

ME = answer(json.dumps({"name": "ci", "with": "token", "scopes": ["read", "run:x*"]}))
NOBODY = answer(json.dumps({"name": None, "with": None, "scopes": ["admin"]}))


def refusal(status: str, detail: str = "no", close: bool = False) -> Play:
    return answer(json.dumps({"detail": detail}), status, close=close)


@pytest.fixture
def file(tmp_path: Path, tasky: Tasky, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("TASKY_URL")
    return tmp_path / "tasky/profiles.toml"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("tsk_secret\n"))


@pytest.mark.usefixtures("typed")
def test_login_and_logout(tasky: Tasky, file: Path) -> None:
    with playing(ME) as server:
        done = tasky("login", "--profile", "prod", "--url", server.url)
        assert b"\r\nAuthorization: Bearer tsk_secret\r\n" in server.requests[0]
    assert done.status == 0
    assert done.out == f"ci, with read, run:x*; the token is in the profile prod: {file}\n"
    assert "tsk_" not in done.out + done.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == f'[prod]\nurl = "{server.url}"\ntoken = "tsk_secret"\n'
    assert tasky("logout", "--profile", "prod").status == 0
    assert file.read_text() == f'[prod]\nurl = "{server.url}"\n'
    done = tasky("logout", "--profile", "prod")
    assert (done.status, done.err) == (1, "tasky: there is no token in the profile prod\n")


@pytest.mark.usefixtures("typed")
@pytest.mark.parametrize(
    ("play", "said"),
    [
        (
            refusal("401 Unauthorized", "it has expired"),
            "the token is not accepted: it has expired",
        ),
        (refusal("404 Not Found"), "this server knows no tokens"),
        (NOBODY, "this server asks nobody for a token"),
    ],
)
def test_a_token_that_is_not_accepted_is_not_kept(
    tasky: Tasky, file: Path, play: Play, said: str
) -> None:
    with playing(play) as server:
        done = tasky("login", "--url", server.url)
    assert done.status == 1
    assert said in done.err
    assert not file.exists()


@pytest.mark.usefixtures("typed")
def test_a_profile_of_another_server_is_not_changed(tasky: Tasky, file: Path) -> None:
    file.parent.mkdir()
    file.write_text('[default]\nurl = "http://127.0.0.1:1"\n')
    done = tasky("login", "--url", "http://127.0.0.1:2")
    assert done.status == 2
    assert "the profile default is for http://127.0.0.1:1" in done.err


def test_nothing_is_typed(tasky: Tasky, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert tasky("login").status == 2


@pytest.mark.usefixtures("typed")
def test_a_token_in_clear_is_warned_of(tasky: Tasky, file: Path) -> None:
    done = tasky("login", "--url", "http://no..host")
    assert done.status == 4
    assert "http://no..host is not encrypted" in done.err


def test_whoami(tasky: Tasky, file: Path) -> None:
    with playing(ME, NOBODY) as server:
        assert tasky("whoami", "--url", server.url).out == "ci, with read, run:x*\n"
        assert tasky("whoami", "--url", server.url).out == "nobody in particular, with admin\n"


@pytest.mark.parametrize(
    ("play", "environ", "status", "said"),
    [
        (refusal("401 Unauthorized"), {}, 3, "it wants a token: tasky login keeps one"),
        (refusal("401 Unauthorized"), {"TASKY_TOKEN": "tsk_old"}, 3,
         "the token of TASKY_TOKEN is not accepted: it may have expired"),
        (refusal("403 Forbidden"), {"TASKY_TOKEN": "tsk_old"}, 3,
         "tasky whoami says what the token of TASKY_TOKEN may do"),
        (refusal("421 Misdirected"), {}, 3, "the address is from TASKY_URL: use a name that the server goes by"),
        (answer('{"detail":"no"}', "503 Busy\r\nRetry-After: 5"), {}, 4, "try again in 5 s"),
        (answer('{"detail":"no"}', "429 Many"), {}, 3, "try again later"),
    ],
)  # fmt: skip
def test_what_to_do(
    tasky: Tasky,
    monkeypatch: pytest.MonkeyPatch,
    play: Play,
    environ: dict[str, str],
    status: int,
    said: str,
) -> None:
    with playing(play) as server:
        for name, value in ({"TASKY_URL": server.url} | environ).items():
            monkeypatch.setenv(name, value)
        done = tasky("ps")
    assert done.status == status
    first, second = done.err.splitlines()
    assert first == "tasky: no"
    assert second.startswith(f"  {said}")
    assert "tsk_old" not in done.err


def test_an_unknown_host(tasky: Tasky, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKY_URL", "http://no..host")
    done = tasky("ps")
    assert done.status == 4
    assert done.err.endswith("that is no host name\n  the address is from TASKY_URL\n")


def test_what_cannot_be_a_token(tasky: Tasky, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKY_TOKEN", "two words")
    done = tasky("ps")
    assert done.status == 2
    assert "two words" not in done.err


def test_a_real_server(
    tasky: Tasky, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first token to one that is revoked."""
    write_workers(tmp_path / "workers.d")
    state = tmp_path / "state"
    with serving(tmp_path / "workers.d", state, TASKY_AUTH="true") as server:
        made = tasky(
            "token", "create", "--name", "ci", "--scope", "run:nothing", "--state-dir", str(state)
        )
        assert made.status == 0
        done = tasky("ps", "--url", server.url)
        assert done.status == 3
        assert "it wants a token: tasky login keeps one" in done.err
        monkeypatch.setattr("sys.stdin", io.StringIO(made.out))
        assert tasky("login", "--url", server.url).status == 0
        assert tasky("whoami").out == "ci, with run:nothing\n"
        assert tasky("run", "nothing", "--follow").status == 0
        done = tasky("disable", "nothing")
        assert done.status == 3
        assert "tasky whoami says what the token of the profile default may do" in done.err
        assert tasky("run", "echo", "text=x").status == 3
        assert tasky("token", "revoke", "ci", "--state-dir", str(state)).status == 0
        done = tasky("ps")
        assert done.status == 3
        assert "the token of the profile default is not accepted" in done.err
        assert made.out.strip() not in server.logged
