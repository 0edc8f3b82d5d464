"""tasky token, on a state directory. Through a server: tests/end_to_end/test_auth.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasky.model.access import digest_of
from tasky.store import Tokens
from tests.cli.conftest import Done, Tasky


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def create(tasky: Tasky, state: Path, *arguments: str) -> Done:
    return tasky("token", "create", "--state-dir", str(state), *arguments)


def test_the_token_alone_goes_to_the_output(tasky: Tasky, state: Path) -> None:
    done = create(tasky, state, "--name", "ci", "--scope", "read", "--scope", "run:Copy*")
    assert done.status == 0
    (token,) = done.out.splitlines()
    digest = digest_of(token)
    assert digest is not None
    found = Tokens(state).find(digest)
    assert found is not None
    assert [str(scope) for scope in found.scopes] == ["read", "run:copy*"]
    assert done.err == "ci: read, run:copy*. It is not shown again.\n"


def test_as_json(tasky: Tasky, state: Path) -> None:
    done = create(tasky, state, "--name", "ci", "--scope", "read", "--expires", "90d", "--json")
    assert set(done.json) == {"name", "scopes", "created", "expires", "token"}
    (listed,) = tasky("token", "list", "--state-dir", str(state), "--json").documents
    assert listed == {key: value for key, value in done.json.items() if key != "token"}


def test_list_and_revoke(tasky: Tasky, state: Path) -> None:
    for name in ("ops", "ci"):
        create(tasky, state, "--name", name, "--scope", "read")
    listed = tasky("token", "list", "--state-dir", str(state)).out.splitlines()
    assert [line.split()[0] for line in listed] == ["NAME", "ci", "ops"]
    done = tasky("token", "revoke", "ci", "--state-dir", str(state))
    assert (done.status, done.out) == (0, "ci is revoked\n")
    done = tasky("token", "revoke", "ci", "--state-dir", str(state))
    assert (done.status, done.err) == (3, "tasky: there is no token 'ci'\n")


def test_a_name_is_taken_once(tasky: Tasky, state: Path) -> None:
    create(tasky, state, "--name", "ci", "--scope", "read")
    done = create(tasky, state, "--name", "ci", "--scope", "read")
    assert done.status == 1
    assert "there is a token ci already" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing option '--name'"),
        (["--name", "ci"], "without a scope"),
        (["--name", "a b", "--scope", "read"], "a token's name has"),
        (["--name", "user:root", "--scope", "read"], "a token's name has"),
        (["--name", "ci", "--scope", "write"], "is no scope"),
        (["--name", "ci", "--scope", "run"], "run names the workers"),
        (["--name", "ci", "--scope", "read", "--expires", "0s"], "more than 0s"),
        (["--name", "ci", "--scope", "read", "--expires", "soon"], "Invalid value"),
    ],
)
def test_mistakes(tasky: Tasky, state: Path, arguments: list[str], words: str) -> None:
    done = create(tasky, state, *arguments)
    assert done.status == 2
    assert words in done.err
    assert not state.exists()


def test_a_damaged_file(tasky: Tasky, state: Path) -> None:
    create(tasky, state, "--name", "ci", "--scope", "read")
    (state / "tokens.json").write_text("{")
    done = tasky("token", "list", "--state-dir", str(state))
    assert done.status == 78
    assert "tokens.json" in done.err
