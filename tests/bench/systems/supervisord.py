"""supervisord: for what runs long, without a queue; its programs are known before it starts."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..bench import System
from .peers import ENVIRONMENT, lacks_program
from .processes import answers, free_port, running

NAME: Final = "supervisord"
SYSTEM: Final = System(
    NAME,
    "supervisord: its programs stand in its configuration; it has no queue",
    "nothing but the log",
    lambda: lacks_program("supervisord"),
)
_CONFIGURATION: Final = """\
[supervisord]
nodaemon=true
logfile={folder}/log
loglevel=error
pidfile={folder}/pid
childlogdir={folder}
minfds=8192
[inet_http_server]
port=127.0.0.1:{port}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:it]
command={command}
process_name=it-%(process_num)04d
numprocs={count}
autostart=false
autorestart=false
startsecs=0
stopwaitsecs=2
stdout_logfile={folder}/out-%(process_num)04d
stdout_logfile_maxbytes=0
stderr_logfile=NONE
"""


class Supervisord(NamedTuple):
    pid: int
    api: Any
    folder: Path


@contextmanager
def supervisord(folder: Path, command: str, count: int) -> Iterator[Supervisord]:
    """With so many processes of the command, none of which is started yet."""
    port = free_port()
    file = folder / "conf"
    file.write_text(_CONFIGURATION.format(folder=folder, port=port, command=command, count=count))
    with running(ENVIRONMENT / "bin/supervisord", "-c", file, folder=folder) as process:
        answers(port, process)
        proxy = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}/RPC2")
        yield Supervisord(process.pid, proxy.supervisor, folder)
