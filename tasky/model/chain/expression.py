"""Expressions of a chain: JMESPath (jmespath.org), read and checked when the chain is loaded. Pure.

JMESPath is a language of queries: it has no loops, no definitions and no way to anything but the document that it is
given. Nothing is ever evaluated as code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from ..fields import quoted, wrong

MAX_LENGTH: Final = 4096
#: What an expression can refer to.
ROOTS: Final = ("params", "steps", "item")
#: What it can ask of a step; `items` of one with for_each: the same of each item.
OF_A_STEP: Final = ("output", "status", "error", "items")
_FUNCTIONS: Final[Mapping[str, Any]] = Functions.FUNCTION_TABLE

#: A node of a parsed expression, as jmespath has it.
_Node = Mapping[str, Any]

#: Their children but the first see what comes out of the first.
_NARROWING: Final = frozenset(
    {"subexpression", "pipe", "projection", "value_projection", "filter_projection",
     "index_expression", "flatten"}
)  # fmt: skip


class Unusable(ValueError):
    """An expression has no value: a function was given what it does not take."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What an expression asks for: the names from the root on, such as ("steps", "pack", "output"); shorter where it
    takes the whole of something."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.path)


class Expression:
    """One expression. Never changes; any thread may use it."""

    __slots__ = ("_compiled", "references", "text")

    def __init__(self, text: str) -> None:
        """Raises Wrong for what is none."""
        if len(text) > MAX_LENGTH:
            raise wrong(f"has more than {MAX_LENGTH} characters")
        try:
            self._compiled: Final = jmespath.compile(text)
        except (JMESPathError, RecursionError) as error:
            raise wrong(f"{quoted(text)} is no JMESPath: {_reason(error)}") from None
        self.text: Final = text
        self.references: Final = tuple(dict.fromkeys(_references(self._compiled.parsed)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    @property
    def is_reference(self) -> bool:
        """It gives what it refers to as it is."""
        return len(self.references) == 1 and str(self.references[0]) == self.text

    def value(self, scope: Mapping[str, Any]) -> Any:
        """Its value; None where what it asks for is not there. Raises Unusable."""
        try:
            return self._compiled.search(scope)
        except (JMESPathError, RecursionError, ArithmeticError) as error:
            raise Unusable(f"{quoted(self.text)}: {_reason(error)}") from None


def is_true(value: Any) -> bool:
    """As JMESPath has it: false, null and what is empty (text, list, object) are false; 0 is not."""
    return not (value is None or value is False or value in ("", [], {}))


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return " ".join(str(error).split())


# ---------------------------------------------------------------------- what it refers to


def _references(node: _Node) -> Iterator[Reference]:
    """What a node asks of the root. Raises Wrong for a function that there is not."""
    kind, children = node["type"], node["children"]
    if kind == "function_expression":
        _check_call(node["value"], len(children))
    if kind == "field":
        yield Reference((node["value"],))
        return
    if kind == "current":
        raise wrong("@ alone is everything: name what is meant, such as params.name")
    if kind == "subexpression" and children[0]["type"] == "not_expression":
        raise wrong("! takes in only the next name: write !(params.name), with parentheses")
    if kind in _NARROWING and children:
        names, _ = _names(node)
        if names:
            yield Reference(tuple(names))
        else:
            yield from _references(children[0])
        for each in children[1:]:
            _check_inside(each)
        return
    for child in children:
        if child["type"] == "expref":  # is applied to the elements of another argument
            _check_inside(child)
        else:
            yield from _references(child)


def _names(node: _Node) -> tuple[list[str], bool]:
    """The names that a node begins with, and whether there is nothing more to it."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        return [node["value"]], True
    if kind not in _NARROWING or not children:
        return [], False
    names, whole = _names(children[0])
    if kind != "subexpression":
        return names, False
    for each in children[1:] if whole else ():
        further, whole = _names(each)
        names += further
        if not whole:
            break
    return names, whole


def _check_inside(node: _Node) -> None:
    """What is applied to a part of the document refers to nothing of the root, but it calls functions."""
    if node["type"] == "function_expression":
        _check_call(node["value"], len(node["children"]))
    if node["type"] == "slice":  # of numbers
        return
    for child in node["children"]:
        _check_inside(child)


def _check_call(name: str, count: int) -> None:
    """jmespath itself would notice at each evaluation only."""
    if name not in _FUNCTIONS:
        raise wrong(f"{name}() is no function of JMESPath")
    signature = _FUNCTIONS[name]["signature"]
    many = bool(signature) and bool(signature[-1].get("variadic"))
    if count != len(signature) and not (many and count > len(signature)):
        least = "at least " if many else ""
        raise wrong(f"{name}() takes {least}{len(signature)} arguments, not {count}")
