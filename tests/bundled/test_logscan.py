from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tasky.model.messages import ProgressMessage, ResultMessage

from .support import Finished, run, run_on, start


def scan(content: bytes | str, tmp_path: Path, **params: Any) -> Finished:
    return run_on("logscan", tmp_path / "some.log", content, **params)


def test_counts_levels(tmp_path: Path) -> None:
    assert scan("ERROR a\nINFO b\n\nERROR c\nnone", tmp_path).output == {
        "lines": 5,
        "matched": 3,
        "counts": [{"text": "ERROR", "count": 2}, {"text": "INFO", "count": 1}],
        "complete": True,
    }


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("user=(\\w+)", ["ann", "zoë"]),
        ("user=\\w+", ["user=ann", "user=zoë"]),
        ("user=a(x)?nn", ["user=ann"]),
        ("(z..)$", ["zoë"]),
    ],
)
def test_counts_by_the_first_group(pattern: str, texts: list[str], tmp_path: Path) -> None:
    output = scan("user=zoë\nuser=ann\n", tmp_path, pattern=pattern).output
    assert [item["text"] for item in output["counts"]] == texts


def test_ignores_case_where_told(tmp_path: Path) -> None:
    assert scan("Error\n", tmp_path).output["matched"] == 0
    assert scan("Error\n", tmp_path, ignore_case=True).output["matched"] == 1


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    output = scan(b"ERROR caf\xe9\nINFO \0\n", tmp_path, pattern="(caf.|\\x00)").output
    assert [item["text"] for item in output["counts"]] == ["\0", "caf\xe9"]


def test_lists_the_most_frequent(tmp_path: Path) -> None:
    lines = "".join(f"n={number}\n" for number in range(12_000)) + "n=7\n"
    output = scan(lines, tmp_path, pattern="n=(\\d+)").output
    assert output["matched"] == 12_001
    assert output["counts"][0] == {"text": "(others)", "count": 2000}
    assert output["counts"][1] == {"text": "7", "count": 2}
    assert len(output["counts"]) == 100


def test_a_line_without_end(tmp_path: Path) -> None:
    output = scan(b"x" * (5 << 20) + b"ERROR", tmp_path, pattern="(ERROR)").output
    assert output["matched"] == 1


def test_an_empty_file(tmp_path: Path) -> None:
    assert scan("", tmp_path).output["lines"] == 0


def test_progress(tmp_path: Path) -> None:
    finished = scan(f"INFO {'x' * 1000}\n" * 10_000, tmp_path)
    assert finished.percents == sorted(set(finished.percents))
    assert len(finished.percents) > 5
    assert finished.percents[-1] == 100


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "a**", "(?{ die })", "(?<n>"])
def test_what_is_no_pattern(pattern: str, tmp_path: Path) -> None:
    error = scan("a\n", tmp_path, pattern=pattern).error
    assert error.startswith("not a pattern: ")
    assert "logscan.pl" not in error
    assert "\n" not in error


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device"])
def test_only_regular_files(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "päth"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    finished = run("logscan", tmp_path / "work", file=str(path))
    reason = f"{path}: No such file or directory"
    assert finished.error == (reason if kind == "missing" else f"not a regular file: {path}")


def test_a_canceled_one_tells_what_it_has_counted(tmp_path: Path) -> None:
    file = tmp_path / "some.log"
    with file.open("wb") as sparse:
        sparse.write(b"ERROR\n")
        sparse.truncate(8 << 30)
    worker = start("logscan", tmp_path / "work", file=str(file))
    worker.wait_for(ProgressMessage)
    worker.terminate()
    finished = worker.finish()
    assert finished.status == 128 + 15
    (result,) = finished.all(ResultMessage)
    assert result.output["complete"] is False
    assert result.output["counts"] == [{"text": "ERROR", "count": 1}]
