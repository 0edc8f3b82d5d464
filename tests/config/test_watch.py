"""The watch on a real folder: every way in which a definition changes is noticed, and the end leaves nothing behind."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasky.config import FolderWatch, load_workers

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same watch, with shorter pauses."""
    monkeypatch.setattr("tasky.config.watch._QUIET", 0.1)
    monkeypatch.setattr("tasky.config.watch._PATIENCE", 0.5)


class Calls:
    """Counts, and lets a test wait for the next call."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def await_more_than(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count > count, PATIENCE), "no call came"


class Watched:
    """A folder with a definition and its program, watched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = Calls()
        self.watch = FolderWatch(folder, self.calls)
        self.watch.start()

    def expect_call(self, change: Callable[[], object]) -> None:
        before = self.calls.count
        change()
        self.calls.await_more_than(before)


def fill(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "a.yaml").write_text("command: [sh]\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "etc/workers.d"
    fill(folder)
    return folder


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    threads = set(threading.enumerate())
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert set(threading.enumerate()) <= threads
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors


@pytest.fixture
def watched(folder: Path) -> Iterator[Watched]:
    watched = Watched(folder)
    yield watched
    watched.watch.close()


def replace_as_editors_do(file: Path) -> None:
    temporary = file.with_name(".a.yaml.swp")
    temporary.write_text("command: [sh]\n")
    file.rename(file.with_name("a.yaml~"))
    temporary.rename(file)


def move_here(folder: Path) -> None:
    (folder.parents[1] / "b.yaml").write_text("command: [sh]\n")
    (folder.parents[1] / "b.yaml").rename(folder / "b.yaml")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a new file": lambda folder: (folder / "b.yaml").write_text("command: [sh]\n"),
    "a file written again": lambda folder: (folder / "a.yaml").write_text("command: [ls]\n"),
    "a file replaced": lambda folder: replace_as_editors_do(folder / "a.yaml"),
    "a file removed": lambda folder: (folder / "a.yaml").unlink(),
    "a file moved away": lambda folder: (folder / "a.yaml").rename(folder.parents[1] / "a.yaml"),
    "a file moved here": lambda folder: move_here(folder),
    "a program that can be run now": lambda folder: (folder / "run").chmod(0o755),
    "a link": lambda folder: (folder / "l.yaml").symlink_to("a.yaml"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change(change: Callable[[Path], object], watched: Watched) -> None:
    watched.expect_call(lambda: change(watched.folder))


@pytest.mark.case("C16", "C17")
def test_changes_that_come_together_are_one_call(watched: Watched) -> None:
    def change() -> None:
        for number in range(50):
            (watched.folder / f"{number}.yaml").write_text("command: [sh]\n")

    watched.expect_call(change)
    assert watched.calls.count < 50


@pytest.mark.case("C16")
def test_a_folder_that_is_never_left_alone(watched: Watched) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.01):
            (watched.folder / "log").write_text("more")

    writer = threading.Thread(target=write)
    watched.expect_call(writer.start)
    stop.set()
    writer.join()


class Recording(FolderWatch):
    """Keeps the paths of the events that count."""

    def __init__(self, folder: Path, call: Callable[[], None]) -> None:
        super().__init__(folder, call)
        self.paths: set[str] = set()

    def _matters(self, path: str) -> bool:
        matters = super()._matters(path)
        if matters:
            self.paths.add(path)
        return matters


def test_reading_is_no_change(folder: Path) -> None:
    """Or a reload would cause the next one."""
    calls = Calls()
    watch = Recording(folder, calls)
    watch.start()
    try:
        for _ in range(3):
            load_workers(folder, kill_grace=0)
        (folder / "last").mkdir()  # events come in order
        calls.await_more_than(0)
    finally:
        watch.close()
    assert watch.paths == {str(folder / "last")}


def test_a_folder_that_is_removed_and_made_again(watched: Watched) -> None:
    watched.expect_call(lambda: shutil.rmtree(watched.folder))
    watched.expect_call(lambda: fill(watched.folder))
    watched.expect_call((watched.folder / "a.yaml").unlink)


def test_a_folder_that_is_replaced(watched: Watched) -> None:
    folder = watched.folder
    other = folder.with_name("other")
    fill(other)

    def swap() -> None:
        folder.rename(folder.with_name("former"))
        other.rename(folder)

    watched.expect_call(swap)
    watched.expect_call((folder / "a.yaml").unlink)


def test_a_folder_whose_parents_are_removed_and_made_again(watched: Watched) -> None:
    watched.expect_call(lambda: shutil.rmtree(watched.folder.parent))
    watched.expect_call(lambda: fill(watched.folder))
    watched.expect_call((watched.folder / "a.yaml").unlink)


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "one/two/workers.d")
    try:
        watched.expect_call(lambda: fill(watched.folder))
        watched.expect_call((watched.folder / "a.yaml").unlink)
    finally:
        watched.watch.close()


def test_a_link_to_a_folder(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(folder)
    other = tmp_path / "next/workers.d"
    fill(other)
    watched = Watched(link)

    def point_to_the_other() -> None:
        new = tmp_path / "new"
        new.symlink_to(other)
        new.rename(link)

    try:
        watched.expect_call((folder / "a.yaml").unlink)
        watched.expect_call(point_to_the_other)
        watched.expect_call((other / "a.yaml").unlink)
    finally:
        watched.watch.close()


def test_a_link_further_up(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        fill(tmp_path / version / "etc/workers.d")
    (tmp_path / "current").symlink_to("v1")
    watched = Watched(tmp_path / "current/etc/workers.d")

    def upgrade() -> None:
        (tmp_path / "new").symlink_to("v2")
        (tmp_path / "new").rename(tmp_path / "current")

    try:
        watched.expect_call(upgrade)
        watched.expect_call((tmp_path / "v2/etc/workers.d/a.yaml").unlink)
    finally:
        watched.watch.close()


def test_what_goes_on_beside_the_folder_is_no_change(folder: Path) -> None:
    calls = Calls()
    watch = Recording(folder, calls)
    watch.start()
    try:
        for number in range(20):
            (folder.parent / f"{number}.yaml").write_text("x")
        folder.rename(folder.with_name("former"))
        calls.await_more_than(0)
    finally:
        watch.close()
    assert watch.paths == {str(folder)}


def test_a_call_that_fails_is_not_the_last(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    calls = Calls()

    def call() -> None:
        calls()
        raise ZeroDivisionError

    watch = FolderWatch(folder, call)
    watch.start()
    try:
        (folder / "a.yaml").unlink()
        calls.await_more_than(0)
        (folder / "b.yaml").write_text("command: [sh]\n")
        calls.await_more_than(1)
    finally:
        watch.close()
    assert "unexpected error" in caplog.text


def test_close(folder: Path) -> None:
    calls = Calls()
    watch = FolderWatch(folder, calls)
    watch.close()  # never started
    watch = FolderWatch(folder, calls)
    watch.start()
    (folder / "a.yaml").unlink()
    watch.close()
    after = calls.count
    watch.close()
    (folder / "b.yaml").write_text("command: [sh]\n")
    assert calls.count == after <= 1


def test_a_system_without_inotify(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def observer() -> object:
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr("tasky.config.watch.Observer", observer)
    watch = FolderWatch(folder, Calls())
    watch.start()
    watch.close()
    assert "SIGHUP" in caplog.text
