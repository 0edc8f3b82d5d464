"""The file of the tokens: several processes, no half of it, nothing that is secret."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tasky.errors import Conflict, NotFound, StoreBusy, StoreDamaged, StoreError
from tasky.model.access import Scope, digest_of
from tasky.store import Tokens

READ = (Scope.parse("read"),)
MINUTE = 60_000_000_000


def digest(secret: str) -> bytes:
    found = digest_of(secret)
    assert found is not None
    return found


def test_a_token_is_found_by_its_digest(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    assert tokens.all() == []
    secret, made = tokens.create("ci", (*READ, Scope.parse("run:copy*")), expires=5)
    assert len(secret) == 47
    assert tokens.find(digest(secret)) == made
    assert Tokens(tmp_path).all() == [made]
    assert tokens.find(b"\0" * 32) is None
    assert secret not in (tmp_path / "tokens.json").read_text()


def test_names_are_taken_once(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    first, _ = tokens.create("ci", READ)
    with pytest.raises(Conflict):
        tokens.create("ci", READ)
    tokens.revoke("ci")
    with pytest.raises(NotFound):
        tokens.revoke("ci")
    second, _ = tokens.create("ci", READ)
    assert first != second
    assert tokens.find(digest(first)) is None


def test_another_sees_a_change_at_once(tmp_path: Path) -> None:
    server, other = Tokens(tmp_path), Tokens(tmp_path)
    assert server.all() == []
    for number in range(50):
        secret, _ = other.create("ci", READ)
        assert server.find(digest(secret)) is not None, number
        other.revoke("ci")
        assert server.find(digest(secret)) is None, number


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    """Threads of one process, and processes."""
    script = (
        "import sys; from pathlib import Path; from tasky.store import Tokens\n"
        "from tasky.model.access import Scope\n"
        "for n in range(10): Tokens(Path(sys.argv[1])).create(f'{sys.argv[2]}-{n}', (Scope.parse('read'),))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), f"p{number}"])
        for number in range(2)
    ]
    tokens = Tokens(tmp_path)
    threads = [
        threading.Thread(
            target=lambda at=at: [tokens.create(f"t{at}-{n}", READ) for n in range(10)]
        )
        for at in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len(tokens.all()) == 40
    assert sorted(file.name for file in tmp_path.iterdir()) == ["tokens.json", "tokens.lock"]


def test_the_last_use_is_kept_to_the_minute(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    secret, _ = tokens.create("ci", READ)
    tokens.used(digest(secret), 5 * MINUTE + 7)
    assert tokens.all()[0].used == 5 * MINUTE
    assert Tokens(tmp_path).all()[0].used is None
    tokens.flush()
    assert Tokens(tmp_path).all()[0].used == 5 * MINUTE
    before = (tmp_path / "tokens.json").stat().st_ino
    tokens.flush()  # nothing new: nothing is written
    assert (tmp_path / "tokens.json").stat().st_ino == before
    tokens.used(digest(secret), 4 * MINUTE)  # the clock was set back
    tokens.flush()
    assert tokens.all()[0].used == 5 * MINUTE


def test_who_keeps_the_lock_holds_up_nobody_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped `tasky token` must not keep the server from its work: that only looks, and tries again later."""
    monkeypatch.setattr("tasky.store.tokens.Tokens._change.__defaults__", (0.05,))
    tokens = Tokens(tmp_path)
    secret, _ = tokens.create("ci", READ)
    tokens.used(digest(secret), MINUTE)
    with (tmp_path / "tokens.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert tokens.find(digest(secret)) is not None
        tokens.flush()
        with pytest.raises(StoreBusy):
            tokens.revoke("ci")
    tokens.flush()
    assert Tokens(tmp_path).all()[0].used == MINUTE


def test_use_of_a_token_that_is_gone(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    secret, _ = tokens.create("ci", READ)
    tokens.used(digest(secret), MINUTE)
    tokens.revoke("ci")
    tokens.flush()
    assert tokens.all() == []


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"tokens": [1]}', '{"tokens": [{}]}', "\xff", '{"tokens": [{"name": 1}]}',
     '{"tokens": [{"name": "a", "sha256": "x", "scopes": [], "created": 1, "expires": null, "used": null}]}',
     '{"tokens": [{"name": "a", "sha256": "00", "scopes": ["all"], "created": 1, "expires": null, "used": null}]}',
     '{"tokens": [{"name": "a", "sha256": "00", "scopes": [], "created": "1", "expires": null, "used": null}]}'],
)  # fmt: skip
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, content: str) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(content, "latin-1")
    with pytest.raises(StoreDamaged, match=r"tokens\.json"):
        Tokens(tmp_path).all()
    with pytest.raises(StoreDamaged):
        Tokens(tmp_path).create("ci", READ)
    assert file.read_text("latin-1") == content


def test_who_died_while_writing_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "tokens.json.new").write_text("half")
    tokens = Tokens(tmp_path)
    tokens.create("ci", READ)
    assert not (tmp_path / "tokens.json.new").exists()
    document = json.loads((tmp_path / "tokens.json").read_text())
    assert [item["name"] for item in document["tokens"]] == ["ci"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        Tokens(tmp_path / "file" / "state").create("ci", READ)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_what_root_makes_belongs_to_the_servers_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    Tokens(tmp_path).create("ci", READ)
    for file in tmp_path.iterdir():
        assert (file.stat().st_uid, file.stat().st_gid) == (12345, 12345)
        assert file.stat().st_mode & 0o777 == 0o600
