from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tasky.model.messages import ProgressMessage

from .support import WORKERS, Finished, quiet, require, run, run_on, start


def words(content: bytes | str, tmp_path: Path, **params: Any) -> Finished:
    return run_on("wordfreq", tmp_path / "text", content, **params)


def test_counts(tmp_path: Path) -> None:
    assert words("The end, the END; the beginning.", tmp_path).output == {
        "words": 6,
        "different": 3,
        "top": [
            {"count": 3, "word": "the"},
            {"count": 2, "word": "end"},
            {"count": 1, "word": "beginning"},
        ],
    }


def test_against_python(tmp_path: Path) -> None:
    numbers = random.Random(1)
    text = [f"w{int(numbers.paretovariate(0.5)) % 50_000}" for _ in range(200_000)]
    output = words(" ".join(text), tmp_path, top=1000).output
    ranked = sorted(Counter(text).items(), key=lambda item: (-item[1], item[0]))
    assert output["words"] == 200_000
    assert output["different"] == len(ranked)
    assert [(item["word"], item["count"]) for item in output["top"]] == ranked[:1000]


def test_words_beyond_ascii(tmp_path: Path) -> None:
    output = words("Größe größe 😀 naïve", tmp_path, top=2).output
    assert output["top"] == [{"count": 2, "word": "größe"}, {"count": 1, "word": "naïve"}]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"caf\xe9", "caf\ufffd"),
        (b"\xed\xa0\x80", "\ufffd" * 3),
        (b"\xf4\x90\x80\x80", "\ufffd" * 4),
        (b"\xc0\xaf", "\ufffd" * 2),
        (b"a\xf0\x9f\x98", "a" + "\ufffd" * 3),
        (b"\xf0\x9f\x98\x80", "😀"),
    ],
)
def test_bytes_that_are_no_utf8(content: bytes, word: str, tmp_path: Path) -> None:
    assert words(content, tmp_path).output["top"] == [{"count": 1, "word": word}]


def test_a_word_that_is_too_long(tmp_path: Path) -> None:
    content = b"x" * 70_000 + b" " + b"x" * 64 + b"y"
    assert words(content, tmp_path).output["top"] == [{"count": 2, "word": "x" * 64}]


@pytest.mark.parametrize("content", ["", " \n\0,;"])
def test_no_words(content: str, tmp_path: Path) -> None:
    assert words(content, tmp_path).output == {"words": 0, "different": 0, "top": []}


def test_no_list(tmp_path: Path) -> None:
    assert words("a", tmp_path, top=0).output == {"words": 1, "different": 1, "top": []}


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device"])
def test_only_regular_files(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "path"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    reason = "No such file or directory" if kind == "missing" else "not a regular file"
    assert run("wordfreq", tmp_path / "work", file=str(path)).error == f"{reason}: {path}"


def test_cancel(tmp_path: Path) -> None:
    file = tmp_path / "text"
    with file.open("wb") as sparse:
        sparse.truncate(16 << 30)
    worker = start("wordfreq", tmp_path / "work", file=str(file))
    worker.wait_for(ProgressMessage)
    worker.terminate()
    finished = worker.finish()
    assert finished.status == 128 + 15
    assert quiet(finished)


# ---------------------------------------------------------------------- its C, under the sanitizers


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("wordfreq")
    folder = tmp_path_factory.mktemp("sanitized") / "wordfreq"
    shutil.copytree(WORKERS / "wordfreq", folder, ignore=shutil.ignore_patterns("wordfreq"))
    flags = "-O1 -g -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
    subprocess.run(["make", "-s", "-C", folder, f"CFLAGS={flags}"], check=True)
    return folder / "wordfreq"


HOSTILE = [
    b"",
    b"\n",
    b"{",
    b'{"params"',
    b'{"params":',
    b'{"params":{"file":"/x',
    b'{"params":{"file":"\\',
    b'{"params":{"file":"\\u',
    b'{"params":{"file":"\\u00',
    b'{"params":{"file":"\\ud800\\u',
    b'{"params":{"file":"\\u0000"}}',
    b'{"params":{"file":"\\x"}}',
    b'{"params":{"file":7}}',
    b'{"params":{"file":null}}',
    b'{"params":{"top":99999999999999999999999,"file":"/x"}}',
    b'{"params":{"top":--3,"file":"/x"}}',
    b'{"params":' + b"[" * 60_000,
    b'{"a":' + b'{"a":' * 12_000,
    b'{"' + b"k" * 200 + b'":1,"params":{"file":"/x"}}',
    b'{"params":{"file":"/' + b"x" * 5000 + b'"}}',
    b'{"params":{"file":"' + b"\\u20ac" * 1400 + b'"}}',
    b'{"params":{"file":"' + b"\\n" * 4094 + b"\\ud83d\\ude00" + b'"}}',
    b"\0" * 100,
    b"\xff" * 100,
    b"x" * 70_000,
    b'{"params":{"file":"/x"}}' + b" " * 70_000,
]


def feed(program: Path, task: bytes) -> bytes:
    finished = subprocess.run([program], input=task, capture_output=True)
    assert finished.returncode in (0, 1), (task[:200], finished.stderr.decode())
    assert not finished.stderr
    return finished.stdout


@pytest.mark.parametrize("task", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_tasks(sanitized: Path, task: bytes) -> None:
    assert feed(sanitized, task).startswith(b'{"type":"error"')


def test_damaged_tasks(sanitized: Path, tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("some words")
    task = (
        b'{"type":"task","id":"\\u00e4","x":[1,{"y":"\\\\\\""}],"params":{"file":"%s","top":3}}\n'
    )
    whole = bytearray(task % os.fsencode(file))
    assert b'"words":2' in feed(sanitized, whole)
    numbers = random.Random(2)
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(numbers.randint(1, 3)):
            damaged[numbers.randrange(len(damaged))] = numbers.choice(b'"\\{}[]:,u\0\x80 9')
        feed(sanitized, damaged[: numbers.choice([len(damaged), numbers.randrange(len(damaged))])])


def test_all_of_it(sanitized: Path, tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_bytes(random.Random(3).randbytes(300_000))
    task = b'{"params":{"file":"%s","top":1000}}' % os.fsencode(file)
    assert feed(sanitized, task).endswith(b"]}}\n")
