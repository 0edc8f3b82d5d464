from __future__ import annotations

import os
import re
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasky.store import LogLine, LogReader, Stream
from tasky.store.log import RECORD
from tasky.store.log_writer import LogWriter, Segment
from tests.disks import Disk, fill_disk
from tests.store.parts import descriptors

BIG = 1 << 20
_GAP = re.compile(r"… lines (\d+) to (\d+) were dropped: the log is over its limit …")


class Line(NamedTuple):
    stream: Stream
    text: str


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


@contextmanager
def writing(folder: Path | str, max_log: int = BIG) -> Iterator[LogWriter]:
    writer = LogWriter(str(folder), max_log)
    try:
        yield writer
    finally:
        writer.close()


def write(
    folder: Path | str, *data: bytes, stream: Stream = Stream.STDOUT, limit: int = BIG
) -> None:
    """Each piece by a write of its own."""
    with writing(folder, limit) as writer:
        for number, piece in enumerate(data, 1):
            writer.write([Segment(stream, number, piece)])


def read(folder: Path | str) -> list[LogLine]:
    return list(LogReader(str(folder)).lines())


def texts(folder: Path | str) -> list[str]:
    return [line.text for line in read(folder)]


# Anything that can be written

segments = st.builds(
    Segment,
    st.sampled_from([Stream.STDOUT, Stream.STDERR, Stream.TASKY]),
    st.just(7),
    st.text("ab\n\r\0\xff\xc3\xa4", min_size=1, max_size=80).map(
        lambda text: text.encode("latin-1")
    ),
)
turns = st.lists(st.lists(segments, min_size=1, max_size=5), max_size=12)


def lines_of(written: list[list[Segment]]) -> list[Line]:
    return [
        Line(segment.stream, line.decode("utf-8", "backslashreplace"))
        for turn in written
        for segment in turn
        for line in segment.data.removesuffix(b"\n").split(b"\n")
    ]


def write_all(folder: str, written: list[list[Segment]], limit: int, reopen: list[bool]) -> None:
    """`reopen` tells behind which turns the writer is another one, as after a restart, or closed for a while."""
    writer = LogWriter(folder, limit)
    for number, turn in enumerate(written):
        writer.write(turn)
        if reopen[number % len(reopen)]:
            writer.close()
            if number % 2:
                writer = LogWriter(folder, limit)
    writer.close()


@given(turns, st.lists(st.booleans(), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(written: list[list[Segment]], reopen: list[bool]) -> None:
    expected = lines_of(written)
    with tempfile.TemporaryDirectory() as folder:
        write_all(folder, written, BIG, reopen)
        found = read(folder)
        assert [Line(line.stream, line.text) for line in found] == expected
        assert [line.n for line in found] == list(range(1, len(expected) + 1))
        assert LogReader(folder).last() == len(expected)


@given(turns, st.integers(200, 3000), st.lists(st.booleans(), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_of_what_is_too_much_the_middle_is_dropped(
    written: list[list[Segment]], limit: int, reopen: list[bool]
) -> None:
    expected = lines_of(written)
    with tempfile.TemporaryDirectory() as folder:
        write_all(folder, written, limit, reopen)
        found = read(folder)
        assert LogReader(folder).last() == len(expected)
    numbered: dict[int, Line] = {}
    for line in found:
        if line.stream is Stream.TASKY and (gap := _GAP.fullmatch(line.text)):
            first, last = int(gap[1]), int(gap[2])
            assert line.n == last
            numbered |= dict.fromkeys(range(first, last + 1), Line(Stream.TASKY, "dropped"))
        else:
            numbered[line.n] = Line(line.stream, line.text)
    assert list(numbered) == list(range(1, len(expected) + 1))
    kept = {n: line for n, line in numbered.items() if line.text != "dropped"}
    assert kept == {n: expected[n - 1] for n in kept}
    if expected:  # the beginning and the end are always there
        assert 1 in kept
        assert len(expected) in kept


@given(turns, st.integers(200, 3000), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=50, deadline=None)
def test_after_tail_and_limit(
    written: list[list[Segment]], max_log: int, some: int, many: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_all(folder, written, max_log, [False])
        reader = LogReader(folder)
        everything = list(reader.lines())
        last = reader.last()
        assert list(reader.lines(after=some)) == [line for line in everything if line.n > some]
        tail = [line for line in everything if line.n > last - some]
        assert list(reader.lines(tail=some)) == tail
        assert len(tail) <= some
        assert list(reader.lines(limit=some)) == everything[:some]
        assert list(reader.lines(after=some, tail=many)) == [
            line for line in everything if line.n > max(some, last - many)
        ]
        assert (
            list(reader.lines(after=some, limit=many))
            == [line for line in everything if line.n > some][:many]
        )


@given(
    turns.filter(bool),
    st.integers(0, 400),
    st.integers(0, 400),
    st.sampled_from([b"", b"\0", b"\0" * RECORD.size * 3, b"x" * (RECORD.size - 1)]),
)
@settings(max_examples=50, deadline=None)
def test_a_power_loss(
    written: list[list[Segment]], index_lost: int, data_lost: int, garbage: bytes
) -> None:
    """It may take an end of either file, or leave zeros in its place. What has its record and its data is kept, and
    the log goes on."""
    expected = lines_of(written)
    with tempfile.TemporaryDirectory() as folder:
        write_all(folder, written, BIG, [False])
        index, data = Path(folder, "log.index"), Path(folder, "log")
        os.truncate(index, max(0, index.stat().st_size - index_lost))
        with index.open("ab") as file:
            file.write(garbage)
        os.truncate(data, max(0, data.stat().st_size - data_lost))
        reader = LogReader(folder)
        last = reader.last()
        found = list(reader.lines())
        assert {line.n for line in found} <= set(range(1, last + 1))
        if not data_lost:
            assert [Line(line.stream, line.text) for line in found] == expected[:last]
        reader.stdout(100)
        write(folder, b"behind\n")
        (behind,) = reader.lines(after=last)
        assert (behind.n, behind.text) == (last + 1, "behind")
        assert [line for line in reader.lines() if line.n <= last][: len(found)] == found


# Reading while it is written


@pytest.mark.parametrize("limit", [BIG, 4000], ids=["whole", "rotated"])
def test_a_log_is_read_while_it_grows(tmp_path: Path, limit: int) -> None:
    count = 3000

    def grow() -> None:
        with writing(tmp_path, limit) as writer:
            for n in range(1, count, 3):
                data = b"".join(b"line %d\n" % number for number in range(n, n + 3))
                writer.write([Segment(Stream.STDOUT, n, data)])

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        reader, seen = LogReader(str(tmp_path)), 0
        while seen < count:
            for line in reader.lines(after=seen):
                if gap := _GAP.fullmatch(line.text):
                    assert int(gap[1]) <= seen + 1 <= line.n == int(gap[2])
                else:
                    assert line.n == seen + 1
                    assert line.text == f"line {line.n}"
                seen = line.n
            if not thread.is_alive() and seen < count:
                assert reader.last() == count
    finally:
        thread.join()


# Particular cases


def test_there_is_no_log(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        reader = LogReader(str(folder))
        assert reader.last() == 0
        assert list(reader.lines()) == []
        assert reader.stdout(10) == (b"", False)


def test_a_writer_that_writes_nothing_makes_no_file(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        writer.write([])
    assert list(tmp_path.iterdir()) == []


def test_its_files_are_plain(tmp_path: Path) -> None:
    write(tmp_path, b"one\n", b"two\xff\n", b"three")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\xff\nthree\n"
    assert {path.name for path in tmp_path.iterdir()} == {"log", "log.index"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_neighbours_of_one_stream_are_one_record(tmp_path: Path) -> None:
    out, err = Stream.STDOUT, Stream.STDERR
    with writing(tmp_path) as writer:
        writer.write([Segment(s, t, b"x\n") for t, s in enumerate([out, out, err, err, err, out])])
    assert (tmp_path / "log.index").stat().st_size == 3 * RECORD.size
    assert [line.time for line in read(tmp_path)] == [0, 0, 2, 2, 2, 5]


def test_a_log_message(tmp_path: Path) -> None:
    write(
        tmp_path,
        b'{"level":"warning","message":"m","size":1}\n',
        b'{"level":"warning"}\n',
        b"[1]\n",
        b"not JSON\n",
        stream=Stream.LOG,
    )
    first, *others = read(tmp_path)
    assert (first.text, first.level, first.fields) == ("m", "warning", {"size": 1})
    assert [line.text for line in others] == ['{"level":"warning"}', "[1]", "not JSON"]
    assert all(line.level is None for line in others)


def test_a_line_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    long = b"a" * 200_000 + b"b" * 200_000
    write(tmp_path, b"before\n" + long + b"\nbehind\n", b"more\n")
    assert texts(tmp_path) == ["before", long.decode(), "behind", "more"]


def test_many_records_are_searched(tmp_path: Path) -> None:
    write(tmp_path, *(b"%d\n" % n for n in range(1, 1001)))
    reader = LogReader(str(tmp_path))
    assert [line.text for line in reader.lines(after=997)] == ["998", "999", "1000"]
    assert [line.text for line in reader.lines(tail=2)] == ["999", "1000"]
    assert [line.n for line in reader.lines(after=255, limit=3)] == [256, 257, 258]
    assert list(reader.lines(after=1000)) == []


def test_the_size_stays_within_the_limit(tmp_path: Path) -> None:
    limit = 64 << 10
    with writing(tmp_path, limit) as writer:
        for n in range(3000):
            writer.write([Segment(Stream.STDOUT, n, b"%d " % n + b"x" * 100 + b"\n")])
            if n % 50 == 0:
                assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= limit
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) > limit // 2
    assert len(list(tmp_path.iterdir())) == 6


def test_an_old_tail_that_a_crash_left_is_dropped(tmp_path: Path) -> None:
    with writing(tmp_path, 2000) as writer:
        for n in range(60):
            writer.write([Segment(Stream.STDOUT, n, b"x" * 60 + b"\n")])
    (tmp_path / "log.1").write_bytes(b"")
    (tmp_path / "log.1.index").write_bytes(b"")
    with writing(tmp_path, 2000) as writer:
        for n in range(60):
            writer.write([Segment(Stream.STDOUT, n, b"x" * 60 + b"\n")])
    assert not (tmp_path / "log.1.index").exists()
    assert not (tmp_path / "log.1").exists()


def test_an_index_that_counts_too_much_harms_no_reader(tmp_path: Path) -> None:
    """Its last record is for data that a power loss took."""
    write(tmp_path, b"one\n")
    with (tmp_path / "log.index").open("ab") as file:
        file.write(struct.pack("<QQqQIB3x", 2, 4, 9, 10, 2, 0))
    assert texts(tmp_path) == ["one"]
    assert LogReader(str(tmp_path)).last() == 3
    write(tmp_path, b"four\n")
    assert read(tmp_path)[-1].n == 4


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kept\n")
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "log").symlink_to(secret)
    with writing(folder) as writer, pytest.raises(OSError, match="symbolic links"):
        writer.write([Segment(Stream.STDOUT, 1, b"x\n")])
    (folder / "log.index").write_bytes(b"\0" * RECORD.size)
    with pytest.raises(OSError, match="symbolic links"):
        read(folder)
    assert secret.read_text() == "kept\n"


def test_a_fifo_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    os.mkfifo(tmp_path / "log.index")
    assert read(tmp_path) == []
    with writing(tmp_path) as writer, pytest.raises(OSError, match=r"seek|argument"):
        writer.write([Segment(Stream.STDOUT, 1, b"x\n")])


# The output


def test_stdout_is_the_text_of_one_stream(tmp_path: Path) -> None:
    write(tmp_path, b"a\n", b"b\n")
    write(tmp_path, b"not this\n", stream=Stream.STDERR)
    write(tmp_path, b"c\n")
    reader = LogReader(str(tmp_path))
    assert reader.stdout(100) == (b"a\nb\nc\n", False)
    assert reader.stdout(6) == (b"a\nb\nc\n", False)
    assert reader.stdout(5) == (b"a\nb\nc", True)
    assert reader.stdout(2) == (b"a\n", True)


def test_stdout_ends_where_the_log_has_a_gap(tmp_path: Path) -> None:
    write(tmp_path, *(b"%04d\n" % n for n in range(500)), limit=4000)
    data, truncated = LogReader(str(tmp_path)).stdout(1 << 20)
    assert truncated
    assert data.startswith(b"0000\n0001\n")
    lines = data.split()
    assert lines == [b"%04d" % n for n in range(len(lines))]
    assert len(lines) < 500


# A full disk


def test_a_full_disk_loses_lines_and_says_so_later(disk: Disk) -> None:
    folder = disk(256 << 10)
    with writing(folder) as writer:
        writer.write([Segment(Stream.STDOUT, 1, b"before\n")])
        filler = fill_disk(folder)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                writer.write([Segment(Stream.STDOUT, 2, (b"x" * 99 + b"\n") * 100)])
        assert (writer.lost, writer.complete) == (200, False)
        assert texts(folder) == ["before"]
        filler.unlink()
        writer.write([Segment(Stream.STDOUT, 3, b"behind\n")])
        assert (writer.lost, writer.complete) == (0, False)
    lines = read(folder)
    assert [line.n for line in lines] == [1, 2, 3]
    assert lines[1].stream is Stream.TASKY
    assert [line.text for line in lines] == [
        "before",
        "… lines that could not be written were lost: 200 …",
        "behind",
    ]


def test_a_loss_is_told_at_the_end_at_the_latest(disk: Disk) -> None:
    folder = disk(64 << 10)
    with writing(folder) as writer:
        filler = fill_disk(folder)
        with pytest.raises(OSError, match="No space"):
            writer.write([Segment(Stream.STDOUT, 2, b"x\n")])
        filler.unlink()
    assert texts(folder) == ["… lines that could not be written were lost: 1 …"]
    with writing(folder) as writer:  # where even that is not possible, nothing happens
        fill_disk(folder)
        with pytest.raises(OSError, match="No space"):
            writer.write([Segment(Stream.STDOUT, 2, b"x" * 100_000)])
