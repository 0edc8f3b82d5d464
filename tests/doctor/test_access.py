"""Tokens, secrets and the permissions of what is started, in real files."""

from __future__ import annotations

import os
import pwd
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasky.config import Settings, Webhooks, load_workers, make_secret
from tasky.doctor import database, tokens, webhooks, workers
from tasky.doctor.finding import Finding
from tasky.doctor.running import Running
from tasky.model.access import Scope
from tasky.model.proxies import Proxies, network
from tasky.store import Store, Tokens
from tests.helpers import write_definition
from tests.store.parts import MAX_LOG

HERE = Running(0, os.geteuid())
HOUR = 3_600_000_000_000
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="ANOTHER'S FILES ARE NOT TESTED: takes root")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    return Settings(state_dir=state, workers_dir=tmp_path / "workers.d", auth=True)


def told(finding: Finding) -> tuple[str, str]:
    return str(finding.verdict), finding.message


# ---------------------------------------------------------------------- tokens


def make(settings: Settings, name: str, scope: str, expires: int | None = None) -> Path:
    Tokens(settings.state_dir).create(name, (Scope.parse(scope),), expires)
    return settings.state_dir / "tokens.json"


def test_no_token(settings: Settings) -> None:
    verdict, message = told(tokens.tokens(settings, HERE))
    assert verdict == "warning"
    assert message.startswith("auth: true, and nobody can log in: tasky token create")
    by_proxy = replace(settings, proxy=Proxies(trusted=(network("127.0.0.1"),)))
    assert told(tokens.tokens(by_proxy, HERE))[0] == "ok"
    open_to_all = replace(settings, auth=False)
    message = "auth: false: whoever can connect may do everything"
    assert told(tokens.tokens(open_to_all, HERE)) == ("ok", message)


def test_valid_and_expired(settings: Settings) -> None:
    make(settings, "ops", "admin")
    make(settings, "ci", "read")
    assert told(tokens.tokens(settings, HERE)) == ("ok", "auth: true; 2 valid, of an admin: 1")
    make(settings, "old", "read", time.time_ns() - HOUR)
    verdict, message = told(tokens.tokens(settings, HERE))
    assert verdict == "warning"
    assert "expired: old. tasky token revoke" in message
    message = told(tokens.tokens(replace(settings, auth=False), HERE))[1]
    assert message.endswith("tokens that nobody is asked for: 3")


def test_all_expired(settings: Settings) -> None:
    make(settings, "old", "admin", time.time_ns() - HOUR)
    assert "nobody can log in" in told(tokens.tokens(settings, HERE))[1]


def test_what_others_may_do_with_the_file(settings: Settings) -> None:
    file = make(settings, "ops", "admin")
    file.chmod(0o644)
    verdict, message = told(tokens.tokens(settings, HERE))
    assert (verdict, f"chmod 600 {file}" in message) == ("warning", True)
    file.chmod(0o620)
    assert told(tokens.tokens(settings, HERE))[0] == "problem"
    file.chmod(0o600)
    assert told(tokens.tokens(settings, HERE))[0] == "ok"


def test_a_file_that_is_none_of_ours(settings: Settings) -> None:
    make(settings, "ops", "admin").write_text("{}")
    verdict, message = told(tokens.tokens(settings, HERE))
    assert verdict == "problem"
    assert "it is not a file of tokens of ours" in message


@as_root
def test_a_file_of_another_user(settings: Settings) -> None:
    file = make(settings, "ops", "admin")
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(file, nobody, -1)
    verdict, message = told(tokens.tokens(settings, HERE))
    assert verdict == "problem"
    assert "belongs to nobody, and the server is root" in message
    assert told(tokens.tokens(settings, Running(0, nobody)))[0] == "ok"


# ---------------------------------------------------------------------- webhooks


def test_no_secret_yet(settings: Settings) -> None:
    message = "no secret yet: the server makes one when it is needed; clients may name no host"
    assert told(webhooks.webhooks(settings, {}, None, HERE)) == ("ok", message)


def test_the_secret(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    named = replace(
        settings, webhooks=Webhooks(allowed_hosts=("hooks.example.org",), secret_file=file)
    )
    verdict, message = told(webhooks.webhooks(named, {}, None, HERE))
    assert verdict == "problem"
    assert message.startswith(f'the secret: "{file}" cannot be read: no such file')
    make_secret(file)
    said = f"signed with the secret in {file}; clients may name: hooks.example.org"
    assert told(webhooks.webhooks(named, {}, None, HERE)) == ("ok", said)
    assert file.read_text().strip() not in said
    file.chmod(0o644)
    verdict, message = told(webhooks.webhooks(named, {}, None, HERE))
    assert (verdict, "chmod 600" in message) == ("problem", True)


@as_root
def test_the_secret_is_the_servers(settings: Settings) -> None:
    file = settings.state_dir / "webhooks.secret"
    make_secret(file)
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(file, nobody, -1)
    assert told(webhooks.webhooks(settings, {}, None, HERE))[0] == "problem"
    assert told(webhooks.webhooks(settings, {}, None, Running(0, nobody)))[0] == "ok"


def waiting(settings: Settings, due: int) -> Any:
    """What is counted in a store with a notification that is due then."""
    Store.open(settings.state_dir, max_log=MAX_LOG).close()
    with closing(sqlite3.connect(settings.state_dir / "tasky.db")) as connection, connection:
        connection.execute(
            "INSERT INTO tasks (id, worker, state, created, priority, attempt, params)"
            " VALUES (?, 'w', 'Completed', ?, 0, 1, '{}')",
            (f"{1:032x}", due),
        )
        connection.execute(
            "INSERT INTO notifications"
            " (task_id, position, url, origin, ends, trusted, ended, delivery, next_at)"
            " VALUES (?, 0, 'http://x/', 'http://x:80', 'failed', 0, 'failed', 'Pending', ?)",
            (f"{1:032x}", due),
        )
    finding, contents = database.look(settings.state_dir, HERE)
    assert contents is not None
    return finding, contents


def test_the_backlog(settings: Settings) -> None:
    _, contents = waiting(settings, time.time_ns() - 2 * HOUR)
    verdict, message = told(webhooks.webhooks(settings, {}, contents, HERE))
    assert (verdict, "1 wait to be delivered" in message) == ("ok", True), "no server runs"
    running = replace(HERE, pid=os.getpid())
    verdict, message = told(webhooks.webhooks(settings, {}, contents, running))
    assert (verdict, "the first for 2h0m" in message) == ("warning", True)


def test_a_newest_task_that_is_still_to_come(settings: Settings) -> None:
    finding, contents = waiting(settings, time.time_ns() + HOUR)
    assert finding.verdict == "warning"
    assert "was the clock set back?" in finding.message
    assert contents.notifications == 1


def test_sizes(settings: Settings) -> None:
    finding, _ = waiting(settings, time.time_ns())
    assert finding.verdict == "ok"
    assert "its log" in finding.message
    assert "1 tasks, 0 of them not finished" in finding.message


# ---------------------------------------------------------------------- definitions


def permissions(settings: Settings) -> tuple[str, str]:
    check = not settings.insecure_perms
    found, _ = load_workers(settings.workers_dir, kill_grace=0, check_owners=check)
    return told(workers.permissions(settings, found.values(), HERE))


def test_who_can_change_a_definition_or_a_program(settings: Settings, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    file = write_definition(settings.workers_dir, "w", command=[str(program)], protocol="text")
    verdict, message = permissions(settings)
    assert verdict == "ok"
    assert message.startswith("definitions: 1. Nobody but root")
    program.chmod(0o757)
    insecure = replace(settings, insecure_perms=True)
    verdict, message = permissions(insecure)
    assert verdict == "warning"
    assert message.startswith("insecure_perms: true allows this: ")
    assert f"chmod o-w {program}" in message
    file.chmod(0o646)
    assert permissions(insecure)[1].endswith("(and 1 more)")
    verdict, message = permissions(settings)
    assert (verdict, f"chmod o-w {file}" in message) == ("problem", True)


def test_no_folder(settings: Settings) -> None:
    assert permissions(settings)[0] == "skipped"
