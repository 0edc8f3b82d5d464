"""Values of a chain that are filled in when it runs. Pure.

A mapping with the one key `$` is an expression: `{$: steps.pack.output.path}`. Everything else is what it says; text is
never looked into, so that no text can be taken for an expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..fields import Mistake, Path, Wrong, nest, text, wrong
from .expression import Expression

KEY: Final = "$"
_EXAMPLE: Final = "{$: params.name}"


class Template:
    """A value with expressions in it. Never changes; any thread may use it."""

    __slots__ = ("_tree", "document")

    def __init__(self, document: Any) -> None:
        """Raises Wrong with all that is wrong in it."""
        #: As it was given.
        self.document: Final = document
        self._tree: Final = _parsed(document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.document == other.document

    __hash__ = None  # type: ignore[assignment]  # as the documents

    def __repr__(self) -> str:
        return f"Template({self.document!r})"

    @property
    def expression(self) -> Expression | None:
        """It is this and nothing else."""
        return self._tree if isinstance(self._tree, Expression) else None

    @property
    def is_constant(self) -> bool:
        return not any(True for _ in self.expressions())

    def expressions(self) -> Iterator[tuple[Path, Expression]]:
        """Each, with where it is in the document."""
        return _expressions(self._tree, ())

    def value(self, scope: Mapping[str, Any]) -> Any:
        """With the values of its expressions in their places. Raises Unusable."""
        return _filled(self._tree, scope)


def expression(value: Any) -> Expression:
    """Of a key that takes nothing else. Raises Wrong."""
    if not is_expression(value):
        raise wrong(f"must be an expression, such as {_EXAMPLE}")
    try:
        return Expression(text(value[KEY]))
    except Wrong as error:
        raise Wrong(*nest(error.mistakes, KEY)) from None


def is_expression(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {KEY}


def _parsed(value: Any) -> Any:
    if is_expression(value):
        return expression(value)
    if isinstance(value, Mapping):
        if KEY in value:
            message = f"stands alone in an expression, such as {_EXAMPLE}"
            raise Wrong(Mistake((KEY,), message, at_key=True))
        return _each(value.items(), dict)
    if isinstance(value, list | tuple):
        return _each(enumerate(value), lambda pairs: [item for _, item in pairs])
    return value


def _each(pairs: Any, make: Any) -> Any:
    parsed, mistakes = [], []
    for key, value in pairs:
        try:
            parsed.append((key, _parsed(value)))
        except Wrong as error:
            mistakes += nest(error.mistakes, key)
    if mistakes:
        raise Wrong(*mistakes)
    return make(parsed)


def _expressions(tree: Any, path: Path) -> Iterator[tuple[Path, Expression]]:
    if isinstance(tree, Expression):
        yield (*path, KEY), tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from _expressions(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _expressions(value, (*path, index))


def _filled(tree: Any, scope: Mapping[str, Any]) -> Any:
    if isinstance(tree, Expression):
        return tree.value(scope)
    if isinstance(tree, dict):
        return {key: _filled(value, scope) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, scope) for value in tree]
    return tree
