from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tasky.errors import InvalidParams
from tasky.model.messages import LogMessage, ProgressMessage

from .support import Finished, definitions, run, run_on, start


def stats(content: bytes | str, tmp_path: Path, **params: Any) -> Finished:
    return run_on("csvstats", tmp_path / "data.csv", content, **params)


def test_columns(tmp_path: Path) -> None:
    output = stats("a,b,c\n1,x,\n2.5,,\n-4e1,3,\n", tmp_path).output
    assert output["rows"] == 3
    first, second, third = output["columns"]
    assert first.pop("mean") == pytest.approx(-36.5 / 3)
    assert first == {"name": "a", "filled": 3, "numbers": 3, "min": -40, "max": 2.5}
    assert second == {"name": "b", "filled": 2, "numbers": 1, "min": 3, "max": 3, "mean": 3}
    assert third == {"name": "c", "filled": 0, "numbers": 0}


def test_quotes_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    content = '\ufeffname,"say ""hi"", Größe"\r\n"two\r\nlines",""\r\n"",7'
    output = stats(content, tmp_path).output
    assert output["rows"] == 2
    assert [column["name"] for column in output["columns"]] == ["name", 'say "hi", Größe']
    assert [column["filled"] for column in output["columns"]] == [1, 1]
    assert output["columns"][1]["max"] == 7


def test_another_delimiter(tmp_path: Path) -> None:
    output = stats("a\tb\n1,5\t2\n", tmp_path, delimiter="\t").output
    assert [column["numbers"] for column in output["columns"]] == [0, 1]


@pytest.mark.parametrize("text", ["1e999", "Infinity", "NaN", "0x10", "", " ", "1 2", "--1"])
def test_what_is_no_number(text: str, tmp_path: Path) -> None:
    assert stats(f"a,b\n{text},1\n", tmp_path).output["columns"][0]["numbers"] == 0


def test_rows_of_other_lengths(tmp_path: Path) -> None:
    finished = stats("a,b\n1\n1,2,3\n1,2\n", tmp_path)
    assert [column["numbers"] for column in finished.output["columns"]] == [3, 2]
    (log,) = finished.all(LogMessage)
    assert (log.level, log.fields) == ("warning", {"rows": 2})


def test_characters_that_fall_between_two_reads(tmp_path: Path) -> None:
    line = '"ü,""😀""",1\n'
    output = stats("text,n\n" + line * 60_000, tmp_path).output
    assert output["rows"] == 60_000
    assert output["columns"][1]["numbers"] == 60_000


def test_progress(tmp_path: Path) -> None:
    finished = stats("a\n" + "1\n" * 800_000, tmp_path)
    assert finished.percents == sorted(set(finished.percents))
    assert len(finished.percents) > 5
    assert finished.percents[-1] == 100


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ('a\n"open', "a quoted field has no end"),
        ("," * 1000, "a row has over 1000 fields"),
        ("x" * (2 << 20), "a field has over 1048576 characters"),
    ],
)
def test_what_is_no_table(content: str, reason: str, tmp_path: Path) -> None:
    assert stats(content, tmp_path).error.endswith(reason)


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    assert stats(b"\xff\x00\n1\n", tmp_path).output["columns"][0]["name"] == "\ufffd\x00"


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device"])
def test_only_regular_files(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "path"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    error = run("csvstats", tmp_path / "work", file=str(path)).error
    assert str(path) in error
    assert ("no such file" in error) == (kind == "missing")


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", None])
def test_delimiters_that_are_refused(delimiter: object) -> None:
    with pytest.raises(InvalidParams):
        definitions()["csvstats"].parameters.check({"file": "/x", "delimiter": delimiter})


def test_ends_on_sigterm(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(b"1,2\n" * (16 << 20))
    worker = start("csvstats", tmp_path / "work", file=str(file))
    worker.wait_for(ProgressMessage)
    worker.terminate()
    assert worker.finish().status == -signal.SIGTERM
