"""tasky db: beside a running server, and on the state directory of one that was stopped."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tasky.model.states import State
from tasky.store import Store, Stream
from tests.cli.conftest import Tasky
from tests.cli.test_app import complete
from tests.disks import Disk, disk, fill_disk
from tests.helpers import REPOSITORY, Server, serving, write_definition
from tests.store.parts import MAX_LOG, finish, put, stuff
from tests.store.test_damage import leave

__all__ = ["disk"]

SECOND = 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "state", max_log=MAX_LOG)
    yield store
    store.close()


def kept(store: Store, age: int = 0, size: int = 10_000) -> str:
    """A finished task with a log."""
    task_id = put(store.writer, finished=time.time_ns() - age * SECOND)
    store.scribe.append(task_id, Stream.STDOUT, 1, b"x" * size + b"\n")
    finish(store.scribe, task_id)
    return task_id


def change(state: Path, sql: str) -> None:
    with closing(sqlite3.connect(state / "tasky.db", isolation_level=None)) as connection:
        connection.executescript(sql)


# check


def test_check_beside_a_running_server(tasky: Tasky, server: Server) -> None:
    tasky("run", "nothing", "--wait")
    done = tasky("db", "check", "--state-dir", str(server.state))
    assert done.status == 0, done
    assert re.fullmatch(rf"{server.state}/tasky\.db: \d+ tasks?, no mistakes\n", done.out)
    document = tasky("db", "check", "--state-dir", str(server.state), "--json").json
    assert document["findings"] == []
    assert document["tasks"] > 0
    assert tasky("run", "nothing", "--wait").status == 0


def test_the_state_directory_is_that_of_the_settings(
    tasky: Tasky, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tasky.yaml"
    file.write_text(f"state_dir: {tmp_path}/state\n")
    assert tasky("db", "check", "--config", str(file)).out.startswith(f"{tmp_path}/state/tasky.db")
    monkeypatch.setenv("TASKY_STATE_DIR", f"{tmp_path}/state")
    assert tasky("db", "check").status == 0
    done = tasky("db", "check", "--state-dir", f"{tmp_path}/none")
    assert (done.status, done.err) == (
        78,
        f"tasky: {tmp_path}/none/tasky.db: there is no database\n",
    )


@pytest.mark.damages_store
@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE totals SET tasks = 7 WHERE state = 'Failed'",
         "rows: 0 tasks are Failed, and the total says 7"),
        ("INSERT INTO attempts (task_id, number, started) VALUES ('lost', 1, 1)",
         "rows: a row of attempts belongs to none of tasks"),
        ("UPDATE tasks SET params = '{'", "its params is not JSON"),
        ("UPDATE tasks SET artifacts = '[[\"out.csv\", \"out.csv\", \"text/csv\", 1]]'",
         "a file that it left is missing: out.csv"),
        ("PRAGMA foreign_keys=ON; DELETE FROM tasks", "files of a task that is not there"),
    ],
    ids=["totals", "foreign key", "json", "artifact", "files"],
)  # fmt: skip
def test_check_tells_what_does_not_fit(
    tasky: Tasky, store: Store, tmp_path: Path, sql: str, found: str
) -> None:
    task_id = kept(store)
    store.close()
    change(tmp_path / "state", sql)
    done = tasky("db", "check", "--state-dir", str(tmp_path / "state"))
    assert done.status == 1
    first, *_, last = done.out.splitlines()
    assert found in first
    assert first.startswith(("rows: ", "files: "))
    assert (task_id in first) is ("total" not in found and "attempts" not in found)
    assert "docs/operations.md, Restoring a backup" in last
    (finding, *_) = tasky("db", "check", "--state-dir", str(tmp_path / "state"), "--json").json[
        "findings"
    ]
    assert finding["message"] in first


@pytest.mark.case("S5")
@pytest.mark.damages_store
@pytest.mark.parametrize("size", [0, 100, 3 * 4096])
def test_check_tells_of_a_damaged_database(
    tasky: Tasky, store: Store, tmp_path: Path, size: int
) -> None:
    for _ in range(20):
        kept(store)
    store.close()
    file = tmp_path / "state/tasky.db"
    os.truncate(file, size)
    before = file.read_bytes()
    done = tasky("db", "check", "--state-dir", str(tmp_path / "state"))
    assert done.status == 1
    assert done.out.startswith("database: ")
    assert file.read_bytes() == before


@pytest.mark.case("S5")
@pytest.mark.damages_store
def test_check_does_not_cover_up_a_damaged_log(tasky: Tasky, tmp_path: Path) -> None:
    state = tmp_path / "state"
    leave(state, 3, "killed")
    with (state / "tasky.db-wal").open("r+b") as file:
        file.seek(3000)
        file.write(b"\xff\xff\xff")
    for _ in range(2):
        done = tasky("db", "check", "--state-dir", str(state))
        assert done.status == 1
        assert done.out.startswith("database: tasky.db-wal is damaged: behind page 0 of ")


# backup


def steps() -> list[str]:
    """The shell's commands of how to restore a backup, without the tasks' files."""
    text = (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
    section = text.partition("## Restoring a backup\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^ +`(.*)`$", section, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["cd", "install"]
    return commands


def test_backup_and_restore(tasky: Tasky, tmp_path: Path) -> None:
    """As docs/operations.md has it, step by step."""
    workers, state, saved = tmp_path / "workers.d", tmp_path / "state", tmp_path / "saved.db"
    write_definition(workers, "true", command=["/bin/true"], protocol="text")
    with serving(workers, state, TASKY_CONTAINMENT="process-group") as server:
        first = server.run("true")["TaskId"]
        done = tasky("db", "backup", str(saved), "--state-dir", str(state))
        assert (done.status, done.err) == (0, "")
        assert done.out.startswith(f"{saved}: 1 task, ")
        later = server.run("true")["TaskId"]
        server.kill()  # and then its database is damaged
        (state / "tasky.db").write_bytes(b"nothing but rubbish")
        for command in steps():
            place = command.replace("/var/lib/tasky", str(state)).replace("-o tasky ", "")
            subprocess.run(
                ["sh", "-ec", re.sub(r"/srv/backup/\S+\.db", str(saved), place)], check=True
            )
        server.start()
        assert server.status(first) == "Completed"
        assert server.request("GET", f"/tasks/{later}").status == 404
        assert server.run("true")["Status"] == "Completed"
        assert server.stop() == 0
    assert tasky("db", "check", "--state-dir", str(state)).status == 0


def test_backup_beside_a_server_that_writes(tasky: Tasky, server: Server, tmp_path: Path) -> None:
    tasky("run", "nothing", "--wait")
    umask = os.umask(0)
    try:
        done = tasky("db", "backup", f"{tmp_path}/a.db", "--state-dir", str(server.state), "--json")
    finally:
        os.umask(umask)
    document = done.json
    assert document["file"] == f"{tmp_path}/a.db"
    assert document["bytes"] == (tmp_path / "a.db").stat().st_size
    assert document["tasks"] > 0
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("there", "there: it is there already, and is not overwritten"),
        ("no/folder", "no/folder: No such file or directory"),
        ("there/no", "there/no: Not a directory"),
    ],
)
def test_where_no_backup_can_be(
    tasky: Tasky, store: Store, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "there").write_text("precious")
    done = tasky("db", "backup", f"{tmp_path}/{name}", "--state-dir", f"{tmp_path}/state")
    assert (done.status, done.err) == (1, f"tasky: {tmp_path}/{said}\n")
    assert (tmp_path / "there").read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {"there", "state"}


def test_a_backup_that_does_not_fit(tasky: Tasky, store: Store, tmp_path: Path, disk: Disk) -> None:
    for _ in range(20):
        put(store.writer, params={"big": "x" * 100_000})
    place = disk(1 << 20)
    done = tasky("db", "backup", f"{place}/copy.db", "--state-dir", f"{tmp_path}/state")
    assert (done.status, done.err) == (1, f"tasky: {place}/copy.db: No space left on device\n")
    assert list(place.iterdir()) == []


# prune


def test_prune_removes_what_is_old(tasky: Tasky, store: Store, tmp_path: Path) -> None:
    old, young, live = kept(store, age=100), kept(store), put(store.writer, State.QUEUED)
    state = ("--state-dir", str(tmp_path / "state"))
    told = tasky("db", "prune", *state, "--older-than", "1m", "--dry-run")
    assert told.out == "1 task would be removed, with 20KiB of logs and files\n"
    busy = tasky("db", "prune", *state, "--older-than", "1m")
    assert busy.status == 1
    assert f"another server (process {os.getpid()}) uses the state directory" in busy.err
    assert (
        "it removes old tasks by itself (setting retention), and others by tasky delete" in busy.err
    )
    folder = Path(store.folders.name(old))
    store.close()

    told = tasky("db", "prune", *state, "--older-than", "1m")
    assert told.out.startswith("1 task removed, with 20KiB of logs and files")
    assert not folder.exists()
    assert not any((tmp_path / "state/trash").iterdir())
    again = tasky("db", "prune", *state, "--older-than", "1m", "--json").json
    assert (again["tasks"], again["file_bytes"], again["dry_run"]) == (0, 0, False)
    reopened = Store.open(tmp_path / "state", max_log=MAX_LOG)
    found = [reopened.reader.state(task_id) for task_id in (old, young, live)]
    reopened.close()
    assert found == [None, State.COMPLETED, State.QUEUED]


def test_prune_keeps_so_many(tasky: Tasky, store: Store, tmp_path: Path) -> None:
    """More than fit into one transaction."""
    for _ in range(300):
        put(store.writer, finished=time.time_ns())
    store.close()
    state = ("--state-dir", str(tmp_path / "state"))
    assert tasky("db", "prune", *state, "--keep", "7", "-n", "--json").json["tasks"] == 293
    assert tasky("db", "prune", *state, "--keep", "7", "--json").json["tasks"] == 293
    assert tasky("db", "check", *state, "--json").json["tasks"] == 7
    assert tasky("db", "prune", *state, "--json").json["tasks"] == 0, "as the settings have it"


def test_prune_gives_the_room_back(tasky: Tasky, store: Store, tmp_path: Path) -> None:
    for _ in range(30):
        put(store.writer, params={"big": "x" * 100_000}, finished=1)
    store.close()
    file = tmp_path / "state/tasky.db"
    before = file.stat().st_size
    gone = tasky("db", "prune", "--state-dir", str(tmp_path / "state"), "--json").json
    assert gone["tasks"] == 30
    assert gone["database_bytes"] == before - file.stat().st_size > 2_000_000
    assert gone["reusable_bytes"] == 0


@pytest.mark.case("S2")
def test_prune_on_a_full_disk(tasky: Tasky, disk: Disk) -> None:
    place = disk(160 << 20)
    state = place / "state"
    store = Store.open(state, max_log=MAX_LOG)
    doomed = [kept(store, age=100) for _ in range(3)]
    fill_disk(place)
    stuff(store.writer)
    store.close()
    (place / "more").write_bytes(b"")
    fill_disk(place)
    done = tasky("db", "prune", "--state-dir", str(state), "--older-than", "1m")
    assert (done.status, done.out[:15]) == (0, "3 tasks removed")
    assert not any(list(state.glob(f"tasks/*/{task_id}")) for task_id in doomed)


@pytest.mark.parametrize("value", ["yesterday", "-1d", ""])
def test_a_wrong_duration(tasky: Tasky, tmp_path: Path, value: str) -> None:
    done = tasky("db", "prune", "--state-dir", str(tmp_path), "--older-than", value)
    assert done.status == 2
    assert "a duration looks like" in done.err


def test_completion(server: Server, tmp_path: Path) -> None:
    assert complete(server, "tasky db pr") == ["prune"]
    assert complete(server, "tasky db prune --o") == ["--older-than"]


def test_help(tasky: Tasky) -> None:
    assert "tasky db backup /srv/backup/" in tasky("db", "--help").out
    for name in ("check", "backup", "prune"):
        assert tasky("db", name, "--help").status == 0
