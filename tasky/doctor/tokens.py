"""The tokens, and the file that they are kept in."""

from __future__ import annotations

import shlex
import stat
import time
from collections.abc import Iterator, Sequence

from ..config import Settings
from ..errors import TaskyError
from ..model.access import Token
from ..store import Tokens
from .finding import Finding, ok, problem, skipped, warning, worst
from .running import Running, name_of

_MOST = 5


def tokens(settings: Settings, server: Running) -> Finding:
    file = settings.state_dir / "tokens.json"
    try:
        status = file.stat()
    except FileNotFoundError:
        return worst("tokens", [_none(settings)])
    except OSError as error:
        return skipped("tokens", f"{file}: {error.strerror}")
    shell = shlex.quote(str(file))
    if status.st_uid not in (0, server.uid):
        return problem(
            "tokens",
            f"{file} belongs to {name_of(status.st_uid)}, and the server is {server.user}: chown {server.user} {shell}",
        )
    parts = []
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        parts.append(
            problem("", f"others can write {file}, and let themselves in: chmod 600 {shell}")
        )
    elif status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        parts.append(warning("", f"others can read {file}: chmod 600 {shell}"))
    try:
        found = Tokens(settings.state_dir).all()
    except PermissionError:
        parts.append(skipped("", f"{file}: permission denied"))
    except TaskyError as error:
        parts.append(_unread(error))
    else:
        parts += _of(found, settings)
    return worst("tokens", parts)


def _unread(error: TaskyError) -> Finding:
    denied = isinstance(error.__cause__, PermissionError)
    return skipped("", error.message) if denied else problem("", error.message)


def _of(found: Sequence[Token], settings: Settings) -> Iterator[Finding]:
    now = time.time_ns()
    valid = [token for token in found if token.principal(now) is not None]
    expired = [token.name for token in found if token not in valid]
    if not settings.auth:
        yield _none(settings)
        yield ok("", f"tokens that nobody is asked for: {len(found)}")
        return
    if not valid:
        yield _none(settings)
    else:
        admins = sum(principal.is_admin for token in valid if (principal := token.principal(now)))
        yield ok("", f"auth: true; {len(valid)} valid, of an admin: {admins}")
    if expired:
        more = f" and {len(expired) - _MOST} more" if len(expired) > _MOST else ""
        names = ", ".join(expired[:_MOST])
        yield warning("", f"expired: {names}{more}. tasky token revoke removes them")


def _none(settings: Settings) -> Finding:
    if not settings.auth:
        return ok("", "auth: false: whoever can connect may do everything")
    if settings.proxy.trusted:
        return ok("", "auth: true; none is valid: users come by the trusted proxy only")
    return warning(
        "", "auth: true, and nobody can log in: tasky token create --name admin --scope admin"
    )
