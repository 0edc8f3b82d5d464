"""Order after every test: no process, thread, descriptor, cgroup or broken database is left. A fixture, not a habit.

The same is looked at around each test, around each module and around the whole run, so that a server which the tests of
a module share may stay while they run, and no longer. What is on its way out gets the time it needs. A plugin of
pytest's, which tests/conftest.py takes in.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests import helpers, remains

#: Seconds for what is on its way out.
PATIENCE = helpers.PATIENCE
#: Up to this one, descriptors are pytest's, which changes what they are open on.
_STANDARD: Final = 2


@dataclass(frozen=True, kw_only=True)
class Around:
    """What is looked at: a test, a module or the run. `own` are the folders in which it is to answer for everything,
    `run` those of the whole run, with what belongs to others in them; `temporary` is one of these. `servers` are
    shared with others."""

    own: tuple[str, ...]
    run: tuple[str, ...]
    temporary: str
    servers: tuple[helpers.Server, ...] = ()
    is_test: bool = True

    def is_anothers(self, file: str) -> bool:
        """What is shared opens files when it likes: the look around those who share it is for them."""
        return file.startswith(self.run) and not file.startswith(self.own)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What there is at one moment. `tasks` and `cgroups` are those of shared servers."""

    children: frozenset[int]
    threads: frozenset[int]
    descriptors: frozenset[tuple[int, str]]
    files: frozenset[str]
    cgroup: frozenset[str]
    tasks: frozenset[int]
    cgroups: frozenset[str]
    states: frozenset[Path]

    @classmethod
    def at(cls, around: Around) -> Look:
        shared = around.servers
        return cls(
            children=remains.children(),
            threads=remains.threads(),
            descriptors=remains.descriptors(),
            files=frozenset(os.listdir(around.temporary)),  # noqa: PTH208
            cgroup=frozenset({remains.cgroup()}),
            tasks=remains.descendants(server.process.pid for server in shared),
            cgroups=frozenset().union(*(remains.cgroups_of(server.state) for server in shared)),
            states=frozenset(helpers.STATES),
        )

    def since(self, before: Look) -> Look:
        return Look(**{name: getattr(self, name) - getattr(before, name) for name in _KINDS})

    def and_(self, other: Look) -> Look:
        return Look(**{name: getattr(self, name) | getattr(other, name) for name in _KINDS})


_KINDS: Final = [one.name for one in fields(Look)]


class Watch:
    """From its making on: what has come and may not stay."""

    def __init__(self, around: Around) -> None:
        self.around: Final = around
        self._before = Look.at(around)
        self._reaped: Final = _reaped()

    def allow(self, more: Look) -> None:
        """What came meanwhile and is not ours to end."""
        self._before = self._before.and_(more)

    def left(self) -> list[str]:
        """A line for each kind of thing."""
        new = Look.at(self.around).since(self._before)
        descriptors = (
            f"{number} on {file}"
            for number, file in new.descriptors
            if number > _STANDARD and not self.around.is_anothers(file)
        )
        started = new.cgroups.union(remains.probes(), *map(remains.cgroups_of, new.states))
        found = {
            "child processes": map(remains.process_name, new.children),
            "processes of tasks": map(remains.process_name, new.tasks | self._marked(new)),
            "threads": map(remains.thread_name, new.threads),
            "descriptors": descriptors,
            "temporary files": new.files,
            "cgroups": started,
            "this process in another cgroup": new.cgroup,
        }
        lists = {what: sorted(which) for what, which in found.items()}
        return [f"{what}: {', '.join(which)}" for what, which in lists.items() if which]

    def _marked(self, new: Look) -> frozenset[int]:
        """Searched for where there were processes at all. What is below a child that may stay is its affair."""
        if self.around.is_test and not new.children and _reaped() == self._reaped:
            return frozenset()
        found = remains.marked(tuple(f"{folder}/" for folder in self.around.own))
        return found - remains.descendants(self._before.children) if found else found


def _reaped() -> int:
    """Grows with every child that was waited for."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


#: Those around what runs just now, from the run to the test.
_WATCHES: Final[list[Watch]] = []


def watching(around: Around) -> Iterator[Around]:
    watch = Watch(around)
    _WATCHES.append(watch)
    yield around
    _WATCHES.remove(watch)
    deadline = time.monotonic() + PATIENCE
    while left := watch.left():
        if time.monotonic() > deadline:
            pytest.fail("left behind: " + "\n".join(left), pytrace=False)
        time.sleep(0.01)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any],
) -> Generator[None, object, object]:
    """What tests of several modules share begins when the first one asks for it: it may outlive that one's module."""
    watches = _WATCHES[1:] if fixturedef.scope in ("session", "package") else []
    before = [Look.at(watch.around) for watch in watches]
    try:
        return (yield)
    finally:
        for watch, look in zip(watches, before, strict=True):
            watch.allow(Look.at(watch.around).since(look))


def check_databases(folders: Iterable[str]) -> None:
    for folder in folders:
        for database in remains.databases(folder):
            if damage := remains.damage(database):
                pytest.fail(f"left behind: a broken database: {database}: {damage}", pytrace=False)


# ---------------------------------------------------------------------- the fixtures


@pytest.fixture(scope="session", autouse=True)
def _order_after_the_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Around]:
    """`tempfile` gets a folder of the run's own, for what wants a short name; pytest's folders stay where they are."""
    base = str(tmp_path_factory.getbasetemp())
    temporary = tempfile.mkdtemp(prefix="tasky-")
    run = (base, temporary)
    around = Around(own=run, run=run, temporary=temporary, is_test=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", temporary)
        yield from watching(around)
    shutil.rmtree(temporary)
    check_databases(_shared(base))


@pytest.fixture(scope="module", autouse=True)
def _order_after_the_module(_order_after_the_run: Around) -> Iterator[Around]:
    yield from watching(_order_after_the_run)
    check_databases(_shared(_order_after_the_run.run[0]))


@pytest.fixture(autouse=True)
def _order_after_the_test(
    request: pytest.FixtureRequest, _order_after_the_run: Around
) -> Iterator[Around]:
    """The first of the test's own fixtures to begin, and so the last to end, but for tmp_path: what is in it is looked
    at before it is removed. What is shared began earlier, and is among the test's arguments by now."""
    folders: tuple[str, ...] = ()
    if "tmp_path" in request.fixturenames:
        folders = (str(request.getfixturevalue("tmp_path")),)
    arguments = getattr(request.node, "funcargs", {}).values()
    shared = tuple(value for value in arguments if isinstance(value, helpers.Server))
    run = _order_after_the_run
    yield from watching(replace(run, own=(*folders, run.temporary), servers=shared, is_test=True))
    if request.node.get_closest_marker("damages_store") is None:
        check_databases(folders)


def _shared(base: str) -> Iterator[str]:
    """The folders of what several tests share. A test's own are still there if it failed; then that has been said."""
    for entry in os.scandir(base):
        if not entry.name.startswith("test"):
            yield entry.path
