from __future__ import annotations

from pathlib import Path

import pytest

from tasky.errors import InvalidParams
from tasky.model.messages import ProgressMessage

from .support import definitions, quiet, run, start

ANSWER = {"string_output": "Done sleeping."}


def test_sleeps_for_a_minute_unless_told_otherwise() -> None:
    assert definitions()["sleeper"].parameters.defaults == {"seconds": 60}


def test_no_time(tmp_path: Path) -> None:
    finished = run("sleeper", tmp_path, seconds=0)
    assert quiet(finished)
    assert finished.output == ANSWER
    assert finished.percents == []


def test_progress_every_second(tmp_path: Path) -> None:
    finished = run("sleeper", tmp_path, seconds=1.25)
    assert quiet(finished)
    assert finished.output == ANSWER
    messages = [item.progress.message for item in finished.all(ProgressMessage)]
    assert messages == ["1 of 1.25 s", "1.25 of 1.25 s"]
    assert finished.percents == [80, 100]


def test_ends_on_sigterm(tmp_path: Path) -> None:
    worker = start("sleeper", tmp_path)
    worker.wait_for(ProgressMessage)
    worker.terminate()
    finished = worker.finish()
    assert finished.status == 128 + 15
    assert quiet(finished)
    assert finished.percents == [1.7]


@pytest.mark.parametrize("seconds", [-1, 86401, "60", None, True])
def test_seconds_that_are_refused(seconds: object) -> None:
    with pytest.raises(InvalidParams):
        definitions()["sleeper"].parameters.check({"seconds": seconds})
