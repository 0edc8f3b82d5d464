"""A chain beside the workers that it names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from ..fields import Mistake, nearest, nest
from ..params import Parameters
from .checking import type_of, types_of
from .plan import Plan
from .template import Template


class Definition(Protocol):
    """What is asked of the definition of a worker."""

    @property
    def parameters(self) -> Parameters: ...

    @property
    def chain(self) -> Plan | None: ...


def check_workers(
    plan: Plan, own: Parameters | None, workers: Mapping[str, Definition]
) -> list[Mistake]:
    """Workers that there are not, parameters that they do not take or that cannot fit, secrets that would be shown.
    `own` are the parameters of the chain; None for a client's, which has values only."""
    found: list[Mistake] = []
    for step in plan.steps.values():
        place = (step.section, step.name)
        definition = workers.get(step.worker)
        if definition is None:
            message = f"there is no worker {step.worker}{nearest(step.worker, workers)}"
            found.append(Mistake((*place, "worker"), message))
            continue
        if step.params.expression is None:  # else it is known when it runs
            given = step.params.document
            where = (*place, "params") if given else place
            takes = definition.parameters
            misfits = partial(_misfits, takes, own)
            found += nest(check_given(given, takes, step.worker, misfits), *where)
    if own is not None:
        found += _shown_secrets(plan, own)
    return found


def circle(name: str, workers: Mapping[str, Definition]) -> list[str] | None:
    """The chains by which a chain would run itself, from `name` back to it; None where it does not."""
    stack, seen = [[name]], {name}
    while stack:
        path = stack.pop()
        definition = workers.get(path[-1])
        plan = definition.chain if definition else None
        for each in sorted(plan.workers) if plan else ():
            if each == name:
                return [*path, name]
            if each not in seen:
                seen.add(each)
                stack.append([*path, each])
    return None


def check_given(
    given: Mapping[str, Any],
    takes: Parameters,
    who: str,
    misfits: Callable[[str, Any], Iterable[str]],
) -> Iterator[Mistake]:
    """What is wrong with parameters that a definition has for a worker; `misfits(name, value)` with one of them."""
    for name in takes.names:
        if name in takes.files and (name in given or name not in takes.defaults):
            yield Mistake((), f"{who} takes a file as {name}, which only a client can send")
        elif name not in given and name not in takes.defaults:
            yield Mistake((), f"{who} needs the parameter {name}")
    for name, value in given.items():
        if name not in takes.names:
            message = f"{who} has no parameter {name}{nearest(name, takes.names)}"
            yield Mistake((name,), message, at_key=True)
        elif name not in takes.files:
            for message in misfits(name, value):
                yield Mistake((name,), message)


def _misfits(takes: Parameters, own: Parameters | None, name: str, document: Any) -> Iterator[str]:
    value = Template(document)
    if value.is_constant:
        yield from (violation.detail for violation in takes.misfits(name, value.document))
        return
    if own is not None and name not in takes.secrets:
        for secret in sorted(own.secrets):
            if _shows(value, secret):
                yield f"{secret} is secret, and {name} is not: it would be shown"
    expression, wanted = value.expression, types_of(takes.of(name))
    if expression is None or not expression.is_reference or wanted is None:
        return
    schemas = {} if own is None else {each: own.of(each) for each in own.names}
    has = type_of(expression.references[0], schemas)
    if has is not None and has.isdisjoint(wanted):
        yield f"{expression.text} is {_words(has)}, and {name} must be {_words(wanted)}"


def _shown_secrets(plan: Plan, own: Parameters) -> Iterator[Mistake]:
    """In what everybody who may see the chain's task is shown."""
    for secret in sorted(own.secrets):
        if plan.output is not None and _shows(plan.output, secret):
            yield Mistake(("output",), f"{secret} is secret: it would be shown")
        for step in plan.steps.values():
            if step.for_each is not None and _shows(step.for_each, secret):
                message = f"{secret} is secret, and what is done for each of it would show it"
                yield Mistake((step.section, step.name, "for_each"), message)


def _shows(value: Template, secret: str) -> bool:
    return any(
        reference.path == ("params",) or reference.path[:2] == ("params", secret)
        for _, expression in value.expressions()
        for reference in expression.references
    )


def _words(types: frozenset[str]) -> str:
    shown = sorted(types - {"integer"} if "number" in types else types)
    return " or ".join(shown)
