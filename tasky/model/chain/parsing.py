"""A chain as a definition, or a client, says it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from .. import sections
from ..fields import (
    Mistake,
    Section,
    duration,
    integer,
    list_of,
    mapping,
    one_of,
    quoted,
    text,
    wrong,
)
from .checking import check_references
from .plan import OnFailure, Plan, Step, in_order
from .template import Template, expression, is_expression

#: The keys of a definition that make a chain.
KEYS: Final = ("chain", "finally", "output")
_STEP_KEYS: Final = (
    "worker", "params", "needs", "when", "for_each", "max_parallel", "on_failure", "timeout", "retry",
)  # fmt: skip
MAX_STEPS: Final = 1000
#: The most tasks of one step.
MAX_ITEMS: Final = 100_000
#: A name that JMESPath takes without quotes.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_EXAMPLE: Final = "pack: {worker: tar}"

_Names: TypeAlias = tuple[str, ...]


def parse_plan(keys: Section, parameters: Mapping[str, Any] | None) -> Plan | None:
    """The chain under the keys `chain`, `finally` and `output`; None where something is wrong, which then is among the
    mistakes of `keys`. `parameters` are the schemas of what expressions find as params; None: not known."""
    known = len(keys.mistakes)
    steps = _steps(keys, "chain", ())
    if steps is not None and not steps and not keys.has_mistake("chain"):
        keys.reject("chain", f"has no steps: it takes at least one, such as {_EXAMPLE}")
    last = _steps(keys, "finally", tuple(steps))
    for name in last.keys() & steps.keys():
        keys.add(("finally", name), [Mistake((), "is a step of the chain already", at_key=True)])
    output = keys.get("output", Template, None)
    if len(keys.mistakes) > known:
        return None
    plan = Plan(steps={**steps, **last}, output=output, document=_document(keys))
    try:
        in_order(plan.steps)
    except ValueError as error:
        keys.reject("chain", f"its steps wait for one another in a circle: {error}")
        return None
    keys.add((), check_references(plan, parameters))
    return plan if len(keys.mistakes) == known else None


def read_plan(document: Mapping[str, Any]) -> Plan:
    """One that was checked before, from its document. ValueError for what is none."""
    keys = Section(document, KEYS)
    plan = parse_plan(keys, None)
    if plan is None:
        raise ValueError("; ".join(mistake.message for mistake in keys.mistakes))
    return plan


def _document(keys: Section) -> Mapping[str, Any]:
    return {key: keys.get(key, lambda value: value, None) for key in KEYS if key in keys}


def _steps(keys: Section, key: str, before: _Names) -> dict[str, Step]:
    """Those of one section; `before` are the main ones, where it is `finally`."""
    given = keys.get(key, mapping, {})
    if len(given) > MAX_STEPS:
        keys.reject(key, f"has more than {MAX_STEPS} steps")
        return {}
    section = keys.section(key, given.keys()) if given else Section({}, ())
    steps: dict[str, Step] = {}
    former: _Names = ()
    for name in given:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            message = f"{quoted(str(name))} is no name for a step: a-z, 0-9 and _, a letter first, at most 63"
            keys.add((key, name), [Mistake((), message, at_key=True)])
        elif isinstance(given[name], Mapping):
            steps[name] = _step(
                section.section(name, _STEP_KEYS), name, former, is_last=key == "finally"
            )
        else:
            keys.add((key, name), [Mistake((), f"must be a mapping, such as {_EXAMPLE}")])
        former = (name,)
    for name, step in steps.items():
        for index, need in enumerate(step.needs):
            if need not in given:
                keys.add((key, name, "needs", index), [Mistake((), _no_step(need, given, before))])
    return steps


def _no_step(need: str, steps: Mapping[str, Any], before: _Names) -> str:
    if need in before:
        return (
            f"the steps of the chain have all ended when those of finally begin: leave out {need}"
        )
    return f"there is no step {quoted(need)}; there are {', '.join(map(str, steps))}"


def _step(keys: Section, name: str, former: _Names, *, is_last: bool) -> Step:
    if "worker" not in keys:
        keys.reject("worker", "is missing: the name of the worker that does it")
    if "max_parallel" in keys and "for_each" not in keys:
        keys.reject("max_parallel", "is for a step with for_each", at_key=True)
    return Step(
        name=name,
        worker=keys.get("worker", _worker, ""),
        params=keys.get("params", _params, Template({})),
        needs=tuple(dict.fromkeys(keys.get("needs", list_of(text, "[pack]"), former))),
        when=keys.get("when", expression, None),
        for_each=keys.get("for_each", _list, None),
        max_parallel=keys.get("max_parallel", integer(1, MAX_ITEMS), 0),
        on_failure=keys.get("on_failure", one_of(OnFailure), OnFailure.STOP),
        timeout=keys.get("timeout", duration(low=1), None),
        retry=sections.retry(keys),
        is_last=is_last,
    )


def _worker(value: Any) -> str:
    return text(value).lower()


def _params(value: Any) -> Template:
    if not isinstance(value, Mapping):
        raise wrong("must be a mapping of the worker's parameters, or an expression that gives one")
    return Template(value)


def _list(value: Any) -> Template:
    if not is_expression(value) and not isinstance(value, list | tuple):
        raise wrong("must be a list, or an expression that gives one, such as {$: params.hosts}")
    if len(value) > MAX_ITEMS:
        raise wrong(f"has more than {MAX_ITEMS} elements")
    return Template(value)
