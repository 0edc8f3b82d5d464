"""What is measured: one module for each kind of it."""

from __future__ import annotations

from typing import Final

from ..bench import Scenario
from . import burst, growth, listing, logs, sleeping, starting, waiting

SCENARIOS: Final[dict[str, Scenario]] = {
    scenario.name: scenario
    for scenario in (
        *waiting.SCENARIOS,
        burst.SCENARIO,
        logs.SCENARIO,
        sleeping.SCENARIO,
        listing.SCENARIO,
        growth.SCENARIO,
        starting.SCENARIO,
    )
}
