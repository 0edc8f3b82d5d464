"""What the server takes of the system for itself: descriptors, an address."""

from __future__ import annotations

import os
import resource

from ..config import Listen
from ..daemon import descriptors_lacking
from ..errors import TaskyError
from ..web.server import listen_tcp
from .finding import Finding, ok, problem


def descriptors(max_tasks: int) -> Finding:
    lack = descriptors_lacking(max_tasks)
    if lack is not None:
        return problem("files", lack)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = "no limit of" if hard == resource.RLIM_INFINITY else f"{hard}"
    return ok("files", f"{limit} open files, enough for max_tasks: {max_tasks}")


def address(listen: Listen, *, is_running: bool) -> Finding:
    """Tried, unless a server is there that has it."""
    if is_running:
        return ok("listen", f"{listen}, where a server runs")
    if listen.path is not None:
        folder = listen.path.absolute().parent
        if not os.access(folder, os.W_OK | os.X_OK):
            return problem("listen", f"{listen}: {folder} is not there, or cannot be written")
        return ok("listen", str(listen))
    assert listen.host is not None
    assert listen.port is not None
    try:
        listen_tcp(listen.host, listen.port).close()
    except TaskyError as error:
        return problem("listen", error.message)
    return ok("listen", str(listen))
