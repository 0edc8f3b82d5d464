"""What every command that asks a server has in common: --url, --json and the client."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from ..client import DEFAULT_URL, Client
from .terminal import line

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(slots=True)
class Invocation:
    """One run of the command line."""

    url: str = DEFAULT_URL
    json: bool = False

    def client(self) -> Client:
        """Closed when the command ends."""
        return click.get_current_context().with_resource(Client(self.url))


def emit(document: Any) -> None:
    """For --json: one document, one line. In ASCII, so that every locale and terminal takes it."""
    line(json.dumps(document, separators=(",", ":")))


pass_invocation: Final = click.make_pass_decorator(Invocation, ensure=True)


def url_option(function: Function, envvar: str | None = None) -> Function:
    """`envvar` is for the outermost command only: within, it would win over what stands on the command line."""
    return click.option(
        "--url",
        envvar=envvar,
        metavar="URL",
        expose_value=False,
        callback=_set("url"),
        help=f"The server: http://host:port or unix:/path.  [env: TASKY_URL; default: {DEFAULT_URL}]",
    )(function)


def json_option(function: Function) -> Function:
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_set("json"),
        help="Print JSON for programs: one document a line.",
    )(function)


def asks_server(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of a command that asks a server; it is called with the Invocation first."""
    return url_option(json_option(pass_invocation(function)))


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def store(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.ensure_object(Invocation), name, value)

    return store
