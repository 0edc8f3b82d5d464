"""tasky login, logout, whoami"""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

import click

from ..client import Client, NotFound, Unauthorized, WhoamiDocument
from ..errors import TaskyError
from .exits import Exit
from .invocation import Invocation, asks_server, emit
from .profile_editing import change_profile
from .profiles import profiles_file, read_profile
from .target import find_target, profile_name
from .terminal import complain, is_terminal, line, one_line

_OWN = frozenset({"127.0.0.1", "::1", "localhost"})


class LoginError(TaskyError):
    """The token is not kept."""


@click.command()
@asks_server
def login(invocation: Invocation) -> None:
    """Keep a token for a server in a profile.

    The token is asked for, or read from standard input; on the command line others could see it. The server has to
    accept it. It is written to the file of the profiles, which only you can read then.
    """
    target = find_target(invocation.url, invocation.profile, new=True)
    name = profile_name(invocation.profile)
    own = read_profile(name, required=False).url
    if own and own != target.url:
        raise click.UsageError(f"the profile {name} is for {own}: give --profile for another one")
    if _is_in_clear(target.url):
        complain(f"{target.url} is not encrypted: whoever is in between can read the token")
    token = _ask()
    with Client(target.url, token=token) as client:
        found = _check(client)
    changes = {"url": target.url, "token": token, "token_file": None}
    change_profile(profiles_file(), name, changes)
    if invocation.json:
        emit(found)
    else:
        line(f"{_described(found)}; the token is in the profile {name}: {profiles_file()}")


@click.command()
@asks_server
def logout(invocation: Invocation) -> int:
    """Remove the token from a profile. The server still accepts it: `tasky token revoke` ends that."""
    name = profile_name(invocation.profile)
    if not change_profile(profiles_file(), name, {"token": None, "token_file": None}):
        complain(f"there is no token in the profile {name}")
        return Exit.FAILED
    if not invocation.json:
        line(f"the token is gone from the profile {name}")
    return Exit.OK


@click.command()
@asks_server
def whoami(invocation: Invocation) -> None:
    """For whom the server takes you, and what you may do there."""
    found = invocation.client().whoami()
    emit(found) if invocation.json else line(_described(found))


def _ask() -> str:
    if is_terminal(sys.stdin):
        text: str = click.prompt("Token", hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    if not text.strip():
        raise click.UsageError("there is no token on standard input")
    return text.strip()


def _check(client: Client) -> WhoamiDocument:
    try:
        found = client.whoami()
    except NotFound:
        raise LoginError("this server knows no tokens: none is needed") from None
    except Unauthorized as error:
        raise LoginError(f"the token is not accepted: {error.message}") from None
    if found["name"] is None:
        raise LoginError("this server asks nobody for a token (its setting auth is false)")
    return found


def _described(found: WhoamiDocument) -> str:
    scopes = ", ".join(found["scopes"]) or "none"
    return one_line(f"{found['name'] or 'nobody in particular'}, with {scopes}")


def _is_in_clear(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _OWN
