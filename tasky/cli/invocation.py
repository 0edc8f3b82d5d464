"""What every command that asks a server has in common: --url, --profile, --json and the client."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from ..client import DEFAULT_URL, Client
from ..errors import TaskyError
from .profiles import profile_names
from .target import Target, find_target
from .terminal import line

#: For one answer, seconds.
TIMEOUT: Final = 30.0

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(slots=True)
class Invocation:
    """One run of the command line."""

    url: str = ""
    profile: str = ""
    json: bool = False
    #: Known once a server was to be asked.
    target: Target | None = None

    def find_target(self) -> Target:
        if self.target is None:
            self.target = find_target(self.url, self.profile)
        return self.target

    def client(self, timeout: float = TIMEOUT) -> Client:
        """Closed when the command ends. `timeout`: for one answer, seconds."""
        return click.get_current_context().with_resource(self.own_client(timeout))

    def own_client(self, timeout: float = TIMEOUT) -> Client:
        """For the caller to close."""
        target = self.find_target()
        return Client(target.url, token=target.token, timeout=timeout)


def emit(document: Any) -> None:
    """For --json: one document, one line. In ASCII, so that every locale and terminal takes it."""
    line(json.dumps(document, separators=(",", ":")))


pass_invocation: Final = click.make_pass_decorator(Invocation, ensure=True)


def server_options(function: Function) -> Function:
    url = click.option(
        "--url",
        metavar="URL",
        expose_value=False,
        callback=_set("url"),
        help=f"The server: http://host:port or unix:/path.  [env: TASKY_URL; default: {DEFAULT_URL}]",
    )
    profile = click.option(
        "--profile",
        metavar="NAME",
        expose_value=False,
        callback=_set("profile"),
        shell_complete=_complete_profiles,
        help="The server and token of this profile.  [env: TASKY_PROFILE; default: default]",
    )
    return url(profile(function))


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
    return server_options(json_option(pass_invocation(function)))


def _complete_profiles(
    _context: click.Context, _parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    try:
        return [CompletionItem(name) for name in profile_names() if name.startswith(typed)]
    except TaskyError:
        return []


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def store(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.ensure_object(Invocation), name, value)

    return store
