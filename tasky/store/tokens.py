"""The tokens: a small file of its own in the state directory, `tokens.json`.

Not in the database, which one process alone may write to: `tasky token` creates and revokes while a server runs, and
the server sees it with its next request. The file is replaced as a whole, under a lock, and synced to disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final

from ..errors import Conflict, NotFound, StoreBusy, StoreDamaged, StoreError
from ..model.access import Scope, Token, digest_of
from .failures import explain
from .folders import sync_folder
from .opening import make_state

_MINUTE: Final = 60_000_000_000
_MOST: Final = 10_000
#: Seconds that a change waits for another one to be done, and between two looks.
_PATIENCE: Final = 5.0
_PAUSE: Final = 0.01
_Signature = tuple[int, int, int, int]
_NONE: Final = (0, 0, 0, 0)


def new_secret() -> str:
    """256 bits that nobody can guess."""
    return f"tsk_{secrets.token_urlsafe(32)}"


class Tokens:
    """Any thread, and any number of processes. Raises StoreDamaged for a file that is none of ours."""

    def __init__(self, state_dir: Path) -> None:
        self._file: Final = state_dir / "tokens.json"
        self._guard: Final = threading.Lock()
        self._signature: _Signature | None = None
        self._by_digest: Mapping[bytes, Token] = {}
        #: When each was used, as far as that is not in the file yet.
        self._used: dict[bytes, int] = {}

    def all(self) -> list[Token]:
        """By name."""
        self._refresh()
        found = [self._with_use(token) for token in self._by_digest.values()]
        return sorted(found, key=lambda token: token.name)

    def find(self, digest: bytes) -> Token | None:
        """What the file says at this moment: a look at it costs one system call."""
        self._refresh()
        token = self._by_digest.get(digest)
        return token if token is not None and compare_digest(token.digest, digest) else None

    def used(self, digest: bytes, now: int) -> None:
        """Remembered to the minute, until `flush`."""
        minute = now - now % _MINUTE
        if self._used.get(digest) != minute:
            self._used[digest] = minute

    def create(
        self, name: str, scopes: tuple[Scope, ...], expires: int | None = None
    ) -> tuple[str, Token]:
        """A new token, and what is kept of it. Conflict if the name is taken."""
        secret = new_secret()
        digest = digest_of(secret)
        assert digest is not None
        token = Token(
            name=name, digest=digest, scopes=scopes, created=time.time_ns(), expires=expires
        )

        def add(tokens: dict[str, Token]) -> None:
            if name in tokens:
                raise Conflict(f"there is a token {name} already: revoke it first")
            if len(tokens) >= _MOST:
                raise Conflict(f"there are {_MOST} tokens already: revoke some first")
            tokens[name] = token

        try:
            make_state(self._file.parent)  # the first token may be there before the first server
        except OSError as error:
            raise explain(error, self._file.parent) from error
        self._change(add)
        return secret, token

    def revoke(self, name: str) -> None:
        """In force when this returns. NotFound if there is no such token."""

        def remove(tokens: dict[str, Token]) -> None:
            if tokens.pop(name, None) is None:
                raise NotFound(f"there is no token {name[:64]!r}")

        self._change(remove)

    def flush(self) -> None:
        """Writes when which token was used; to be called now and then. What cannot be written is tried again."""
        used = dict(self._used)
        if not used:
            return

        def note(tokens: dict[str, Token]) -> None:
            for name, token in tokens.items():
                tokens[name] = replace(token, used=_later(token.used, used.get(token.digest)))

        with contextlib.suppress(StoreError):
            self._change(note, patience=0)
            for digest, minute in used.items():
                if self._used.get(digest) == minute:
                    del self._used[digest]

    # ------------------------------------------------------------------ the file

    def _with_use(self, token: Token) -> Token:
        return replace(token, used=_later(token.used, self._used.get(token.digest)))

    def _refresh(self) -> None:
        signature = self._look()
        if signature == self._signature:
            return
        with self._guard:
            # Looked at before it is read: a change in between is seen the next time.
            signature = self._look()
            tokens = self._read()
            self._by_digest = {token.digest: token for token in tokens.values()}
            self._signature = signature

    def _look(self) -> _Signature:
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return _NONE
        except OSError as error:
            raise explain(error, self._file) from error
        return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def _read(self) -> dict[str, Token]:
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise explain(error, self._file) from error
        try:
            tokens = [_token(item) for item in json.loads(content)["tokens"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreDamaged(f"{self._file}: it is not a file of tokens of ours") from error
        return {token.name: token for token in tokens}

    def _change(
        self, change: Callable[[dict[str, Token]], None], patience: float = _PATIENCE
    ) -> None:
        try:
            with self._locked(patience):
                tokens = self._read()
                change(tokens)
                self._write(tokens)
        except OSError as error:
            raise explain(error, self._file) from error

    @contextlib.contextmanager
    def _locked(self, patience: float) -> Iterator[None]:
        """Against other processes, and our own threads: each call has a descriptor of its own (flock(2)). StoreBusy if
        another one has it for longer than `patience`, in seconds."""
        fd = os.open(
            self._file.with_name("tokens.lock"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
            0o600,
        )
        try:
            self._give(fd)
            deadline = time.monotonic() + patience
            while not _takes(fd):
                if time.monotonic() >= deadline:
                    raise StoreBusy(f"{self._file}: another program keeps it locked")
                time.sleep(_PAUSE)
            yield
        finally:
            os.close(fd)

    def _write(self, tokens: Mapping[str, Token]) -> None:
        document = {"tokens": [_document(token) for token in tokens.values()]}
        new = self._file.with_name("tokens.json.new")
        new.unlink(missing_ok=True)  # of somebody who died here
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(new, flags, 0o600), "w", encoding="ascii") as file:
            self._give(file.fileno())
            json.dump(document, file, indent=1)
            file.write("\n")
            file.flush()
            # The kernel's own clock for files is coarse: two changes must never look like none.
            os.utime(file.fileno(), ns=(time.time_ns(), time.time_ns()))
            os.fsync(file.fileno())
        new.rename(self._file)
        sync_folder(self._file.parent)

    def _give(self, fd: int) -> None:
        """What root makes belongs to whom the state directory belongs: the server must be able to read it."""
        if os.geteuid() == 0:
            owner = self._file.parent.stat()
            os.fchown(fd, owner.st_uid, owner.st_gid)


def _takes(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _later(one: int | None, other: int | None) -> int | None:
    return max(one or 0, other or 0) or None


def _document(token: Token) -> dict[str, Any]:
    return {
        "name": token.name,
        "sha256": token.digest.hex(),
        "scopes": [str(scope) for scope in token.scopes],
        "created": token.created,
        "expires": token.expires,
        "used": token.used,
    }


def _token(item: Mapping[str, Any]) -> Token:
    token = Token(
        name=item["name"],
        digest=bytes.fromhex(item["sha256"]),
        scopes=tuple(map(Scope.parse, item["scopes"])),
        created=item["created"],
        expires=item["expires"],
        used=item["used"],
    )
    if not isinstance(token.name, str) or not all(
        isinstance(time_, int | None) for time_ in (token.created, token.expires, token.used)
    ):
        raise TypeError
    return token
