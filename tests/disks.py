"""File systems of the tests' own, to be filled up and made read-only."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

Disk = Callable[..., Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Makes a filesystem of its own: `disk(size)` bytes of it, `disk(path=...)` where it is to be."""

    def make(size: int = 1 << 20, path: Path = tmp_path / "disk") -> Path:
        path.mkdir(exist_ok=True)
        mount("-t", "tmpfs", "-o", f"size={size},mode=711", "tasky-test", path)
        return path

    yield make
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = Path(line.split()[4])  # which may have moved
        if place.is_relative_to(tmp_path):
            subprocess.run(["umount", "--lazy", place], check=True)


def mount(*arguments: str | Path) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the program mount")
    if done.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.splitlines()[0]}")


def fill_disk(folder: Path, but: int = 0) -> Path:
    """Takes all the room that there is, with a file, and gives the last `but` bytes of it back."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
        file.truncate(file.tell() - but)
    return filler
