"""Secrets out of whatever is shown or stored for people. Pure.

What is masked is a text that a worker repeats as it got it: also inside JSON, and line by line if it has several. A
worker that encodes its secret in another way shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from .arguments import argument

MASK: Final = "******"
#: Each text of a secret is looked for in everything that a worker says.
MAX_TEXTS: Final = 1000

#: A shorter text is masked only where it is all there is: it would be found in every other word.
_MIN_LENGTH: Final = 4


def mask_params(params: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """`params` with the mask in place of each secret one."""
    hidden = frozenset(secrets)
    return {name: MASK if name in hidden else value for name, value in params.items()}


class Masker:
    """Replaces every occurrence of some values by the mask. Never changes; any thread may use it."""

    def __init__(self, values: Iterable[Any]) -> None:
        values = list(values)
        self.values: Final = values
        self._containers: Final = [value for value in values if value and _is_container(value)]
        self._whole: Final = frozenset(text for value in values for text in secret_texts(value))
        forms = {form for text in self._whole for form in _forms(text)}
        # The longest first, so that of two secrets of which one begins with the other nothing is left over.
        self._texts: Final = sorted(forms, key=lambda text: (-len(text), text))
        self._data: Final = [text.encode("utf-8", "surrogatepass") for text in self._texts]

    def __bool__(self) -> bool:
        return bool(self._whole)

    def data(self, data: bytes) -> bytes:
        """Bytes of a log. A secret that lies across two calls is not found: give whole lines."""
        for secret in self._data:
            data = data.replace(secret, _MASK_BYTES)
        return data

    def text(self, text: str) -> str:
        if text in self._whole:
            return MASK
        for secret in self._texts:
            text = text.replace(secret, MASK)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value: its strings, keys and numbers, and what equals a secret list or object."""
        if isinstance(value, str):
            return self.text(value)
        if _is_number(value):
            return value if self._whole.isdisjoint(secret_texts(value)) else MASK
        if _is_container(value):
            return MASK if value in self._containers else self._members(value)
        return value

    def _members(self, value: list[Any] | dict[str, Any]) -> Any:
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return {self.text(key): self.value(item) for key, item in value.items()}


_MASK_BYTES: Final = MASK.encode()


def secret_texts(value: Any) -> Iterator[str]:
    """How a secret may appear. true, false and null tell nothing, and are everywhere."""
    if isinstance(value, str):
        yield from (text for text in (value, value.strip()) if text)
        lines = (line.strip() for line in value.splitlines())
        yield from (line for line in lines if len(line) >= _MIN_LENGTH)
    elif _is_number(value):
        yield from (json.dumps(value), argument(value))
    elif value and _is_container(value):
        for separators in ((",", ":"), (", ", ": ")):
            yield json.dumps(value, separators=separators)
            yield json.dumps(value, separators=separators, ensure_ascii=False)
        for item in value.values() if isinstance(value, dict) else value:
            yield from _member_texts(item)


def _member_texts(item: Any) -> Iterator[str]:
    """A small number in a secret list is not looked for by itself: there are too many of its kind."""
    for text in secret_texts(item):
        if isinstance(item, str) or len(text) >= _MIN_LENGTH:
            yield text


def _forms(text: str) -> Iterator[str]:
    """`text` as it is and as it stands within JSON, if it is long enough to be looked for."""
    if len(text) >= _MIN_LENGTH:
        yield from (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_container(value: Any) -> bool:
    return isinstance(value, (list, dict))
