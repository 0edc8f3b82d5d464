"""Who is known, and what they may do: tokens, sessions, a proxy's users; what they did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from logging import WARNING
from types import MappingProxyType
from typing import Final, NamedTuple

from ..errors import (
    Forbidden,
    TaskyError,
    TooManyFailures,
    Unauthorized,
    UnknownTask,
    UnknownWorker,
)
from ..model.access import Need, Principal, Scope, Token, digest_of, user_name
from ..model.proxies import EVERYBODY
from ..model.task import Action
from ..store import Store, Tokens, new_secret, sessions, tasks
from .limiter import MOST_FAILURES, Limiter
from .service import check_id
from .trail import tell

#: How long a browser stays logged in, in ns.
SESSION: Final = 12 * 3600 * 1_000_000_000
_NO_GROUPS: Final[Mapping[str, tuple[Scope, ...]]] = MappingProxyType({})


class Known(NamedTuple):
    """Somebody, by what (`token`, `session` or `proxy`), and whether that still holds."""

    principal: Principal
    by: str
    still: Callable[[], bool]


class Access:
    """Any thread. Whatever is refused raises Unauthorized, Forbidden, UnknownWorker or UnknownTask."""

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        groups: Mapping[str, tuple[Scope, ...]] = _NO_GROUPS,
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`groups` are the scopes of a proxy's groups; those of EVERYBODY have all its users. `on_failure(reason)` is
        told of each login that fails: `refused`, or `limited`."""
        self._store: Final = store
        self.tokens: Final = tokens
        self._groups: Final = groups
        self._on_failure: Final = on_failure
        self.failures: Final = Limiter()
        tokens.all()  # a damaged file stops the start, not the first request

    # ------------------------------------------------------------------ who

    def of_token(self, text: str) -> Known:
        """Whom a token belongs to."""
        token = self._token(digest_of(text))
        principal = _current(token)
        return Known(principal, "token", lambda: self._holds(token.digest, principal))

    def of_session(self, secret: str) -> Known:
        """Who has logged in: as long as the session lasts, and the token that it was made with."""
        digest = digest_of(secret)
        found = None if digest is None else self._session(digest)
        if digest is None or found is None:
            raise Unauthorized("the session is over: log in again")
        principal = _current(self._token(found))

        def still() -> bool:
            return self._session(digest) == found and self._holds(found, principal)

        return Known(principal, "session", still)

    def of_user(self, user: str, groups: Iterable[str]) -> Known:
        """Somebody whom a trusted proxy has let in."""
        scopes = [self._groups.get(group, ()) for group in {EVERYBODY, *groups}]
        principal = Principal(user_name(user), frozenset().union(*scopes))
        return Known(principal, "proxy", lambda: True)

    def login(self, text: str) -> tuple[str, Known]:
        """Begins a session of a token's owner; gives its secret."""
        known = self.of_token(text)
        token = digest_of(text)
        secret = new_secret()
        digest = digest_of(secret)
        assert token is not None
        assert digest is not None
        now = time.time_ns()
        self._store.writer.call(sessions.begin(digest, token, now, now + SESSION))
        return secret, known

    def logout(self, secret: str) -> None:
        digest = digest_of(secret)
        if digest is not None:
            self._store.writer.call(sessions.end(digest))

    def failed(self, address: str, error: Unauthorized) -> TaskyError:
        """What to answer to a wrong token: `error`, or after so many of them in a minute that it is too many. A right
        one is taken all the same: nobody guesses 256 bits, and a client must not lock out its neighbours."""
        count, left = self.failures.failed(address)
        limited = count > MOST_FAILURES
        self._on_failure("limited" if limited else "refused")
        if count <= MOST_FAILURES + 1:
            reason = "too many: no more are logged in this minute" if limited else str(error)
            tell(
                WARNING,
                action="login",
                address=address,
                status=429 if limited else 401,
                reason=reason,
            )
        if not limited:
            return error
        refusal = TooManyFailures()
        refusal.retry_after = left
        return refusal

    def _token(self, digest: bytes | None) -> Token:
        token = None if digest is None else self.tokens.find(digest)
        if token is None:
            raise Unauthorized("there is no such token")
        self.tokens.used(token.digest, time.time_ns())
        return token

    def _session(self, digest: bytes) -> bytes | None:
        return self._store.reader.session(digest, time.time_ns())

    def _holds(self, digest: bytes, principal: Principal) -> bool:
        token = self.tokens.find(digest)
        return token is not None and token.principal(time.time_ns()) == principal

    # ------------------------------------------------------------------ what

    def check(self, by: Principal, need: Need) -> None:
        """For what is about no single worker or task: at least to some of it there must be a right."""
        if not by.ever(need):
            raise Forbidden(f"this needs the scope {_scope(need)}")

    def check_worker(self, by: Principal, need: Need, name: str) -> None:
        """One that may not be seen is not there."""
        worker = name.lower()
        if by.is_admin or by.may(need, worker):
            return
        if not by.sees_worker(worker):
            self.check(by, Need.READ)
            raise UnknownWorker(f"there is no worker {name[:64]!r}")
        if need is not Need.READ:
            raise Forbidden(f"this needs the scope {_scope(need, worker)}")

    def check_task(self, by: Principal, need: Need, task_id: str) -> None:
        """Likewise."""
        if by.is_admin:
            return
        if need is not Need.CANCEL:
            self.check(by, Need.READ)
        check_id(task_id)
        origin = self._store.reader.origin(task_id)
        if origin is not None and by.may_with_task(need, *origin):
            return
        if origin is None or not by.sees_task(*origin):
            raise UnknownTask(f"there is no task {task_id!r}")
        raise Forbidden(f"this needs the scope {_scope(need, origin[0])}")

    def record(self, by: Principal, task_id: str, action: str) -> None:
        """Kept with the task. Does not wait for the disk, and is no reason to fail."""
        done = Action(time=time.time_ns(), by=by.name, action=action)
        self._store.writer.post(tasks.record(task_id, done), durable=False)


def _current(token: Token) -> Principal:
    principal = token.principal(time.time_ns())
    if principal is None:
        raise Unauthorized("the token has expired")
    return principal


def _scope(need: Need, worker: str = "") -> str:
    return f"run:{worker or 'WORKER'}" if need is Need.RUN else str(need)
