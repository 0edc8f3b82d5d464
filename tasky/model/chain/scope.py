"""What the expressions of a step find: of the steps that they ask for, and no more of those than they ask. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..task import Failure
from .expression import Expression, Unusable
from .plan import Plan
from .records import End, StepState
from .run import Run

#: The output of a task, as JSON text; None where it has none.
Load = Callable[[str], str | None]

#: Characters of all outputs that the expressions of one step can find: they are held in memory as long as it runs.
MOST: Final = 64 << 20
#: Members of a step that are known without its output.
_KNOWN: Final = ("status", "error")


class Scopes:
    """Of a course: `states`, `runs` and `failures` are its own, as they are when it is asked."""

    def __init__(
        self,
        plan: Plan,
        params: Mapping[str, Any],
        load: Load,
        states: Mapping[str, StepState],
        runs: Mapping[str, Run],
        failures: Mapping[str, Failure],
    ) -> None:
        self._plan: Final = plan
        self._params: Final = params
        self._load: Final = load
        self._states: Final = states
        self._runs: Final = runs
        self._failures: Final = failures

    def of(self, used: Sequence[Expression]) -> dict[str, Any]:
        """For these expressions. Raises Unusable where the outputs are too large."""
        paths = {reference.path for each in used for reference in each.references}
        asked = [path for path in paths if path[0] == "steps" and len(path) > 1]
        whole = {path[1] for path in asked if len(path) == 2 or path[2] not in _KNOWN}
        outputs = _Outputs(self._load)
        steps = {
            name: self._of_step(name, outputs if name in whole else None)
            for name in sorted({path[1] for path in asked})
        }
        return {"params": self._params, "steps": steps}

    def output_of(self, name: str) -> Any:
        """Of a step. Raises Unusable where it is too large."""
        return self._of_step(name, _Outputs(self._load))["output"]

    def _of_step(self, name: str, outputs: _Outputs | None) -> dict[str, Any]:
        run, failure = self._runs.get(name), self._failures.get(name)
        found: dict[str, Any] = {
            "status": str(self._states[name]),
            "output": None,
            "error": None if failure is None else failure.as_json(),
        }
        if outputs is None:
            return found
        if self._plan.steps[name].for_each is None:
            if run is not None and (end := run.ends.get(0)):
                found["output"] = outputs.of(name, end)
            return found
        ends = [] if run is None else [run.ends.get(i) for i in range(len(run.items))]
        found["items"] = [_of_item(name, end, outputs) for end in ends]
        found["output"] = [each["output"] for each in found["items"]]
        return found


class _Outputs:
    """Those that were loaded, as long as they are not too large together."""

    def __init__(self, load: Load) -> None:
        self._load: Final = load
        self._left = MOST

    def of(self, name: str, end: End) -> Any:
        text = None if end.task_id is None else self._load(end.task_id)
        if text is None:
            return None
        self._left -= len(text)
        if self._left < 0:
            raise Unusable(
                f"steps.{name}: the outputs are larger than the {MOST >> 20} MiB that expressions can have"
            )
        return json.loads(text)


def _of_item(name: str, end: End | None, outputs: _Outputs) -> dict[str, Any]:
    if end is None:
        return {"status": str(StepState.UNREACHED), "output": None, "error": None}
    error = None if end.failure is None else end.failure.as_json()
    return {"status": str(end.state), "output": outputs.of(name, end), "error": error}
