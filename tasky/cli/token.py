"""tasky token"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..model.access import Token, parse_scopes, token_name
from .db import of_state_dir, settings_of
from .invocation import Invocation, emit, server_options
from .shapes import local_time
from .table import Column, joined, table
from .terminal import line, say, width
from .types import nanoseconds

if TYPE_CHECKING:
    from ..store import Tokens

_MAX_DURATION: Final = 3650 * 24 * 3600 * 1_000_000_000
_COLUMNS: Final = (
    Column("NAME", fixed=True),
    Column("SCOPES"),
    Column("CREATED", fixed=True),
    Column("EXPIRES", fixed=True),
    Column("LAST USED", fixed=True),
)


def _of_tokens(function: Callable[..., Any]) -> Callable[..., Any]:
    """Where the tokens are: in a state directory, or at a server."""
    remote = click.option("--remote", is_flag=True,
                          help="Ask the server at --url, as an admin, in place of the state directory.")  # fmt: skip
    return remote(server_options(of_state_dir(function)))


def _tokens(config: Path | None, state_dir: str | None) -> Tokens:
    from ..store import Tokens

    return Tokens(settings_of(config, state_dir).state_dir)


@click.group()
def token() -> None:
    """Make, list and revoke tokens, which a server with `auth: true` asks for.

    This works on the state directory, whether a server runs or not; a running one takes it in with its next request.
    With --remote it asks a server.

    \b
    Examples:
      tasky token create --name ops --scope admin
      tasky token create --name ci --scope run:copyfile --scope read --expires 90d
      tasky token revoke ci
    """


def _name(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    try:
        return token_name(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _scopes(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    try:
        return tuple(map(str, parse_scopes(texts)))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _lifetime(
    _context: click.Context, _parameter: click.Parameter, lifetime: int | None
) -> int | None:
    if lifetime is not None and not 0 < lifetime <= _MAX_DURATION:
        raise click.BadParameter("it must be more than 0s and at most 3650d")
    return lifetime


@token.command()
@click.option("--name", required=True, callback=_name,
              help="Who it is for. Shown with all that is done with it.")  # fmt: skip
@click.option("--scope", "scopes", multiple=True, callback=_scopes, metavar="SCOPE",
              help="read, run:WORKER, cancel or admin; WORKER may be a pattern. May be repeated.")  # fmt: skip
@click.option("--expires", type=nanoseconds, callback=_lifetime, metavar="DURATION",
              help="How long it is good for, such as 90d.  [default: for ever]")  # fmt: skip
@_of_tokens
def create(
    invocation: Invocation,
    *,
    name: str,
    scopes: tuple[str, ...],
    expires: int | None,
    remote: bool,
    config: Path | None,
    state_dir: str | None,
) -> None:
    """Make a token, and print it: it is shown this one time, and only its SHA-256 is kept."""
    if remote:
        seconds = None if expires is None else expires / 1e9
        made: Any = invocation.client().create_token(name, scopes, seconds)
    else:
        end = None if expires is None else time.time_ns() + expires
        secret, kept = _tokens(config, state_dir).create(name, parse_scopes(scopes), end)
        made = {**_document(kept), "token": secret}
    if invocation.json:
        emit(made)
        return
    line(made["token"])
    until = f", until {local_time(made['expires'])}" if "expires" in made else ""
    say(f"{name}: {', '.join(made['scopes'])}{until}. It is not shown again.")


@token.command(name="list")
@_of_tokens
def list_(
    invocation: Invocation, *, remote: bool, config: Path | None, state_dir: str | None
) -> None:
    """List the tokens: whose they are, what they may do, and when they were used, to the minute."""
    found: list[Any]
    if remote:
        found = [*invocation.client().tokens()]
    else:
        found = [_document(kept) for kept in _tokens(config, state_dir).all()]
    if invocation.json:
        for document in found:
            emit(document)
        return
    rows = [
        [
            document["name"],
            ", ".join(document["scopes"]),
            *(
                local_time(document[member]) if member in document else "-"
                for member in ("created", "expires", "last_used")
            ),
        ]
        for document in found
    ]
    for cells in table(_COLUMNS, rows, width()):
        line(joined(cells))


@token.command()
@click.argument("name")
@_of_tokens
def revoke(
    invocation: Invocation,
    *,
    name: str,
    remote: bool,
    config: Path | None,
    state_dir: str | None,
) -> None:
    """Revoke a token: it is not taken any more, nor are the sessions that were begun with it."""
    if remote:
        invocation.client().revoke_token(name)
    else:
        _tokens(config, state_dir).revoke(name)
    if invocation.json:
        emit({"revoked": name})
    else:
        line(f"{name} is revoked")


def _time(ns: int) -> str:
    moment = datetime(1970, 1, 1) + timedelta(microseconds=ns // 1000)
    return f"{moment.isoformat(timespec='microseconds')}Z"


def _document(kept: Token) -> dict[str, Any]:
    """As the API has it."""
    document: dict[str, Any] = {
        "name": kept.name,
        "scopes": [str(scope) for scope in kept.scopes],
        "created": _time(kept.created),
    }
    for member, moment in (("expires", kept.expires), ("last_used", kept.used)):
        if moment is not None:
            document[member] = _time(moment)
    return document
