"""docs/cli.md names everything that there is, and nothing that there is not."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from tasky.cli.app import tasky
from tasky.cli.exits import MEANINGS
from tests.helpers import REPOSITORY

TEXT = (REPOSITORY / "docs/cli.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ tasky (.*)$", TEXT, re.MULTILINE)


def leaves() -> dict[str, click.Command]:
    """Every command that does something, by its whole name."""
    found: dict[str, click.Command] = {}
    for name, command in tasky.commands.items():
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": one for inner, one in command.commands.items()}
        else:
            found[name] = command
    return found


LEAVES = leaves()


def name_in(example: str) -> str:
    first, *rest = shlex.split(example)
    return first if first in LEAVES else f"{first} {rest[0]}"


def section(name: str) -> str:
    """From the command's heading on; two commands may share a section."""
    match = re.search(
        rf"^## tasky {name}\n(?:## [^\n]*\n)*(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL
    )
    assert match is not None, f"there is no section on {name}"
    return match[1]


def options(name: str) -> set[str]:
    command = LEAVES[name]
    found = {word for one in command.params if isinstance(one, click.Option) for word in one.opts}
    return found - {"-h", "--help"}


@pytest.mark.parametrize("name", list(LEAVES))
def test_every_command_has_its_options(name: str) -> None:
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", section(name)))
    assert options(name) <= named
    rows = re.findall(r"^\| (`-.*?`) \|", section(name), re.MULTILINE)
    assert {word for row in rows for word in re.findall(r"--?[a-z][a-z-]*", row)} <= options(name)


def test_the_exit_statuses() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", TEXT, re.MULTILINE)
    assert {int(status): meaning.replace("\\|", "|") for status, meaning in rows} == {
        int(status): meaning for status, meaning in MEANINGS.items()
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_is_a_command(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("naps.yaml").touch()
    name = name_in(command)
    arguments = shlex.split(command)[name.count(" ") + 1 :]
    with tasky.make_context("tasky", ["--json", "version"]) as parent:
        LEAVES[name].make_context(name, arguments, parent=parent).close()


def test_there_are_examples() -> None:
    assert {name_in(command) for command in COMMANDS} == set(LEAVES)
