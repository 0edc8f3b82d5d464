"""By what each limit is kept, depending on what the machine has."""

from __future__ import annotations

import pytest

from tasky.model.limits import Limits, Means, kept

ALL = Limits(
    memory=512 << 20, cpu=1.5, processes=64, open_files=256, file_size=1 << 30, output=64 << 20
)


def means(limits: Limits, *controllers: str, as_root: bool = False) -> dict[str, str]:
    return {one.limit: str(one.means) for one in kept(limits, controllers, as_root=as_root)}


@pytest.mark.parametrize("as_root", [False, True])
def test_with_all_controllers(as_root: bool) -> None:
    assert means(ALL, "cpu", "memory", "pids", as_root=as_root) == {
        "memory": "cgroup",
        "cpu": "cgroup",
        "processes": "cgroup",
        "open_files": "rlimit",
        "file_size": "rlimit",
        "output": "server",
    }


def test_without_controllers() -> None:
    assert means(ALL) == {
        "memory": "rlimit",
        "cpu": "nothing",
        "processes": "rlimit",
        "open_files": "rlimit",
        "file_size": "rlimit",
        "output": "server",
    }


def test_root_has_no_limit_of_processes() -> None:
    assert means(Limits(processes=1), "memory", as_root=True) == {"processes": "nothing"}


@pytest.mark.parametrize("controller", ["cpu", "memory", "pids"])
def test_each_controller_counts_for_itself(controller: str) -> None:
    by_cgroup = [name for name, by in means(ALL, controller).items() if by == Means.CGROUP]
    assert by_cgroup == [{"pids": "processes"}.get(controller, controller)]


def test_what_is_not_limited_is_not_named() -> None:
    assert kept(Limits(), (), as_root=False) == []
    assert means(Limits(output=0)) == {"output": "server"}


def test_in_words() -> None:
    assert [str(one) for one in kept(ALL, ("pids",), as_root=False)] == [
        "memory 512MiB by rlimit (each process by itself)",
        "cpu 1.5 not enforced here (there is no cpu controller)",
        "processes 64 by cgroup",
        "open_files 256 by rlimit (each process by itself)",
        "file_size 1GiB by rlimit (each file by itself)",
        "output 64MiB by server",
    ]
