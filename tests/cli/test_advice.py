"""Nothing to say is nothing said."""

from __future__ import annotations

import pytest

from tasky.cli.advice import advice
from tasky.cli.target import Target
from tasky.client import ClientError, Conflict, Forbidden, NoServer


@pytest.mark.parametrize(
    "error",
    [Conflict(409, {}), Forbidden(403, {}), NoServer("x")],
    ids=lambda one: type(one).__name__,
)
def test_no_advice(error: ClientError) -> None:
    assert advice(error, Target("http://127.0.0.1:8888", "the default")) == ""
