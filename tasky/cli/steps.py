"""The steps of a chain, as lines: a tree of the tasks that were made for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..client import StepDocument, StepTaskDocument
from .ids import short
from .shapes import failure
from .terminal import one_line

#: Of a step with many tasks, so many are shown: those that have not completed first.
_MOST: Final = 10


def step_lines(steps: Sequence[StepDocument]) -> Iterator[str]:
    widest = max((len(step["Name"]) for step in steps), default=0)
    for step in steps:
        tasks = step["Tasks"]
        words = [f"{step['Name']:<{widest}}", f"{step['Status']:<9}", one_line(step["Worker"])]
        if step.get("ForEach"):
            words.append(_counts(step))
        elif len(tasks) == 1:
            words.append(short(tasks[0]["TaskId"]))
        if "Error" in step:
            words.append(failure(step["Error"]))
        yield "  ".join(filter(None, words)).rstrip()
        if step.get("ForEach") or len(tasks) > 1:
            yield from _tasks(tasks)


def _counts(step: StepDocument) -> str:
    total = step.get("Total")
    if total is None:
        return ""
    failed = f", {step['Failed']} failed" if step.get("Failed") else ""
    return f"{step.get('Ended', 0)} of {total}{failed}"


def _tasks(tasks: Sequence[StepTaskDocument]) -> Iterator[str]:
    shown = sorted(tasks, key=lambda task: task["Status"] == "Completed")[:_MOST]
    for task in shown:
        last = task is shown[-1] and len(shown) == len(tasks)
        item = f"[{task['Item']}]  " if "Item" in task else ""
        again = f"  attempt {task['Attempt']}" if "Attempt" in task else ""
        yield f"{'└' if last else '├'} {item}{short(task['TaskId'])}  {task['Status']}{again}"
    if len(shown) < len(tasks):
        yield f"└ and {len(tasks) - len(shown)} more"
