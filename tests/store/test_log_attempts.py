"""A log of several attempts: whose lines are whose, and what is kept of each."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasky.store import LogReader, Stream
from tasky.store.folders import Folders
from tasky.store.log import RECORD
from tasky.store.log_writer import LogWriter, Segment
from tasky.store.logs import Logs
from tests.store.parts import IDS

LIMIT = 64 << 10


def write(folder: Path, attempt: int, *lines: str, limit: int = LIMIT) -> None:
    """All that an attempt writes, each line as a segment of its own time."""
    with contextlib.closing(LogWriter(str(folder), limit, attempt)) as writer:
        for time, line in enumerate(lines):
            writer.write([Segment(Stream.STDOUT, time, f"{line}\n".encode())])


def flood(folder: Path, attempt: int, count: int = 3000) -> list[str]:
    """More than the limit."""
    lines = [f"attempt {attempt} line {number} {'x' * 80}" for number in range(count)]
    write(folder, attempt, *lines)
    return lines


def texts(folder: Path, attempt: int | None = None) -> list[str]:
    reader = LogReader(str(folder))
    first, last = (0, reader.last()) if attempt is None else reader.span(attempt)
    return [line.text for line in reader.lines(after=first) if line.n <= last]


def attempts(folder: Path) -> list[int]:
    return [line.attempt for line in LogReader(str(folder)).lines()]


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_each_line_knows_its_attempt(tmp_path: Path) -> None:
    write(tmp_path, 1, "a", "b")
    write(tmp_path, 2, "c")
    write(tmp_path, 4, "d", "e")
    assert texts(tmp_path) == ["a", "b", "c", "d", "e"]
    assert attempts(tmp_path) == [1, 1, 2, 4, 4]
    found = {attempt: texts(tmp_path, attempt) for attempt in range(7)}
    assert found == {0: [], 1: ["a", "b"], 2: ["c"], 3: [], 4: ["d", "e"], 5: [], 6: []}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.index"], "one part"


def test_no_log_has_no_attempt(tmp_path: Path) -> None:
    assert LogReader(str(tmp_path)).span(1) == (0, 0)


def test_a_log_of_a_server_before_there_was_retry(tmp_path: Path) -> None:
    write(tmp_path, 1, "old", "older")
    index = tmp_path / "log.index"
    data = bytearray(index.read_bytes())
    for end in range(RECORD.size, len(data) + 1, RECORD.size):
        data[end - 3 : end] = b"\0\0\0"  # where there is now the attempt
    index.write_bytes(data)
    write(tmp_path, 2, "new")
    assert attempts(tmp_path) == [1, 1, 2]
    assert texts(tmp_path, 1) == ["old", "older"]


def test_a_flood_leaves_the_next_attempt_its_room(tmp_path: Path) -> None:
    first = flood(tmp_path, 1)
    kept = texts(tmp_path)
    write(tmp_path, 2, "short")
    assert texts(tmp_path, 1) == kept, "what was kept of it is kept still"
    assert kept[0] == first[0]
    assert kept[-1] == first[-1]
    assert texts(tmp_path, 2) == ["short"]


def test_a_second_flood_is_kept_as_if_it_were_the_first(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    flood(tmp_path / "alone", 2)
    both = tmp_path / "both"
    both.mkdir()
    flood(both, 1)
    second = flood(both, 2)
    kept = [text for text in texts(both, 2) if "dropped" not in text]
    assert kept == [text for text in texts(tmp_path / "alone") if "dropped" not in text]
    assert (kept[0], kept[-1]) == (second[0], second[-1])
    assert size(both) <= 2 * LIMIT


def test_of_all_that_came_before_as_much_is_kept_again_the_newest(tmp_path: Path) -> None:
    write(tmp_path, 1, "the very first")
    for attempt in range(2, 6):
        lines = flood(tmp_path, attempt)
        assert size(tmp_path) <= 2 * LIMIT + LIMIT // 8
    assert texts(tmp_path, 5)[-1] == lines[-1]
    assert texts(tmp_path, 4)[-1].startswith("attempt 4 line 2999 ")
    dropped = texts(tmp_path)[0]
    assert dropped.startswith("… lines 1 to "), "what is gone is told"
    assert texts(tmp_path, 2)[-1] == dropped
    write(tmp_path, 6, "the last")
    assert texts(tmp_path, 6) == ["the last"]


def test_small_attempts_after_a_flood(tmp_path: Path) -> None:
    flood(tmp_path, 1)
    for attempt in range(2, 101):
        write(tmp_path, attempt, f"attempt {attempt}")
    assert [texts(tmp_path, attempt) for attempt in range(2, 101)] == [
        [f"attempt {attempt}"] for attempt in range(2, 101)
    ]
    assert len(list(tmp_path.iterdir())) < 12


def test_an_attempt_goes_on_after_its_files_were_closed(tmp_path: Path) -> None:
    """As the log of one of many tasks is; or when the next server adds its remark."""
    write(tmp_path, 1, "x" * 10_000)
    writer = LogWriter(str(tmp_path), LIMIT, 2)
    for number in range(3000):
        writer.write([Segment(Stream.STDOUT, 1, f"{number} {'x' * 80}\n".encode())])
        if number % 500 == 0:
            writer.close()
    writer.close()
    write(tmp_path, 2, "of the next server")
    kept = texts(tmp_path, 2)
    assert kept[0].startswith("0 ")
    assert kept[-1] == "of the next server"
    assert texts(tmp_path, 1) == ["x" * 10_000]


@pytest.mark.parametrize("before", ["a", "x" * 10_000])
def test_stdout_is_that_of_the_attempt(tmp_path: Path, before: str) -> None:
    write(tmp_path, 1, before)
    write(tmp_path, 2, "b", "c")
    assert LogReader(str(tmp_path)).stdout(100, 2) == (b"b\nc\n", False)
    assert LogReader(str(tmp_path)).stdout(3, 2) == (b"b\nc", True)
    assert LogReader(str(tmp_path)).stdout(100, 3) == (b"", False)


def test_stdout_of_an_attempt_after_floods(tmp_path: Path) -> None:
    for attempt in (1, 2, 3):
        flood(tmp_path, attempt)
    write(tmp_path, 4, "all")
    assert LogReader(str(tmp_path)).stdout(100, 4) == (b"all\n", False)
    last = flood(tmp_path, 5)
    data, truncated = LogReader(str(tmp_path)).stdout(1 << 20, 5)
    assert truncated
    assert data.startswith(last[0].encode())


def test_a_loss_that_could_not_be_told_is_told_by_the_next_attempt(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    room = [True]
    logs = Logs(folders, LIMIT, lambda: room[0])
    task_id = IDS.new()
    folder = Path(folders.name(task_id))
    logs.write(task_id, [Segment(Stream.STDOUT, 1, b"before\n")], 1)
    room[0] = False
    logs.write(task_id, [Segment(Stream.STDOUT, 2, b"lost\n")], 1)
    writer = logs._writers[task_id]
    writer.write, real = _fail, writer.write  # type: ignore[method-assign]
    logs.finish(task_id)
    writer.write = real  # type: ignore[method-assign]
    assert logs.owing
    room[0] = True
    logs.write(task_id, [Segment(Stream.STDOUT, 3, b"behind\n")], 2)
    assert not logs.owing
    logs.pay()
    logs.close()
    assert texts(folder, 1) == ["before"]
    loss, behind = texts(folder, 2)
    assert "were lost: 1" in loss
    assert behind == "behind"


def _fail(_: object) -> None:
    raise OSError(28, "No space left on device")


@settings(max_examples=25)
@given(
    written=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 40), st.booleans()), min_size=1, max_size=12
    )
)
def test_the_spans_cover_the_log(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, int, bool]]
) -> None:
    """Each line that is kept is in the span of its attempt and of no other."""
    folder = tmp_path_factory.mktemp("log")
    attempt = 1
    for step, count, long in written:
        attempt += step
        pad = "x" * (400 if long else 1)
        write(
            folder, attempt, *(f"{attempt} {number} {pad}" for number in range(count)), limit=8192
        )
    reader = LogReader(str(folder))
    spans = {number: reader.span(number) for number in range(1, attempt + 2)}
    for line in reader.lines():
        if line.stream is Stream.STDOUT:
            assert line.text.startswith(f"{line.attempt} ")
            inside = [number for number, (first, last) in spans.items() if first < line.n <= last]
            assert inside == [line.attempt]
