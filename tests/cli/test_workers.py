"""tasky workers, enable, disable"""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import Tasky


def test_the_list(tasky: Tasky) -> None:
    done = tasky("workers")
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines()}
    assert rows["WORKER"] == ["STATUS", "RUNNING", "QUEUED", "DESCRIPTION"]
    assert rows["echo"] == ["Enabled", "0", "0", "Gives", "back", "what", "it", "gets."]
    names = [one["name"] for one in tasky("workers", "--json").documents]
    assert names == sorted(names)
    assert names == list(rows)[1:]


def test_one(tasky: Tasky) -> None:
    out = tasky("workers", "echo").out
    assert "Description  Gives back what it gets.\n" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["text", "string", "(required)", "any", "text"] in rows
    assert ["count", "integer", "1"] in rows
    assert ["names", "array", "[]"] in rows
    assert out.endswith("Try:\n  tasky run echo text=hello\n")
    assert tasky("workers", "echo", "--json").json["name"] == "echo"
    assert "PARAMETER" not in tasky("workers", "nothing").out
    done = tasky("workers", "ecko")
    assert done.status == 3
    assert done.err == "tasky: there is no worker 'ecko'; did you mean echo?\n"


def test_the_list_on_a_terminal_fits(on_terminal: Callable[..., str]) -> None:
    assert all(len(line) <= 60 for line in on_terminal("workers", COLUMNS="60").splitlines())


def test_enable_and_disable(tasky: Tasky) -> None:
    assert tasky("disable", "switch").out == "switch  Disabled\n"
    done = tasky("run", "switch")
    assert done.status == 3
    assert "disabled" in done.err
    assert tasky("enable", "switch", "--json").json["status"] == "Enabled"
    assert tasky("run", "switch").status == 0
    assert tasky("enable", "ecko").status == 3
