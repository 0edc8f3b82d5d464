"""How an installed unit differs from the one that this version ships."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .unit_files import UnitFile, Values

#: What `scripts/install --prefix` puts in place of /opt/tasky.
_PROGRAM = re.compile(r"^\S*/bin/tasky(?=\s|$)")
_MOST = 6


def drift(found: UnitFile, shipped: Values) -> str | None:
    """The settings of its own file that differ; None if none does. Drop-ins are what somebody wanted: they are none."""
    differences = list(_differences(found.own, shipped))
    if not differences:
        return None
    more = f", and {len(differences) - _MOST} more" if len(differences) > _MOST else ""
    return f"{', '.join(differences[:_MOST])}{more}"


def _differences(own: Values, shipped: Values) -> Iterator[str]:
    for section, key in dict.fromkeys([*shipped, *own]):
        ours = _comparable(shipped.get((section, key), ()))
        theirs = _comparable(own.get((section, key), ()))
        if section != "Unit" or key != "Documentation":
            if not ours and theirs:
                yield f"{key}={' '.join(theirs)} (not shipped)"
            elif ours and not theirs:
                yield f"no {key}= (shipped: {' '.join(ours)})"
            elif ours != theirs:
                yield f"{key}={' '.join(theirs)} (shipped: {' '.join(ours)})"


def _comparable(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_PROGRAM.sub("tasky", " ".join(value.split())) for value in values)


def overridden(found: UnitFile) -> list[str]:
    """The settings that its drop-ins change."""
    keys = dict.fromkeys([*found.values, *found.own])
    return [
        key
        for section, key in keys
        if found.values.get((section, key)) != found.own.get((section, key))
    ]
