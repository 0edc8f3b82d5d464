"""The settings: their defaults, their sources and which of them wins, and what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

import pytest

from tasky.config import Http, Listen, Retention, Settings, Webhooks, load_settings
from tasky.config.settings import SETTINGS
from tasky.config.sources import SYSTEM_FILE
from tasky.config.strict import load
from tasky.errors import ConfigError
from tasky.model.access import Scope
from tasky.model.containment import Kind
from tasky.model.proxies import Proxies

SHIPPED = Path(__file__).parents[2] / "etc/tasky.yaml"
SECOND = 1_000_000_000
NOTHING: Mapping[str, str] = {}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasky.yaml"


def said(file: Path | None, environ: Mapping[str, str] = NOTHING, **options: str) -> list[str]:
    """The problems, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environ, **options)
    folder = f"{file.parent}/" if file else ""
    return [str(problem).replace(folder, "") for problem in caught.value.problems]


# ---------------------------------------------------------------------- the shipped file


def test_the_shipped_file_has_the_defaults() -> None:
    assert load_settings(SHIPPED, NOTHING) == Settings()


def test_the_shipped_file_names_every_setting() -> None:
    data = load(SHIPPED).data
    named = {
        (key, inner) if inner else (key,)
        for key, value in data.items()
        for inner in (value if isinstance(value, dict) else [""])
    }
    assert named == set(SETTINGS)


def test_every_setting_of_the_shipped_file_is_explained() -> None:
    lines = [line.strip() for line in SHIPPED.read_text().splitlines()]
    settings = [index for index, line in enumerate(lines) if line and not line.startswith("#")]
    unexplained = [lines[index] for index in settings if not lines[index - 1].startswith("#")]
    assert unexplained == ["http:", "webhooks:"]


# ---------------------------------------------------------------------- sources


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    if SYSTEM_FILE.exists():
        pytest.fail("this machine has settings of its own")
    settings = load_settings(None, {"XDG_STATE_HOME": "/somewhere"})
    assert settings == Settings(state_dir=settings.state_dir)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_STATE_HOME": "/somewhere", "HOME": "/home/ada"}, "/somewhere/tasky"),
        ({"XDG_STATE_HOME": "here", "HOME": "/home/ada"}, "/home/ada/.local/state/tasky"),
        ({"HOME": "/home/ada"}, "/home/ada/.local/state/tasky"),
    ],
)
def test_state_of_an_ordinary_user(
    environ: Mapping[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert load_settings(None, environ).state_dir == Path(expected)


def test_state_of_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert load_settings(None, {"XDG_STATE_HOME": "/x"}).state_dir == Path("/var/lib/tasky")


def test_everything_from_a_file(file: Path) -> None:
    file.write_text(
        """
        listen: "[::1]:80"
        workers_dir: workers.d
        state_dir: ../state
        max_tasks: 1
        max_queued: 2
        max_body: 64KiB
        max_upload: 1GiB
        max_line: 4096
        max_log: 1GiB
        kill_grace: 1m30s
        containment: process-group
        insecure_perms: true
        retention: {age: 7d, count: 9}
        http: {threads: 4, streams: 8}
        allowed_hosts: [Tasky.example.org, "[::1]", 10.0.0.1]
        cors_origins: ["https://App.example.org:443", "http://localhost:3000"]
        webhooks: {allowed_hosts: [Hooks.example.org, "*.example.net", "::1"], secret_file: hook.secret}
        log_level: debug
        log_format: json
        """
    )
    assert load_settings(file, NOTHING) == Settings(
        listen=Listen(host="::1", port=80),
        workers_dir=file.parent / "workers.d",
        state_dir=file.parent.parent / "state",
        max_tasks=1,
        max_queued=2,
        max_body=64 * 1024,
        max_upload=1024**3,
        max_line=4096,
        max_log=1024**3,
        kill_grace=90 * SECOND,
        containment=Kind.PROCESS_GROUP,
        insecure_perms=True,
        retention=Retention(age=7 * 24 * 3600 * SECOND, count=9),
        http=Http(threads=4, streams=8),
        allowed_hosts=("tasky.example.org", "::1", "10.0.0.1"),
        cors_origins=("https://app.example.org", "http://localhost:3000"),
        webhooks=Webhooks(
            allowed_hosts=("hooks.example.org", "*.example.net", "::1"),
            secret_file=file.parent / "hook.secret",
        ),
        log_level="debug",
        log_format="json",
    )


def test_everything_from_the_environment() -> None:
    environ = {
        "TASKY_LISTEN": "unix:run/tasky.sock",
        "TASKY_WORKERS_DIR": "/w",
        "TASKY_STATE_DIR": "s",
        "TASKY_MAX_TASKS": "1",
        "TASKY_MAX_QUEUED": "2",
        "TASKY_MAX_BODY": "2048",
        "TASKY_MAX_UPLOAD": "1MiB",
        "TASKY_MAX_LINE": "4KiB",
        "TASKY_MAX_LOG": "1MiB",
        "TASKY_KILL_GRACE": "0",
        "TASKY_CONTAINMENT": "cgroup",
        "TASKY_INSECURE_PERMS": "true",
        "TASKY_RETENTION_AGE": "1h",
        "TASKY_RETENTION_COUNT": "3",
        "TASKY_HTTP_THREADS": "5",
        "TASKY_HTTP_STREAMS": "9",
        "TASKY_ALLOWED_HOSTS": "tasky.example.org,tasky",
        "TASKY_CORS_ORIGINS": "https://app.example.org",
        "TASKY_WEBHOOKS_ALLOWED_HOSTS": "a.example.org, 10.0.0.1,",
        "TASKY_WEBHOOKS_SECRET_FILE": "hook.secret",
        "TASKY_AUTH": "true",
        "TASKY_PROXY_TRUSTED": "10.0.0.0/8,::1,unix",
        "TASKY_PROXY_USER_HEADER": "Remote-User",
        "TASKY_PROXY_GROUPS_HEADER": "Remote-Groups",
        "TASKY_PROXY_SCOPES": "ops=read, ops=run:copy*, *=cancel",
        "TASKY_LOG_LEVEL": "error",
        "TASKY_LOG_FORMAT": "journal",
    }
    assert {f"TASKY_{'_'.join(path).upper()}" for path in SETTINGS} == set(environ)
    assert load_settings(None, environ) == Settings(
        listen=Listen(path=Path.cwd() / "run/tasky.sock"),
        auth=True,
        proxy=Proxies(
            trusted=(ip_network("10.0.0.0/8"), ip_network("::1"), "unix"),
            user_header="Remote-User",
            groups_header="Remote-Groups",
            scopes={
                "ops": (Scope.parse("read"), Scope.parse("run:copy*")),
                "*": (Scope.parse("cancel"),),
            },
        ),
        workers_dir=Path("/w"),
        state_dir=Path.cwd() / "s",
        max_tasks=1,
        max_queued=2,
        max_body=2048,
        max_upload=1024**2,
        max_line=4096,
        max_log=1024**2,
        kill_grace=0,
        containment=Kind.CGROUP,
        insecure_perms=True,
        retention=Retention(age=3600 * SECOND, count=3),
        http=Http(threads=5, streams=9),
        allowed_hosts=("tasky.example.org", "tasky"),
        cors_origins=("https://app.example.org",),
        webhooks=Webhooks(
            allowed_hosts=("a.example.org", "10.0.0.1"), secret_file=Path.cwd() / "hook.secret"
        ),
        log_level="error",
        log_format="journal",
    )


def test_which_source_wins(file: Path) -> None:
    file.write_text("listen: localhost:1\nworkers_dir: /file\nstate_dir: /file\nmax_tasks: 1\n")
    environ = {
        "TASKY_LISTEN": "localhost:2",
        "TASKY_WORKERS_DIR": "/environ",
        "TASKY_LOG_LEVEL": "",
    }
    settings = load_settings(file, environ, listen="localhost:3", state_dir="/option")
    assert settings.listen == Listen(host="localhost", port=3)
    assert settings.workers_dir == Path("/environ")
    assert settings.state_dir == Path("/option")
    assert settings.max_tasks == 1
    assert settings.log_level == "info"


def test_which_file_is_read(file: Path) -> None:
    file.write_text("max_tasks: 1\n")
    other = file.with_name("other.yaml")
    other.write_text("max_tasks: 2\n")
    environ = {"TASKY_CONFIG": str(file)}
    assert load_settings(None, environ).max_tasks == 1
    assert load_settings(other, environ).max_tasks == 2
    assert load_settings(None, {"TASKY_CONFIG": ""}).max_tasks == 64


def test_a_file_that_is_not_there(file: Path) -> None:
    assert said(file) == ["tasky.yaml: cannot be read: no such file or directory"]
    assert said(None, {"TASKY_CONFIG": "/no/such.yaml"}) == [
        "/no/such.yaml: cannot be read: no such file or directory"
    ]


# ---------------------------------------------------------------------- mistakes


def test_all_mistakes_of_all_sources(file: Path) -> None:
    file.write_text(
        "max_task: 3\nmax_tasks: 0\nretention:\n  age: 30\n  cuont: 1\nhttp: 16\n"
        "state_dir: ~/state\nlog_level: verbose\nmax_body: 1kib\nkill_grace: 1:30\nmax_log:\n"
    )
    environ = {"TASKY_MAX_TASKS": "many", "TASKY_HTTP_TREADS": "1", "TASKY_TASK_ID": "1"}
    assert said(file, environ, listen="8888") == [
        "tasky.yaml:1: max_task: is not a key here: did you mean max_tasks?",
        "tasky.yaml:2: max_tasks: must be between 1 and 100000, not 0",
        "tasky.yaml:4: retention.age: must be a duration such as 10s or 1h30m, not the number 30: write 30s",
        "tasky.yaml:5: retention.cuont: is not a key here: did you mean count?",
        "tasky.yaml:6: http: must be a mapping (key: value), not the number 16",
        "tasky.yaml:7: state_dir: write the path out: ~ is not expanded in ~/state",
        "tasky.yaml:8: log_level: must be debug, info, warning or error, not the text \"verbose\"",
        "tasky.yaml:10: kill_grace: YAML reads 1:30 as the number 90: write \"1:30\" in quotes for the text, "
        "90 for the number",
        "tasky.yaml:11: max_log: has no value: give it one, or leave the key out",
        "environment: TASKY_MAX_TASKS: must be a whole number, not the text \"many\"",
        "environment: TASKY_HTTP_TREADS: is not a setting: did you mean TASKY_HTTP_THREADS?",
        "command line: --listen: must be host:port, [ipv6]:port or unix:/run/tasky/tasky.sock, not \"8888\"",
    ]  # fmt: skip


def test_variables_of_others_are_left_alone() -> None:
    environ = {
        "TASKY_URL": "http://x",
        "TASKY_WORKDIR": "/x",
        "TASKY_COLOUR": "1",
        "MAX_TASKS": "x",
    }
    assert load_settings(None, environ).max_tasks == 64


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:8888", Listen(host="127.0.0.1", port=8888)),
        ("localhost:0", Listen(host="localhost", port=0)),
        ("LocalHost:80", Listen(host="localhost", port=80)),
        ("127.8.8.8:1", Listen(host="127.8.8.8", port=1)),
        ("[::1]:65535", Listen(host="::1", port=65535)),
        ("[0:0::1]:1", Listen(host="::1", port=1)),
        ("unix:/run/tasky.sock", Listen(path=Path("/run/tasky.sock"))),
    ],
)
def test_listen(text: str, listen: Listen) -> None:
    settings = load_settings(None, NOTHING, listen=text)
    assert settings.listen == listen
    assert load_settings(None, NOTHING, listen=str(listen)).listen == listen


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be host:port"),
        ("8888", "must be host:port"),
        (":8888", "must be host:port"),
        ("localhost", "must be host:port"),
        ("localhost:", "is not a port"),
        ("localhost:http", "is not a port"),
        ("localhost:65536", "is not a port"),
        ("localhost:\u0661", "is not a port"),
        ("::1:80", "in brackets: [::1]"),
        ("[::g]:80", "is not an address"),
        ("[127.0.0.1]:80", "is not an address"),
        ("256.0.0.1:80", "is not an address"),
        ("127.1:80", "is not an address"),
        ("a b:80", "is not a host name"),
        ("unix:", "must not be empty"),
        ("unix:~/x", "~ is not expanded"),
        ("unix:/" + "x" * 107, "at most 107 bytes"),
    ],
)
def test_no_place_to_listen(text: str, words: str) -> None:
    (only,) = said(None, listen=text)
    assert only.startswith("command line: --listen: ")
    assert words in only


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0:1",
        "[::]:1",
        "[::ffff:10.0.0.1]:1",
        "192.168.0.1:1",
        "example.org:1",
        "localhost.example.org:1",
    ],
)
def test_nothing_but_loopback(text: str) -> None:
    assert not load_settings(None, {"TASKY_AUTH": "true"}, listen=text).listen.is_loopback
    (only,) = said(None, listen=text)
    assert only.startswith("command line: --listen: refuses ")
    assert "without authentication" in only


def test_where_it_stands_that_the_server_would_be_open(file: Path) -> None:
    file.write_text("auth: false\nlisten: 0.0.0.0:1\n")
    (only,) = said(file)
    assert only.startswith("tasky.yaml:2: listen: refuses 0.0.0.0:1")
    (only,) = said(None, {"TASKY_LISTEN": "0.0.0.0:1"})
    assert only.startswith("environment: TASKY_LISTEN: refuses")


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        ("trusted: [10.0.0.1/8]", "proxy.trusted[0]", "host bits set"),
        ("trusted: [proxy.example.org]", "proxy.trusted[0]", "must be an address"),
        ("trusted: 10.0.0.1", "proxy.trusted", "must be a list"),
        ("user_header: Cookie", "proxy.user_header", "must be the name of a header"),
        ('user_header: "X User"', "proxy.user_header", "must be the name of a header"),
        ("scopes: {ops: [write]}", "proxy.scopes", "is no scope"),
        ("scopes: {ops: []}", "proxy.scopes", "without a scope"),
        ("scopes: {ops: read}", "proxy.scopes.ops", "must be a list"),
        ('scopes: {"a,b": [read]}', "proxy.scopes", "has no comma"),
        ("scope: {}", "proxy.scope", "did you mean scopes?"),
    ],
)
def test_no_proxies(file: Path, lines: str, place: str, words: str) -> None:
    file.write_text(f"proxy:\n  {lines}\n")
    (only,) = said(file)
    assert only.startswith(f"tasky.yaml:2: {place}"), only
    assert words in only


@pytest.mark.parametrize("word", ["", "*.example.org", "a.example.org:80", "http://a", "a b", "-a"])
def test_no_names_of_the_server(word: str) -> None:
    (problem,) = said(None, {"TASKY_ALLOWED_HOSTS": f"tasky,{word or '.'}"})
    assert "TASKY_ALLOWED_HOSTS" in problem


@pytest.mark.parametrize(
    "word",
    ["*", "null", "app.example.org", "ftp://a", "https://a/", "https://a/b", "https://a:99999",
     "https://u@a", "https://*.a"],
)  # fmt: skip
def test_no_origins(word: str) -> None:
    (problem,) = said(None, {"TASKY_CORS_ORIGINS": word})
    assert "must be an origin such as https://app.example.org" in problem
