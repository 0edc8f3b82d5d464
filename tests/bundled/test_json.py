"""Any text that a worker is given comes back as it was: its JSON is read and written right, whatever the language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasky.model.messages import ErrorMessage, encode_task

from .support import Running, definitions, require, run

#: The parameter that holds a path, which the worker's error message repeats.
PATHS = {
    "backup": "folder",
    "copyfile": "source",
    "csvstats": "file",
    "logscan": "file",
    "wordfreq": "file",
}
FURTHER = {"copyfile": {"destination": "/nowhere/x"}}
ODD = (
    "/nowhere/ \x01\x1f\x7f\t\n\r\b\f \"'`$(x)%s&\\ \\u0041 \\\\n é€\u07ff\u0800\uffff😀\U0010ffff"
)


@pytest.mark.parametrize("worker", PATHS)
def test_odd_text(worker: str, tmp_path: Path) -> None:
    params = {PATHS[worker]: ODD, **FURTHER.get(worker, {})}
    assert ODD in run(worker, tmp_path, **params).error


@pytest.mark.parametrize("worker", PATHS)
def test_json_as_people_write_it(worker: str, tmp_path: Path) -> None:
    """Spaces, members in another order, and characters that are not escaped."""
    require(worker)
    further = "".join(f', "{name}": "{value}"' for name, value in FURTHER.get(worker, {}).items())
    params = f'{{ "{PATHS[worker]}" :\t"/nowhere/é😀\\/x\\u00E9\\uD83D\\uDE00"{further} }}'
    task = f'{{ "params": {params}, "workdir": "/", "id": "{{\\"x\\":1}}", "type": "task" }}\n'
    finished = Running(definitions()[worker].command, task.encode(), tmp_path, {}).finish()
    assert "/nowhere/é😀/xé😀" in finished.error


@pytest.mark.parametrize("worker", ["backup", "wordfreq"])
def test_any_text(worker: str, tmp_path: Path) -> None:
    """The two whose JSON is made by hand."""
    require(worker)
    (command,) = definitions()[worker].command

    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
    )
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
    def comes_back(text: str) -> None:
        params: dict[str, Any] = {"z": {"y": [text]}, PATHS[worker]: f"/nowhere/{text}"}
        task = encode_task("id", worker, params, 1, text)
        error = Running([command], task, tmp_path, {}).finish().all(ErrorMessage)[0]
        assert f"/nowhere/{text}" in error.message

    comes_back()
