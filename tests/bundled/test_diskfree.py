from __future__ import annotations

from pathlib import Path

import pytest

from tasky.errors import InvalidParams

from .support import definitions, run


def test_an_ordinary_program(tmp_path: Path) -> None:
    finished = run("diskfree", tmp_path / "work", path=str(tmp_path))
    assert finished.status == 0
    heading, values = finished.text.decode().splitlines()
    assert heading.split()[:3] == ["Filesystem", "1024-blocks", "Used"]
    assert int(values.split()[-5]) > 0


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    finished = run("diskfree", tmp_path / "work", path=str(tmp_path / "missing"))
    assert finished.status == 1
    assert "missing" in finished.stderr


@pytest.mark.parametrize("path", ["--help", "relative", ""])
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(InvalidParams):
        definitions()["diskfree"].parameters.check({"path": path})
