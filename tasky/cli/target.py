"""Which server a command is for, and with which token: the command line, the environment, the profile."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from ..client import DEFAULT_URL, ClientError
from ..client.address import parse_address
from .profiles import DEFAULT, Profile, read_profile

_URL: Final = "TASKY_URL"
_TOKEN: Final = "TASKY_TOKEN"
_PROFILE: Final = "TASKY_PROFILE"


@dataclass(frozen=True, slots=True)
class Target:
    """`url_from` and `token_from` say where each is from, in words; `token` is empty where there is none."""

    url: str
    url_from: str
    token: str = ""
    token_from: str = ""

    def __repr__(self) -> str:
        return f"Target({self.url!r}, {self.url_from!r}, token from {self.token_from!r})"


def find_target(url: str = "", profile: str = "", *, new: bool = False) -> Target:
    """`url` and `profile` as they stand on the command line, which wins over the environment, and that over the
    default profile. The token of a profile goes to the profile's own server only. `new`: the profile need not be
    there."""
    environ = os.environ
    name = profile or environ.get(_PROFILE) or DEFAULT
    found = read_profile(name, required=name != DEFAULT and not new)
    where = f"the profile {name}"
    if url:
        address, url_from = url, "--url"
    elif environ.get(_URL) and not (profile and found.url):
        address, url_from = environ[_URL], _URL
    elif found.url:
        address, url_from = found.url, where
    else:
        address, url_from = DEFAULT_URL, "the default"
    if found.token and (profile or not environ.get(_TOKEN)) and _same(address, found):
        return Target(address, url_from, found.token, where)
    if token := environ.get(_TOKEN, ""):
        return Target(address, url_from, token, _TOKEN)
    return Target(address, url_from)


def profile_name(profile: str = "") -> str:
    """That of `find_target`."""
    return profile or os.environ.get(_PROFILE) or DEFAULT


def _same(url: str, profile: Profile) -> bool:
    own = profile.url or DEFAULT_URL
    if url == own:
        return True
    try:
        one, other = parse_address(url), parse_address(own)
    except ClientError:
        return False
    places = [(at.host, at.port, at.secure, at.prefix, at.socket) for at in (one, other)]
    return places[0] == places[1]
