"""docs/authentication.md: what it shows is so."""

from __future__ import annotations

import logging
import re
import shlex
from pathlib import Path

import pytest

from tasky.cli.app import tasky
from tasky.config import load_settings
from tasky.model.access import Scope
from tasky.service.trail import tell
from tests.helpers import REPOSITORY

PAGE = (REPOSITORY / "docs/authentication.md").read_text()
COMMANDS = re.findall(r"^\$ tasky token (\w+) (.*)$", PAGE, re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("verb", "words"), COMMANDS)
def test_the_commands_are_some(verb: str, words: str) -> None:
    group = tasky.commands["token"]
    command = group.commands[verb]  # type: ignore[attr-defined]
    with tasky.make_context("tasky", ["version"]) as parent:
        command.make_context(verb, shlex.split(words), parent=parent).close()


def test_the_settings_are_some(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    file = tmp_path / "tasky.yaml"
    file.write_text(text)
    settings = load_settings(file, {})
    assert settings.auth
    assert set(settings.proxy.scopes) == {"operators", "admins", "*"}
    assert settings.proxy.trusts("127.0.0.1")


def test_the_scopes_are_all() -> None:
    rows = re.findall(r"^\| `([a-z:*]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    named = [
        scope for row in rows for scope in (row[0], *re.findall(r"`([a-z]+:[a-z*]+)`", row[1]))
    ]
    assert {str(Scope.parse(text).need) for text in named} == {"read", "run", "cancel", "admin"}
    assert all(str(Scope.parse(text)) == text for text in named)


def test_the_lines_of_the_trail(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tasky.audit")
    (shown,) = blocks("text")
    for line in shown.splitlines():
        fields = dict(word.split("=", 1) for word in shlex.split(line.removeprefix("audit: ")))
        tell(logging.INFO, **fields)
        assert caplog.messages[-1] == line


def test_the_example_of_nginx_is_the_one_that_is_run() -> None:
    tested = (REPOSITORY / "tests/end_to_end/test_auth.py").read_text()
    (shown,) = blocks("nginx")
    lines = [re.sub(r"\s+", " ", line.partition("#")[0]).strip() for line in shown.splitlines()]
    headers = [line for line in lines if line.startswith("proxy_set_header")]
    assert len(headers) == 7
    for line in headers:
        assert line in tested, line
