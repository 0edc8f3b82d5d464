"""What is to be started: the argv, the environment and the task line of an attempt."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..model.messages import encode_task
from ..model.params import Masker, expand
from ..model.worker import Protocol, WorkerDefinition

_DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """What to start. `workdir` is the task's own folder, which is there; `masker` hides the secrets in what it says."""

    task_id: str
    definition: WorkerDefinition
    params: Mapping[str, Any]
    attempt: int
    workdir: str
    masker: Masker | None

    @property
    def cwd(self) -> str:
        return self.definition.cwd or self.workdir

    def task_line(self) -> bytes:
        """What the worker reads on its stdin; an ordinary program reads nothing."""
        if self.definition.protocol is Protocol.TEXT:
            return b""
        return encode_task(
            self.task_id, self.definition.name, self.params, self.attempt, self.workdir
        )

    def command_line(self, entry: str | None) -> list[str]:  # noqa: ARG002
        """The argv: never a shell. `entry` is the file of the tree that it enters first.

        Another user is taken on by setpriv (util-linux): with Popen's user=, CPython forks the whole server instead
        of using vfork."""
        definition = self.definition
        argv = [*definition.command, *expand(definition.args, self.params, definition.parameters)]
        if definition.user is None:
            return argv
        _must_be_executable(argv[0])  # else setpriv's exit status would pass for the worker's
        group = pwd.getpwnam(definition.user).pw_gid
        shutil.chown(self.workdir, definition.user, group)
        return [
            "setpriv",
            f"--reuid={definition.user}",
            f"--regid={group}",
            "--init-groups",
            "--",
            *argv,
        ]

    def environment(self) -> dict[str, str]:
        """PATH, what the definition names, TASKY_*: nothing else of the server's environment."""
        definition = self.definition
        passed = {name: os.environ[name] for name in definition.pass_env if name in os.environ}
        return {
            "PATH": os.environ.get("PATH", _DEFAULT_PATH),
            **passed,
            **definition.env,
            "TASKY_TASK_ID": self.task_id,
            "TASKY_WORKER": definition.name,
            "TASKY_ATTEMPT": str(self.attempt),
            "TASKY_WORKDIR": self.workdir,
            "TASKY_PROTOCOL": "1",
        }


def _must_be_executable(program: str) -> None:
    """As far as the server can tell: OSError as an exec would give it."""
    os.stat(program)  # noqa: PTH116 - for its error only
    if not os.access(program, os.X_OK):
        raise PermissionError(13, os.strerror(13))
