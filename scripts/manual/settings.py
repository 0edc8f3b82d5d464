"""tasky.yaml(5), from the comments of etc/tasky.yaml: each stands above the setting that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import roff

PAGE = "tasky.yaml(5)"
_SETTING = re.compile(r"^( *)([a-z_]+):(?: +(.*))?$")


def page(text: str) -> str:
    first, *blocks = text.split("\n\n")
    lines = roff.header(PAGE, "settings of the Tasky server")
    lines += [roff.section("SYNOPSIS"), ".I /etc/tasky/tasky.yaml", roff.section("DESCRIPTION")]
    lines += [f".PP\n{_prose(one)}" for one in _paragraphs(first)]
    lines.append(
        ".PP\nThe value behind each name is its default. A dot leads into a mapping: "
        + roff.bold("retention.age")
        + " is the key "
        + roff.bold("age")
        + " of "
        + roff.bold("retention")
        + "."
    )
    lines += ["", roff.section("SETTINGS")]
    for block in blocks:
        lines += _settings(block)
    lines += [roff.section("FILES")]
    lines += roff.item(roff.italic("/etc/tasky/tasky.yaml"), "the settings")
    lines += roff.item(
        roff.italic("/etc/tasky/workers.d/*.yaml"), r"the workers: \fBtasky\-worker\fP(5)"
    )
    lines += roff.item(
        roff.italic("/var/lib/tasky"), "the state: tasks, their logs and their files"
    )
    lines += roff.see_also(PAGE)
    return roff.text_of(one for one in lines if one)


def _settings(block: str) -> Iterator[str]:
    comment: list[str] = []
    parents: list[str] = []
    for one in block.splitlines():
        stripped = one.strip()
        if stripped.startswith("#"):
            comment.append(stripped)
            continue
        match = _SETTING.match(one)
        if match is None:
            raise ValueError(f"etc/tasky.yaml: this is neither a comment nor a setting: {one!r}")
        indent, name, value = match.groups()
        parents = [*parents[: len(indent) // 2], name]
        said = [_prose(paragraph) for paragraph in _paragraphs("\n".join(comment))]
        comment = []
        if value is None and not said:
            continue
        tag = roff.bold(roff.escape(".".join(parents)))
        yield from roff.item(f"{tag}: {roff.escape(value)}" if value is not None else tag, *said)


def _paragraphs(comment: str) -> Iterator[str]:
    lines = [one.lstrip().removeprefix("#").strip() for one in comment.splitlines()]
    for paragraph in "\n".join(lines).split("\n\n"):
        if paragraph:
            yield " ".join(paragraph.split())


def _prose(text: str) -> str:
    """What stands between grave accents is to be typed."""
    parts = text.split("`")
    return roff.line(
        "".join(
            roff.bold(roff.escape(one)) if n % 2 else roff.escape(one)
            for n, one in enumerate(parts)
        )
    )
