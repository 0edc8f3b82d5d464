"""The units as systemd would read them, from their files: what is in force, its drop-ins, and what is shipped.

systemd.unit(5): of several folders the first one that has the unit wins; drop-ins of all folders count, each name once,
in the order of their names. Anybody can read all this, whether systemd runs or not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: The system manager's, most important first.
FOLDERS: Final = tuple(
    map(
        Path,
        (
            "/etc/systemd/system.control",
            "/run/systemd/system.control",
            "/run/systemd/transient",
            "/run/systemd/generator.early",
            "/etc/systemd/system",
            "/etc/systemd/system.attached",
            "/run/systemd/system",
            "/run/systemd/system.attached",
            "/run/systemd/generator",
            "/usr/local/lib/systemd/system",
            "/usr/lib/systemd/system",
            "/lib/systemd/system",
            "/run/systemd/generator.late",
        ),
    )
)
_SHIPPED: Final = Path(__file__).parent / "shipped"

#: By section and key: its values, in their order. An empty one has dropped those before it (systemd.syntax(7)).
Values = Mapping[tuple[str, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class UnitFile:
    """`file` is None where the unit is masked; `drop_ins` in the order in which they count; `own` are the values of the
    file, `values` those of all together. `hidden`: files of the unit that it is in the place of."""

    name: str
    file: Path | None
    drop_ins: tuple[Path, ...]
    own: Values
    values: Values
    hidden: tuple[Path, ...] = ()

    def last(self, section: str, key: str, default: str = "") -> str:
        """Of a key with one value, the last assignment counts."""
        found = self.values.get((section, key), ())
        return found[-1] if found else default


def find(name: str, folders: tuple[Path, ...]) -> UnitFile | None:
    """None where there is none. OSError where it cannot be read."""
    files = [folder / name for folder in folders if os.path.lexists(folder / name)]
    if not files:
        return None
    file = files[0]
    if _is_masked(file):
        return UnitFile(name, None, (), {}, {})
    drop_ins = tuple(_drop_ins(name, folders))
    own = parse([file.read_text(errors="replace")])
    texts = [path.read_text(errors="replace") for path in (file, *drop_ins)]
    # /lib may be /usr/lib, by a link.
    hidden = tuple(one for one in files if one.exists() and not one.samefile(file))
    return UnitFile(name, file, drop_ins, own, parse(texts), hidden)


def shipped(name: str) -> Values:
    """Of this version."""
    return parse([(_SHIPPED / name).read_text()])


def parse(texts: list[str]) -> Values:
    found: dict[tuple[str, str], list[str]] = {}
    for text in texts:
        section = ""
        for line in _lines(text):
            if line.startswith("["):
                section = line.strip("[]")
                continue
            key, _, value = (part.strip() for part in line.partition("="))
            if value:
                found.setdefault((section, key), []).append(value)
            else:
                found[section, key] = []
    return {key: tuple(values) for key, values in found.items()}


def _lines(text: str) -> Iterator[str]:
    """Without comments; a backslash at the end of a line goes on with the next one, past comments between them."""
    before = ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            if not line and before:
                yield before
                before = ""
            continue
        if line.endswith("\\"):
            before += f"{line[:-1]} "
            continue
        yield before + line
        before = ""


def _drop_ins(name: str, folders: tuple[Path, ...]) -> Iterator[Path]:
    """Of the unit, and of its whole type (service.d), which the unit's own win over."""
    found: dict[str, Path] = {}
    for folder in (f"{name}.d", f"{name.rpartition('.')[2]}.d"):
        for place in folders:
            try:
                files = sorted(os.listdir(place / folder))  # noqa: PTH208 - the names
            except OSError:
                continue
            for file in files:
                if file.endswith(".conf"):
                    found.setdefault(file, place / folder / file)
    return (path for _, path in sorted(found.items()) if not _is_masked(path))


def _is_masked(file: Path) -> bool:
    """A link to /dev/null, or an empty file."""
    try:
        return os.path.realpath(file) == os.devnull or file.stat().st_size == 0
    except FileNotFoundError:  # a link to nothing
        return True
