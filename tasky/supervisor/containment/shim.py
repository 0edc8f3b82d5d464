"""How a worker gets into its cgroup before its first instruction: a fixed line of shell, which takes no value of
anybody's as code. The arguments pass through it untouched, and the process stays the same."""

from __future__ import annotations

from typing import Final

#: The exit status of a leader that could not get in, if `Tree.entered` agrees: a worker may use it, too.
NOT_ENTERED: Final = 125
#: The shell adds variables of its own, which are not the worker's to see (bash, as sh, also leaves it a `_`).
_LINE: Final = (
    f'{{ echo 0 >"$1"; }} 2>/dev/null || exit {NOT_ENTERED};'
    ' shift; unset PWD OLDPWD SHLVL; exec "$@"'
)


def enter(entry: str) -> list[str]:
    """What to put before an argv; `entry` is the cgroup.procs of the tree. A program that cannot be executed then shows
    as exit status 127 or 126, and one without an interpreter line is run by the shell: look at it beforehand."""
    return ["/bin/sh", "-c", _LINE, "tasky-shim", entry]
