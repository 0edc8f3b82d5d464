from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasky.model.states import State
from tasky.store import Remains, Scribe, Stream
from tasky.store.folders import Folders
from tasky.store.log import RECORD, LogReader
from tasky.store.log_writer import Segment
from tasky.store.logs import Logs
from tests.disks import Disk, fill_disk
from tests.helpers import PATIENCE, wait_for
from tests.store.parts import IDS, MAX_LOG, descriptors, finish, held_scribe


@dataclass(frozen=True)
class Announced:
    path: str
    name: str | None = None
    media_type: str | None = None


@pytest.fixture
def task_id(folders: Folders) -> str:
    """That of a task with its work folder."""
    task_id = IDS.new()
    folders.create(task_id)
    return task_id


def log_of(folders: Folders, task_id: str) -> list[tuple[str, str]]:
    return [(line.stream, line.text) for line in LogReader(folders.name(task_id)).lines()]


def there(folders: Folders, task_id: str) -> list[str]:
    """Which of the task's two folders are there."""
    return [path for path in (folders.work(task_id), folders.name(task_id)) if Path(path).exists()]


def blocked(folders: Folders) -> str:
    """The id of a task for which nothing can be kept."""
    task_id = IDS.new()
    folder = Path(folders.name(task_id))
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    return task_id


def settle(scribe: Scribe) -> None:
    """Until all that was given before is done: also the turn's writing, which comes after its other jobs."""
    came = threading.Event()
    with held_scribe(scribe):
        scribe.finish(IDS.new(), want_output=False, done=lambda _: came.set())
    assert came.wait(PATIENCE)


# Logs


def test_lines_come_into_the_log_in_their_order(
    scribe: Scribe, folders: Folders, task_id: str
) -> None:
    for n in range(1000):
        scribe.append(task_id, Stream.STDOUT, n, b"%d\n" % n)
    scribe.append(task_id, Stream.STDERR, 1, b"the end\n")
    settle(scribe)
    expected = [("stdout", str(n)) for n in range(1000)]
    assert log_of(folders, task_id) == [*expected, ("stderr", "the end")]


def test_what_comes_in_one_turn_is_written_at_once(
    scribe: Scribe, folders: Folders, task_id: str
) -> None:
    other = IDS.new()
    with held_scribe(scribe):
        for n in range(100):
            scribe.append(task_id, Stream.STDOUT, n, b"%d\n" % n)
            scribe.append(other, Stream.STDERR, n, b"%d\n" % n)
    settle(scribe)
    for id_ in (task_id, other):
        index = Path(folders.name(id_), "log.index")
        assert index.stat().st_size == RECORD.size
        assert len(log_of(folders, id_)) == 100


def test_every_byte_is_given_back(scribe: Scribe, folders: Folders, task_id: str) -> None:
    """Also where the log cannot be written."""
    back: list[int] = []
    for id_ in (task_id, blocked(folders)):
        for size in (1, 10, 100_000):
            scribe.append(id_, Stream.STDOUT, 1, b"x" * size, back.append)
    settle(scribe)
    assert back == [1, 10, 100_000] * 2


def test_a_log_that_cannot_be_written_is_told_once(
    scribe: Scribe, folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    task_id = blocked(folders)
    for _ in range(5):
        scribe.append(task_id, Stream.STDOUT, 1, b"x\n")
        settle(scribe)
    assert caplog.text.count("lines of its log are lost") == 1
    assert task_id in caplog.text


def test_only_some_logs_are_open(folders: Folders) -> None:
    before = len(descriptors())
    logs = Logs(folders, MAX_LOG, most=3)
    ids = [IDS.new() for _ in range(10)]
    for n in range(5):
        for id_ in ids:
            logs.write(id_, [Segment(Stream.STDOUT, n, b"%d\n" % n)])
            assert len(descriptors()) - before <= 2 * 3
    assert all(logs.finish(id_) is not None for id_ in ids[:5])
    logs.close()
    assert len(descriptors()) == before
    for id_ in ids:
        assert log_of(folders, id_) == [("stdout", str(n)) for n in range(5)]


def test_a_full_disk_takes_lines_and_nothing_else(disk: Disk) -> None:
    state = disk(4 << 20)
    scribe = Scribe(Folders(state), MAX_LOG, lambda _: State.RUNNING)
    scribe.start()
    folders = Folders(state)
    task_id = IDS.new()
    Path(folders.create(task_id), "out").write_text("kept")
    filler = fill_disk(state)
    scribe.append(task_id, Stream.STDOUT, 1, (b"x" * 99 + b"\n") * 1000)
    settle(scribe)
    filler.unlink()
    scribe.append(task_id, Stream.STDOUT, 2, b"behind\n")
    remains = finish(scribe, task_id, want_output=True, artifacts=[Announced("out")])
    scribe.close()
    assert [artifact.path for artifact in remains.artifacts] == ["out"]
    assert (remains.output, remains.truncated) == ("behind", True)
    loss, behind = log_of(folders, task_id)
    assert loss == ("tasky", "… lines that could not be written were lost: 1000 …")
    assert behind == ("stdout", "behind")


# The end of a task


@pytest.mark.parametrize(
    ("written", "output"),
    [
        (b"hi\n", "hi"),
        (b"hi", "hi"),
        (b"\n", ""),
        (b"a\n\n", "a\n"),
        (b"  a\r\n", "  a\r"),
        (b"\xff\xc3\xa4\n", "\\xffä"),
        (b"\0\x1b[0m\n", "\0\x1b[0m"),
    ],
)
def test_output(scribe: Scribe, task_id: str, written: bytes, output: str) -> None:
    scribe.append(task_id, Stream.STDOUT, 1, written)
    scribe.append(task_id, Stream.STDERR, 1, b"not this\n")
    remains = finish(scribe, task_id, want_output=True)
    assert remains == Remains(output=output)


def test_output_of_several_pieces(scribe: Scribe, task_id: str) -> None:
    for piece in (b"a\n", b"b\n"):
        scribe.append(task_id, Stream.STDOUT, 1, piece)
        settle(scribe)
    assert finish(scribe, task_id, want_output=True).output == "a\nb"


def test_no_output(scribe: Scribe, task_id: str) -> None:
    scribe.append(task_id, Stream.STDERR, 1, b"not this\n")
    assert finish(scribe, task_id, want_output=True) == Remains()


def test_output_that_nobody_wants(scribe: Scribe, task_id: str) -> None:
    scribe.append(task_id, Stream.STDOUT, 1, b"hi\n")
    assert finish(scribe, task_id) == Remains()


def test_much_output(scribe: Scribe, task_id: str) -> None:
    for _ in range(20):
        scribe.append(task_id, Stream.STDOUT, 1, b"x" * 60_000 + b"\n")
    remains = finish(scribe, task_id, want_output=True)
    assert remains.output is not None
    assert remains.truncated
    whole = b"".join(b"x" * 60_000 + b"\n" for _ in range(20)).decode()
    assert whole.startswith(remains.output)
    assert len(remains.output) > MAX_LOG // 3  # of which the log keeps half in its head


def test_output_over_its_own_limit(folders: Folders, task_id: str) -> None:
    scribe = Scribe(folders, 64 << 20, lambda _: State.RUNNING)
    scribe.start()
    for _ in range(20):
        scribe.append(task_id, Stream.STDOUT, 1, b"x" * 59_999 + b"\n")
    remains = finish(scribe, task_id, want_output=True)
    scribe.close()
    assert remains.output is not None
    assert (len(remains.output), remains.truncated) == (1 << 20, True)


def test_an_empty_work_folder_leaves_nothing(
    scribe: Scribe, folders: Folders, task_id: str
) -> None:
    assert finish(scribe, task_id, want_output=True) == Remains()
    assert there(folders, task_id) == []
    assert [*folders.shards(), *folders.trash.iterdir()] == []


def test_a_full_work_folder_is_gone_at_once_and_its_files_soon(
    scribe: Scribe, folders: Folders, task_id: str
) -> None:
    work = Path(folders.work(task_id))
    (work / "sub").mkdir()
    (work / "sub" / "file").write_text("x")
    finish(scribe, task_id)
    assert not work.exists()
    wait_for(lambda: not any(folders.trash.iterdir()), "the trash is swept")


def test_artifacts_alone_are_kept(scribe: Scribe, folders: Folders, task_id: str) -> None:
    (Path(folders.work(task_id)) / "out").write_text("x")
    (kept,) = finish(
        scribe, task_id, artifacts=[Announced(f"{folders.work(task_id)}/out")]
    ).artifacts
    assert kept.path == "out"
    assert there(folders, task_id) == [folders.name(task_id)]
    assert [path.name for path in Path(folders.name(task_id)).iterdir()] == ["files"]


def test_no_artifact_can_be_kept(scribe: Scribe, folders: Folders) -> None:
    task_id = blocked(folders)
    Path(folders.create(task_id), "out").write_text("x")
    assert finish(scribe, task_id, artifacts=[Announced("out")]) == Remains()
    assert not Path(folders.work(task_id)).exists()


def test_the_log_stays(scribe: Scribe, folders: Folders, task_id: str) -> None:
    scribe.append(task_id, Stream.STDOUT, 1, b"hi\n")
    finish(scribe, task_id)
    folder = Path(folders.name(task_id))
    assert {path.name for path in folder.iterdir()} == {"log", "log.index"}


def test_a_log_of_before_stays(scribe: Scribe, folders: Folders, task_id: str) -> None:
    """After a crash, a task is finished whose log this server has not written."""
    folder = Path(folders.name(task_id))
    folder.mkdir(parents=True)
    (folder / "log").write_text("x\n")
    finish(scribe, task_id)
    assert {path.name for path in folder.iterdir()} == {"log"}


def test_a_task_without_folders_is_finished(scribe: Scribe) -> None:
    assert finish(scribe, IDS.new(), want_output=True) == Remains()


def test_a_work_folder_that_is_a_link(
    scribe: Scribe, folders: Folders, task_id: str, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    work = Path(folders.work(task_id))
    work.rmdir()
    work.symlink_to(precious)
    remains = finish(scribe, task_id, artifacts=[Announced("file")])
    assert remains == Remains()
    assert not work.is_symlink()
    wait_for(lambda: not any(folders.trash.iterdir()), "the trash is swept")
    assert (precious / "file").read_text() == "kept"
    assert not Path(folders.name(task_id), "files", "file").exists()


def test_artifacts(scribe: Scribe, folders: Folders, task_id: str) -> None:
    work = Path(folders.work(task_id))
    (work / "out.csv").write_text("a,b")
    scribe.append(task_id, Stream.STDOUT, 1, b"hi\n")
    remains = finish(
        scribe, task_id, artifacts=[Announced("out.csv"), Announced("../log"), Announced("no")]
    )
    (kept,) = remains.artifacts
    assert (kept.path, kept.name, kept.media_type, kept.size) == (
        "out.csv",
        "out.csv",
        "text/csv",
        3,
    )
    assert (folders.files(task_id) / "out.csv").read_text() == "a,b"
    assert log_of(folders, task_id) == [
        ("stdout", "hi"),
        ("tasky", "artifact '../log' was refused: it is outside of the task's work folder"),
        ("tasky", "artifact 'no' could not be kept: No such file or directory"),
    ]


def test_done_is_called_whatever_happens(scribe: Scribe, caplog: pytest.LogCaptureFixture) -> None:
    came = threading.Event()
    scribe.finish("no id", want_output=True, done=lambda remains: came.set())
    assert came.wait(PATIENCE)
    settle(scribe)
    assert "unexpected error" in caplog.text


def test_a_callback_that_fails_harms_nobody(
    scribe: Scribe, folders: Folders, task_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    scribe.append(task_id, Stream.STDOUT, 1, b"a\n", fail)
    scribe.finish(IDS.new(), want_output=False, done=fail)
    scribe.append(task_id, Stream.STDOUT, 1, b"b\n")
    settle(scribe)
    assert log_of(folders, task_id) == [("stdout", "a"), ("stdout", "b")]
    assert "ZeroDivisionError" in caplog.text


def test_what_is_deleted_is_gone(scribe: Scribe, folders: Folders, task_id: str) -> None:
    """The work folder too, which a crash may have left."""
    other = IDS.new()
    folders.create(other)
    scribe.append(task_id, Stream.STDOUT, 1, b"hi\n")
    scribe.discard([task_id, IDS.new(), other])
    settle(scribe)
    assert there(folders, task_id) == there(folders, other) == []
    wait_for(lambda: not any(folders.trash.iterdir()), "the trash is swept")


_COUNTS = """
import json, sys
from pathlib import Path
from tasky.model.states import State
from tasky.store import Scribe, TaskIds
from tasky.store.folders import Folders

folders, task_id, calls = Folders(Path(sys.argv[1])), TaskIds().new(), []

def hook(event, arguments):
    if arguments and task_id in str(arguments[0]):
        calls.append(event)

scribe = Scribe(folders, 1 << 20, lambda _: State.RUNNING)
scribe.start()
sys.addaudithook(hook)
folders.create(task_id)
scribe.finish(task_id, want_output=True, done=lambda _: None)
scribe.close()
print(json.dumps(calls))
"""


def test_a_task_without_log_and_artifacts_costs_almost_nothing(tmp_path: Path) -> None:
    """One call to make its work folder, one to remove it."""
    out = subprocess.check_output([sys.executable, "-c", _COUNTS, tmp_path])
    assert json.loads(out) == ["os.mkdir", "os.rmdir"]
    assert [*(tmp_path / "tasks").iterdir(), *(tmp_path / "trash").iterdir()] == []


# The end of the scribe


def test_close_carries_out_what_was_given(folders: Folders, task_id: str) -> None:
    before = descriptors()
    scribe = Scribe(folders, MAX_LOG, lambda _: State.RUNNING)
    scribe.start()
    with held_scribe(scribe):
        for n in range(1000):
            scribe.append(task_id, Stream.STDOUT, n, b"%d\n" % n)
        closing = threading.Thread(target=scribe.close)
        closing.start()
    closing.join(PATIENCE)
    assert len(log_of(folders, task_id)) == 1000
    assert descriptors() == before


def test_what_comes_too_late_is_answered(scribe: Scribe, task_id: str) -> None:
    scribe.close()
    back: list[int] = []
    remains: list[Remains] = []
    scribe.append(task_id, Stream.STDOUT, 1, b"late\n", back.append)
    scribe.append(task_id, Stream.STDOUT, 1, b"late\n")
    scribe.finish(task_id, want_output=True, done=remains.append)
    scribe.discard([task_id])
    assert (back, remains) == ([5], [Remains()])


def test_a_scribe_that_never_started_can_be_closed(folders: Folders) -> None:
    before = descriptors()
    Scribe(folders, MAX_LOG, lambda _: State.RUNNING).close()
    assert descriptors() == before


def test_the_trash_is_swept_even_where_there_is_no_quiet_moment(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasky.store.scribe._BACKLOG", 10)
    scribe = Scribe(folders, MAX_LOG, lambda _: State.RUNNING)
    for _ in range(100):
        task_id = IDS.new()
        Path(folders.create(task_id), "file").write_text("x")
        scribe.discard([task_id])
    left: list[int] = []

    def look(_: int) -> None:
        left.append(len(list(folders.trash.iterdir())))

    for _ in range(1000):
        scribe.append(IDS.new(), Stream.STDOUT, 1, b"", look)
    scribe.start()
    scribe.close()
    assert left[-1] <= 10
