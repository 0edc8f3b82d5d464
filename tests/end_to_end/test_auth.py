"""Authentication of a real server: tokens that come and go while it runs; behind a real nginx, too."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import PATIENCE, Answer, Server, wait_for

Serve = Callable[..., Server]


def tasky(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command line, in a process of its own."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TASKY_")}
    return subprocess.run(
        [sys.executable, "-m", "tasky", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean | environ,
        check=False,
    )


def token(state: Path, name: str, *scopes: str, **options: str) -> str:
    wanted = [word for scope in scopes for word in ("--scope", scope)]
    more = [word for key, value in options.items() for word in (f"--{key}", value)]
    done = tasky("token", "create", "--name", name, *wanted, *more, "--state-dir", str(state))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_the_first_token_comes_before_the_first_server(serve: Serve, tmp_path: Path) -> None:
    ops = token(tmp_path / "state", "ops", "admin")
    server = serve(TASKY_AUTH="true")
    assert server.request("GET", "/tasks").status == 401
    assert server.request("GET", "/tasks", **bearer(ops)).status == 200
    assert server.request("GET", "//healthz").status == 200


def test_a_running_server_sees_tokens_come_and_go(serve: Serve, tmp_path: Path) -> None:
    server = serve(TASKY_AUTH="true")
    assert "nobody can log in" in server.logged
    ci = token(server.state, "ci", "run:true", expires="1h")
    assert server.request("POST", "/workers/true?wait=30s", {}, **bearer(ci)).status == 200
    assert server.request("POST", "/workers/sleep", {}, **bearer(ci)).status == 404
    done = tasky("token", "revoke", "ci", "--state-dir", str(server.state))
    assert done.returncode == 0, done.stderr
    assert server.request("POST", "/workers/true", {}, **bearer(ci)).status == 401
    assert ci not in server.logged


def test_tokens_through_the_api(serve: Serve) -> None:
    server = serve(TASKY_AUTH="true")
    here = {"TASKY_URL": server.url, "TASKY_TOKEN": token(server.state, "ops", "admin")}
    made = tasky("token", "create", "--remote", "--name", "ci", "--scope", "read", **here)
    assert made.returncode == 0, made.stderr
    assert server.request("GET", "/tasks", **bearer(made.stdout.strip())).status == 200
    listed = tasky("token", "list", "--remote", "--json", **here).stdout.splitlines()
    assert [json.loads(line)["name"] for line in listed] == ["ci", "ops"]
    assert tasky("token", "revoke", "--remote", "ci", **here).returncode == 0
    assert server.request("GET", "/tasks", **bearer(made.stdout.strip())).status == 401


def test_sessions_and_the_last_use_outlive_a_restart(serve: Serve) -> None:
    server = serve(TASKY_AUTH="true")
    ann = token(server.state, "ann", "read")
    cookie = server.request("POST", "/login", {"token": ann}).headers["Set-Cookie"].split(";")[0]
    assert server.stop() == 0
    used = tasky("token", "list", "--json", "--state-dir", str(server.state))
    assert "last_used" in json.loads(used.stdout)
    server.start()
    assert server.request("GET", "/tasks", Cookie=cookie).status == 200


def test_a_damaged_file_of_tokens_stops_the_start(serve: Serve) -> None:
    server = serve()
    assert server.stop() == 0
    (server.state / "tokens.json").write_text("{")
    with pytest.raises(AssertionError, match=r"tokens\.json: it is not a file of tokens"):
        serve(TASKY_AUTH="true")


def test_beyond_loopback_with_authentication(serve: Serve) -> None:
    server = serve("--listen", "0.0.0.0:0", TASKY_AUTH="true")
    ops = token(server.state, "ops", "admin")
    with closing(HTTPConnection("127.0.0.1", server.address[1], timeout=PATIENCE)) as connection:
        for headers, status in ({}, 401), (bearer(ops), 200):
            connection.request("GET", "/tasky/v1/tasks", headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status


# ---------------------------------------------------------------------- nginx

_NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_CONFIG = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  {paths}
  # Who is in which group: what an OpenID Connect or LDAP proxy would know.
  map $remote_user $groups {{ ann "ops, staff"; default ""; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      auth_basic "Tasky";
      auth_basic_user_file {folder}/users;
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
      proxy_set_header Authorization "";
      proxy_set_header X-Forwarded-User $remote_user;
      proxy_set_header X-Forwarded-Groups $groups;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""
_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextmanager
def nginx(folder: Path, upstream: str) -> Iterator[int]:
    """A real one before the server, with the users ann and bob (password: secret); gives its port."""
    assert _NGINX is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder.mkdir()
    (folder / "users").write_text("ann:{PLAIN}secret\nbob:{PLAIN}secret\n")
    paths = "".join(f"{name}_temp_path {folder}/{name};" for name in _PATHS)
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, paths=paths, port=port, upstream=upstream))
    process = subprocess.Popen([_NGINX, "-p", str(folder), "-c", str(config), "-e", "stderr"])
    try:
        wait_for(lambda: process.poll() is not None or _answers(port), "nginx listens")
        assert process.poll() is None, (folder / "error.log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        data = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, f"/tasky/v1{path}", data, {**kind, **sent})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())


ANN = "Basic YW5uOnNlY3JldA=="
BOB = "Basic Ym9iOnNlY3JldA=="


@pytest.mark.skipif(
    _NGINX is None, reason="NOT TESTED: a reverse proxy. There is no nginx: scripts/test --system"
)
def test_users_of_a_real_proxy(serve: Serve, tmp_path: Path) -> None:
    server = serve(
        TASKY_AUTH="true",
        TASKY_PROXY_TRUSTED="127.0.0.1",
        TASKY_PROXY_SCOPES="ops=read,ops=cancel,*=run:true",
    )
    host, port = server.address
    with nginx(tmp_path / "nginx", f"{host}:{port}") as front:
        assert ask(front, "GET", "/whoami").status == 401  # by nginx
        ann = ask(front, "GET", "/whoami", Authorization=ANN).json
        assert ann == {
            "name": "user:ann",
            "with": "proxy",
            "scopes": ["cancel", "read", "run:true"],
        }
        # What the client says of itself does not come through.
        forged = {"X_Forwarded_User": "root", "X_Forwarded_Groups": "ops", "Authorization": BOB}
        bob = ask(front, "GET", "/whoami", **forged).json
        assert bob == {"name": "user:bob", "with": "proxy", "scopes": ["run:true"]}
        made = ask(front, "POST", "/workers/true?wait=30s", {}, Authorization=BOB)
        assert made.status == 200
        task = made.json["TaskId"]
        assert ask(front, "GET", f"/tasks/{task}", Authorization=ANN).json["By"] == "user:bob"
        assert ask(front, "POST", "/workers/sleep", {}, Authorization=BOB).status == 404
        assert ask(front, "DELETE", f"/tasks/{task}", Authorization=ANN).status == 403
    said = [line for line in server.log if "audit: action=submit by=user:bob with=proxy" in line]
    assert "address=127.0.0.1 " in said[0]


@pytest.mark.skipif(_NGINX is None, reason="NOT TESTED: a reverse proxy. There is no nginx")
def test_a_proxy_that_is_not_trusted(serve: Serve, tmp_path: Path) -> None:
    server = serve(TASKY_AUTH="true", TASKY_PROXY_TRUSTED="192.0.2.1", TASKY_PROXY_SCOPES="*=admin")
    host, port = server.address
    with nginx(tmp_path / "nginx", f"{host}:{port}") as front:
        assert ask(front, "GET", "/tasks", Authorization=ANN).status == 401
    assert server.request("GET", "/tasks", **{"X-Forwarded-User": "ann"}).status == 401
