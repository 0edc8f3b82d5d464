from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.assembly import ECHO, FAIL, HOLD, Assembly


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Assembly]:
    """Started, with the workers echo, hold and fail."""
    parts = Assembly(tmp_path)
    parts.add("echo", ECHO, params={"text": {"type": "string"}, "times": {"default": 1}})
    parts.add("hold", HOLD)
    parts.add("fail", FAIL)
    parts.start()
    yield parts
    parts.stop()
