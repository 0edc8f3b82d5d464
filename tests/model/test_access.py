from __future__ import annotations

import pytest

from tasky.model.access import ANYBODY, Need, Principal, Scope


def principal(*scopes: str, name: str = "ci") -> Principal:
    return Principal(name, frozenset(map(Scope.parse, scopes)))


@pytest.mark.parametrize("text", ["read", "read:copy*", "run:copyfile", "run:*", "cancel", "admin"])
def test_a_scope_is_written_as_it_is_read(text: str) -> None:
    assert str(Scope.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no scope"),
        ("open", "no scope"),
        ("Read", "no scope"),
        ("write", "no scope"),
        ("run", "run names the workers"),
        ("run:", "not the name"),
        ("run:a b", "not the name"),
        ("run:../x", "not the name"),
        ("admin:x", "admin is for everything"),
    ],
)
def test_what_is_no_scope(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scope.parse(text)


def test_names_of_workers_have_no_capitals() -> None:
    assert Scope.parse("run:CopyFile") == Scope(Need.RUN, "copyfile")


def test_each_right_is_for_itself() -> None:
    runner, reader = principal("run:copy*"), principal("read")
    assert runner.may(Need.RUN, "copyfile")
    assert not runner.may(Need.RUN, "backup")
    assert not runner.may(Need.READ, "copyfile")
    assert runner.may_somewhere(Need.RUN)
    assert not runner.may_somewhere(Need.CANCEL)
    assert reader.may(Need.READ, "backup")
    assert not reader.may(Need.RUN, "backup")
    assert not reader.may_somewhere(Need.ADMIN)


def test_admins_may_do_everything() -> None:
    for need in Need:
        assert ANYBODY.may(need, "any")
        assert ANYBODY.may_somewhere(need)
    assert ANYBODY.sees_task("any", None)


def test_who_may_nothing() -> None:
    nobody = principal()
    assert nobody.may(Need.OPEN, "any")
    assert nobody.may_somewhere(Need.OPEN)
    assert not any(nobody.may(need, "any") for need in Need if need is not Need.OPEN)


def test_who_sees_what() -> None:
    runner = principal("run:copy*")
    assert runner.sees_worker("copyfile")
    assert not runner.sees_worker("backup")
    assert runner.sees_task("copyfile", "ci")
    assert not runner.sees_task("copyfile", "others")
    assert not runner.sees_task("copyfile", None)
    assert not runner.sees_task("backup", "ci")
    assert principal("read:copy*").sees_task("copyfile", "others")
    assert not Principal("", runner.scopes).sees_task("copyfile", None)
