"""A real nginx in front of a server, for the tests that want one."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import PATIENCE, wait_for

_CONFIG = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; worker_rlimit_nofile 1024;
events {{ worker_connections 256; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  log_format seen '$request_method $uri $status'; access_log {folder}/seen.log seen;
  upstream tasky {{ server {upstream}; keepalive 1; }}
  server {{
    listen unix:{folder}/nginx.sock;
    location / {{ proxy_pass http://tasky; proxy_http_version 1.1; proxy_set_header Connection ""; {directives} }}
  }}
}}
"""


@contextlib.contextmanager
def in_front_of(upstream: str, folder: Path, directives: str) -> Iterator[Path]:
    """Gives the unix socket that it listens on, in `folder`; in `seen.log` there is a line `METHOD PATH STATUS` for
    each request. It keeps its connection to the server from one request to the next."""
    if not shutil.which("nginx"):
        pytest.skip("NOTHING IS TESTED BEHIND A PROXY: there is no nginx (scripts/test --system)")
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, upstream=upstream, directives=directives))
    command = ["nginx", "-p", str(folder), "-c", str(config), "-e", str(folder / "start.log")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # It writes its number once it listens; the socket is there before that.
        wait_for((folder / "pid").exists, "nginx listens")
        yield folder / "nginx.sock"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def seen(folder: Path) -> list[str]:
    return (folder / "seen.log").read_text().splitlines()
