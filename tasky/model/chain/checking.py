"""What is wrong with a chain can mostly be told when it is loaded. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from ..fields import Mistake, Path, nearest
from .expression import OF_A_STEP, ROOTS, Expression, Reference
from .plan import Plan, Step

_STATUS: Final = "string"


def check_references(plan: Plan, parameters: Collection[str] | None) -> list[Mistake]:
    """Expressions that ask for what will not be there. `parameters` are the chain's own; None: not known."""
    found: list[Mistake] = []
    for step in plan.steps.values():
        before = plan.before[step.name]
        for path, expression, with_item in _of_step(step):
            for reference in expression.references:
                problem = _problem(reference, plan, before, parameters, with_item)
                if problem:
                    found.append(Mistake((step.section, step.name, *path), problem))
    for path, expression in plan.output.expressions() if plan.output else ():
        for reference in expression.references:
            problem = _problem(reference, plan, plan.steps.keys(), parameters, False)
            if problem:
                found.append(Mistake(("output", *path), problem))
    return found


def _of_step(step: Step) -> Iterator[tuple[Path, Expression, bool]]:
    """Each expression of a step, where it is, and whether there is an item for it."""
    for_each = step.for_each
    if step.when is not None:
        yield ("when", "$"), step.when, False
    for path, expression in for_each.expressions() if for_each else ():
        yield ("for_each", *path), expression, False
    for path, expression in step.params.expressions():
        yield ("params", *path), expression, for_each is not None


def _problem(
    reference: Reference,
    plan: Plan,
    before: Collection[str],
    parameters: Collection[str] | None,
    with_item: bool,
) -> str | None:
    root, *names = reference.path
    if root == "item":
        return None if with_item else "there is an item in the params of a step with for_each only"
    if root == "params":
        if names and parameters is not None and names[0] not in parameters:
            return f"the chain has no parameter {names[0]}{nearest(names[0], parameters)}"
        return None
    if root != "steps":
        near = nearest(root, ROOTS) or f": it may begin with {', '.join(ROOTS)}"
        return f"{root} is not known{near}"
    return _problem_of_step(names, plan, before)


def _problem_of_step(names: list[str], plan: Plan, before: Collection[str]) -> str | None:
    if not names:
        return "steps alone is all of them: name one, such as steps.pack.output"
    name, *rest = names
    if name not in plan.steps:
        return f"there is no step {name}{nearest(name, plan.steps)}"
    if name not in before:
        return f"the step {name} may not have ended by then: needs: [{name}] would wait for it"
    if rest and rest[0] not in OF_A_STEP:
        near = nearest(rest[0], OF_A_STEP) or f": it has {', '.join(OF_A_STEP)}"
        return f"a step has no {rest[0]}{near}"
    if rest and rest[0] == "items" and plan.steps[name].for_each is None:
        return f"the step {name} has no for_each, and so no items"
    return None


def types_of(schema: Mapping[str, Any]) -> frozenset[str] | None:
    """The JSON types that a schema allows; None where that cannot be told at a glance."""
    kind = schema.get("type")
    if isinstance(kind, str):
        kind = [kind]
    if not isinstance(kind, list):
        return None
    return frozenset(kind) | ({"integer"} if "number" in kind else frozenset())


def type_of(
    reference: Reference, parameters: Mapping[str, Mapping[str, Any]]
) -> frozenset[str] | None:
    """The JSON types that a value can have which is nothing but this reference; None where that cannot be told."""
    match reference.path:
        case ("params", name) if name in parameters:
            return types_of(parameters[name])
        case ("steps", _, "status"):
            return frozenset({_STATUS})
        case ("steps", _, "items"):
            return frozenset({"array"})
    return None
