"""How the processes of tasks would be held together here, and what their limits are kept by."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from ..config import runs_as_root
from ..model.containment import Kind
from ..model.limits import Limits, Means, kept
from ..model.worker import WorkerDefinition
from ..supervisor import Found, direct
from ..supervisor.containment.former import recorded
from ..supervisor.containment.subreaper import become, resign
from .finding import Finding, ok, problem, skipped, warning
from .mounts import mounts

#: What the kind of containment does not guarantee, in a sentence each.
_LIMIT_OF_CGROUP: Final = (
    "everything that a worker starts ends with its task, unless a process of the server's own user takes itself to"
    " another cgroup and hides every trace"
)
_LIMIT_OF_GROUP: Final = (
    "what leaves its process group is searched for; a process that has left its session, its environment, its work"
    " folder and its parents can outlive its task"
)
#: What becomes of the limit that a controller would keep.
_WITHOUT: Final = {
    "memory": "`memory` is limited for each process by itself",
    "pids": "`processes` for all of its user, and not at all for root",
    "cpu": "`cpu` not at all",
}
#: One of each, to be told what keeps it.
_ALL: Final = Limits(memory=1, cpu=1, processes=1, open_files=1, file_size=1, output=1)
_ADVICE: Final = "Give it a cgroup of its own: Delegate=yes in its systemd unit, a writable cgroup v2 in a container"


def hierarchies() -> Finding:
    """Which versions of cgroups are mounted."""
    kinds = {mount.kind for mount in mounts()}
    if "cgroup2" in kinds and "cgroup" in kinds:
        return warning(
            "cgroups",
            "versions 1 and 2 side by side (hybrid): Tasky uses version 2, and the controllers that version 1 has are"
            " not there. systemd.unified_cgroup_hierarchy=1 on the kernel's command line gives them all to version 2",
        )
    if "cgroup2" in kinds:
        return ok("cgroups", "version 2")
    if "cgroup" in kinds:
        return warning("cgroups", "version 1 alone, which Tasky does not use")
    return warning("cgroups", "none are mounted")


def kind(found: Found, wanted: Kind) -> Finding:
    """What was found by trying: a process in a cgroup, frozen, killed."""
    if wanted is Kind.PROCESS_GROUP:
        return warning("containment", f"process-group, as the settings want it: {_LIMIT_OF_GROUP}")
    if found.kind is Kind.CGROUP:
        return ok("containment", f"cgroup, as was tried: {_LIMIT_OF_CGROUP}")
    if wanted is Kind.CGROUP:
        return problem(
            "containment",
            f"the settings want cgroup, which cannot be had: {found.reason}. The server does not start. {_ADVICE}",
        )
    return warning(
        "containment",
        f"process-group, since cgroups cannot be had: {found.reason}. So {_LIMIT_OF_GROUP}. {_ADVICE}",
    )


def in_force(state_dir: Path) -> tuple[Finding, frozenset[str]]:
    """What the server that runs has, and the controllers in it."""
    try:
        folder = recorded(state_dir)
    except OSError as error:
        said = f"what the server has: {error.filename}: {error.strerror}"
        return skipped("containment", said), frozenset()
    if folder is None:
        said = f"process-group, in force in the server that runs. So {_LIMIT_OF_GROUP}"
        return warning("containment", said), frozenset()
    try:
        controllers = frozenset(Path(folder, "cgroup.subtree_control").read_text().split())
    except OSError:  # it ended meanwhile
        controllers = frozenset()
    said = f"cgroup, in force in the server that runs, at {folder}: {_LIMIT_OF_CGROUP}"
    return ok("containment", said), controllers


def outside(found: Found) -> Finding:
    """Of a unit that gives its server a cgroup of its own, seen from outside of it."""
    if found.kind is Kind.CGROUP:
        return ok("containment", f"cgroup, as was tried here: {_LIMIT_OF_CGROUP}")
    return skipped(
        "containment",
        f"the unit gives its server a cgroup of its own (Delegate=); here, outside of it, none can be had:"
        f" {found.reason}",
    )


def limits(controllers: Collection[str], definitions: Mapping[str, WorkerDefinition]) -> Finding:
    """What the kernel limits for a whole task, and the workers who want what is not kept."""
    vain = [
        f"{name}: {limit}"
        for name, definition in definitions.items()
        for limit in kept(definition.limits, controllers, as_root=runs_as_root(definition))
        if limit.means is Means.NOTHING
    ]
    parts = [f"controllers: {', '.join(sorted(controllers)) or 'none'}", *_by_means(controllers)]
    parts += [text for name, text in _WITHOUT.items() if name not in controllers]
    there = "; ".join(parts)
    return warning("limits", f"{there}. {'; '.join(vain)}") if vain else ok("limits", there)


def _by_means(controllers: Collection[str]) -> Iterator[str]:
    """What keeps which limit, for a worker that is not root."""
    by: dict[Means, list[str]] = {}
    for one in kept(_ALL, controllers, as_root=False):
        by.setdefault(one.means, []).append(one.limit)
    for means in (Means.CGROUP, Means.RLIMIT, Means.SERVER):
        if means in by:
            yield f"by {means}: {', '.join(by[means])}"


def orphans() -> Finding:
    """Whether what has lost its parents comes to the server, and can be found then."""
    try:
        if not become():
            resign()
    except OSError as error:
        return problem("orphans", f"the server cannot become a subreaper: {error.strerror}")
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        return warning(
            "orphans",
            "this kernel does not list children (CONFIG_PROC_CHILDREN): what has left its process group is found at the"
            " next start only",
        )
    return ok("orphans", "the server becomes their parent (subreaper)")


def starts() -> Finding:
    """How processes are started: not how well, but how fast."""
    if direct.is_there():
        return ok("starts", "each process directly, by a part of Tasky that is written in C")
    return ok(
        "starts",
        "each process by Python, and in cgroups by a line of shell: at twice the cost, for there was no C compiler when"
        " Tasky was installed. With one (gcc and libc6-dev, or clang), install it again",
    )
