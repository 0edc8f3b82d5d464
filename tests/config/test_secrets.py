"""The files of secrets that webhooks are signed with, and what `tasky check` says of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasky.config import check, make_secret, read_secret
from tasky.model.fields import Wrong
from tests.helpers import write_definition
from tests.receiver import KEY, SECRET


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "webhooks.secret"


def write(file: Path, text: str = SECRET, mode: int = 0o600) -> None:
    file.write_text(text)
    file.chmod(mode)


def said(file: Path) -> str:
    with pytest.raises(Wrong) as caught:
        read_secret(file)
    return str(caught.value)


def test_a_secret_is_read(file: Path) -> None:
    write(file, f"{SECRET}\n", 0o400)
    assert read_secret(file) == (KEY,)


def test_one_is_made_once(file: Path) -> None:
    make_secret(file)
    assert file.stat().st_mode & 0o777 == 0o600
    (key,) = read_secret(file)
    assert len(key) == 32
    make_secret(file)
    assert read_secret(file) == (key,)
    assert os.listdir(file.parent) == [file.name]  # noqa: PTH208


def test_one_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="cannot be made: no such file"):
        make_secret(tmp_path / "missing" / "secret")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_others_must_not_get_at_it(file: Path, mode: int) -> None:
    write(file, mode=mode)
    assert "chmod 600" in said(file)


def test_it_must_be_ours(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file)
    if os.geteuid() == 0:
        os.chown(file, 12345, -1)
    else:
        monkeypatch.setattr("tasky.config.owners.trusted", lambda: frozenset({0}))
    assert "belongs to another user" in said(file)


def test_what_is_no_file_of_a_secret(file: Path) -> None:
    assert "no such file" in said(file)
    file.mkdir()
    assert "is not a file" in said(file)
    file.rmdir()
    os.mkfifo(file, 0o600)
    assert "is not a file" in said(file)
    file.unlink()
    write(file, "hunter2\n")
    assert "hunter2" not in said(file)
    write(file, SECRET * 100)
    assert "not whsec_" in said(file) or "bytes long" in said(file)


# ---------------------------------------------------------------------- tasky check


def test_check_looks_at_a_workers_secret(tmp_path: Path) -> None:
    hook = {"url": "https://hooks.example.org/", "secret_file": "./my.secret"}
    definition = write_definition(tmp_path, "a", command=["/bin/true"], notify=[hook])
    (problem,) = check(definition, {}).problems
    assert problem.key == "notify[0].secret_file"
    assert "no such file" in problem.message
    write(tmp_path / "my.secret")
    report = check(definition, {})
    assert report.problems == ()
    assert report.workers[0].notify[0].secret_file == str(tmp_path / "my.secret")


def test_check_looks_at_the_servers_secret(tmp_path: Path) -> None:
    (tmp_path / "workers.d").mkdir()
    settings = tmp_path / "tasky.yaml"
    settings.write_text("workers_dir: workers.d\nwebhooks:\n  secret_file: my.secret\n")
    (problem,) = check(settings, {}).problems
    assert (problem.line, problem.key) == (3, "webhooks.secret_file")
    write(tmp_path / "my.secret")
    assert check(settings, {}).problems == ()


def test_check_says_where_a_hook_is_wrong(tmp_path: Path) -> None:
    definition = tmp_path / "a.yaml"
    definition.write_text(
        "command: [/bin/true]\nnotify:\n  - {url: 'http://u:p@h'}\n  - url: http://h\n    on: [ended]\n"
    )
    problems = [(problem.line, problem.key) for problem in check(definition, {}).problems]
    assert problems == [(3, "notify[0].url"), (5, "notify[1].on[0]")]
