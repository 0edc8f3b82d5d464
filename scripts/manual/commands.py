"""tasky(1), from the commands that there are: what `tasky COMMAND --help` says."""

from __future__ import annotations

from collections.abc import Iterator

import click

from tasky.cli.app import tasky
from tasky.cli.exits import MEANINGS

from . import roff

PAGE = "tasky(1)"
_ENVIRONMENT = {
    "TASKY_URL": "the server, as with --url",
    "TASKY_PROFILE": "the profile, as with --profile",
    "TASKY_TOKEN": "the token that the server asks for; a server that a profile names gets the profile's own",
    "TASKY_CONFIG": "the settings file of the commands that work without a server",
    "TASKY_*": "each setting of tasky.yaml(5), in capitals: TASKY_MAX_TASKS=16",
    "NO_COLOR": "if it is set, nothing is coloured",
}
_FILES = {
    "~/.config/tasky/profiles.toml": "servers that have names, and their tokens",
    "/etc/tasky/tasky.yaml": "the server's settings",
    "/etc/tasky/workers.d": "the workers",
    "/var/lib/tasky": "the server's state",
}


def page() -> str:
    context = click.Context(tasky, info_name="tasky", help_option_names=["-h", "--help"])
    lines = roff.header(
        PAGE, "runs any executable of a server as a task: the server, and its command line"
    )
    lines += [
        roff.section("SYNOPSIS"),
        ".B tasky",
        "[OPTIONS] COMMAND [ARGUMENTS]",
    ]
    lines += [roff.section("DESCRIPTION"), *_prose(tasky.help or "")]
    lines += [".PP", "A TASK is the id of a task, or the last digits of it, at least 4."]
    lines += [roff.section("OPTIONS"), *_options(tasky, context)]
    lines += [roff.section("COMMANDS")]
    for name, command in _leaves():
        lines += _command(name, command, context)
    lines += [roff.section("EXIT STATUS")]
    for code, meaning in MEANINGS.items():
        lines += roff.item(roff.bold(str(int(code))), roff.escape(meaning))
    for title, table, style in (
        ("ENVIRONMENT", _ENVIRONMENT, roff.bold),
        ("FILES", _FILES, roff.italic),
    ):
        lines.append(roff.section(title))
        for name, meaning in table.items():
            lines += roff.item(style(roff.escape(name)), roff.escape(meaning))
    return roff.text_of([*lines, *roff.see_also(PAGE)])


def _leaves() -> Iterator[tuple[str, click.Command]]:
    for name, command in tasky.commands.items():
        if isinstance(command, click.Group):
            for inner, one in command.commands.items():
                yield f"{name} {inner}", one
        else:
            yield name, command


def _command(name: str, command: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, parent, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield roff.subsection(f"tasky {name}")
    yield roff.line(f"{roff.bold(roff.escape(f'tasky {name}'))} {roff.escape(usage)}")
    yield from _prose(command.help or "")
    yield from _options(command, context)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for one in command.get_params(context):
        record = one.get_help_record(context)
        if isinstance(one, click.Option) and record is not None:
            names, said = record
            yield from roff.item(roff.bold(roff.escape(names)), roff.escape(said))


def _prose(text: str) -> Iterator[str]:
    """A paragraph that click is told not to wrap begins with a backspace."""
    for paragraph in text.replace("\f", "").strip().split("\n\n"):
        if paragraph.startswith("\b"):
            yield from roff.example(paragraph.lstrip("\b\n"))
        else:
            yield ".PP"
            yield roff.line(roff.escape(" ".join(paragraph.split())))
