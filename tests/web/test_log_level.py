"""GET and POST /log-level."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tasky.logs import LEVELS, Levels
from tests.web.api import Api


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    yield
    root.setLevel(before)


def test_each_level(shared: Api) -> None:
    for level in LEVELS:
        assert shared.post("/log-level", {"level": level}).json == {"level": level}
        assert shared.get("/log-level").json == {"level": level}
        assert logging.getLevelName(logging.getLogger().level) == level.upper()


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, [""]),
        ({"level": "verbose"}, ["/level"]),
        ({"level": ["debug"]}, ["/level"]),
        ({"level": "info", "a/b": 1}, ["/a~1b"]),
    ],
)
def test_mistakes_change_nothing(shared: Api, body: object, pointers: list[str]) -> None:
    before = shared.get("/log-level").json
    answer = shared.post("/log-level", body)
    assert answer.status_int == 422
    assert [one["pointer"] for one in answer.json["errors"]] == pointers
    assert shared.get("/log-level").json == before


def test_it_is_said_whatever_the_level(caplog: pytest.LogCaptureFixture) -> None:
    levels = Levels("error")
    levels.set("error")
    caplog.clear()
    levels.toggle()
    levels.toggle()
    assert [one.message for one in caplog.records] == [
        "the level of the log is debug, and was error",
        "the level of the log is error, and was debug",
    ]


@pytest.mark.parametrize(("configured", "usual"), [("debug", "info"), ("warning", "warning")])
def test_debug_and_back(configured: str, usual: str) -> None:
    levels = Levels(configured)
    levels.set(usual)
    levels.toggle()
    assert levels.level == "debug"
    levels.toggle()
    assert levels.level == usual
