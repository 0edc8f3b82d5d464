"""What the crash tests are given. Which of them a run has: see `draw`."""

from __future__ import annotations

import pytest

from tasky.model.containment import Kind
from tasky.supervisor import probe

from .draw import MODES, seed_of


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """The kind of containment."""
    found = probe()
    if request.param == Kind.CGROUP and found.kind is not Kind.CGROUP:
        pytest.skip(f"CRASHES WITH CGROUPS ARE NOT TESTED: none can be had here: {found.reason}")
    return str(request.param)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return seed_of(request.config)
