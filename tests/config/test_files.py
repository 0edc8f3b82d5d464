"""Whatever stands under the name of a configuration file: an error, soon, with its name."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tasky.config.files import MAX_SIZE, read_text
from tasky.errors import ConfigError, Problem


def problem(file: Path) -> Problem:
    with pytest.raises(ConfigError) as caught:
        read_text(file)
    (only,) = caught.value.problems
    assert only.file == file
    return only


def test_text(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes("\ufeffname: caf\u00e9\r\n".encode())
    assert read_text(file) == "name: caf\u00e9\r\n"


def test_a_size_that_is_just_right(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"#" * MAX_SIZE)
    assert len(read_text(file)) == MAX_SIZE


@pytest.mark.case("C3", "C8")
def test_too_large(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)  # sparse
    assert problem(file).message == "is larger than 1MiB"


@pytest.mark.case("C8")
def test_directory(tmp_path: Path) -> None:
    assert problem(tmp_path).message == "is a directory, not a file"


@pytest.mark.case("C8")
def test_fifo_without_a_writer(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    os.mkfifo(file)
    assert problem(file).message == "is a FIFO, not a file"


@pytest.mark.case("C8")
def test_device() -> None:
    assert problem(Path("/dev/zero")).message == "is a device, not a file"


@pytest.mark.case("C8")
def test_socket(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(file))
        assert "cannot be read" in problem(file).message


@pytest.mark.case("C8")
def test_missing(tmp_path: Path) -> None:
    assert problem(tmp_path / "x.yaml").message == "cannot be read: no such file or directory"


@pytest.mark.case("C8")
def test_a_link_to_nowhere_and_one_to_itself(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to("y.yaml")
    assert "no such file" in problem(tmp_path / "x.yaml").message
    (tmp_path / "z.yaml").symlink_to("z.yaml")
    assert "cannot be read" in problem(tmp_path / "z.yaml").message


def test_a_name_that_no_path_can_have() -> None:
    assert "cannot be read" in problem(Path("a\0b")).message


@pytest.mark.case("C8")
@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        (b"name: a\nusage: caf\xe9\n", 2, 11, "is not UTF-8 (byte 0xe9 at column 11)"),
        ("name: a\n".encode("utf-16"), 1, 1, "is not UTF-8 (UTF-16"),
        (b"\xef\xbb\xbfa: b\nc: \xff", 2, 4, "byte 0xff"),
        (b"name: a\nusage: \0\n", 2, 8, "control character U+0000 at column 8"),
        ("a: \u2028b".encode(), 1, 4, "control character U+2028"),
        ("a: \x85b".encode(), 1, 4, "control character U+0085"),
        (b"name: \x1b[31m\n", 1, 7, "control character U+001B"),
    ],
)
def test_not_text(tmp_path: Path, data: bytes, line: int, column: int, words: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(data)
    found = problem(file)
    assert (found.line, found.column) == (line, column)
    assert words in found.message
