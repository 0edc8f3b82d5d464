"""The installed units, held against those of this version; with a stand-in for systemctl, which a booted systemd
replaces in `scripts/prove systemd`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest

from tasky.config import Listen
from tasky.doctor import units
from tasky.doctor.finding import Finding
from tests.helpers import REPOSITORY

#: As scripts/install puts it for the installation that this is.
SHIPPED: Final = (
    (REPOSITORY / "etc/systemd/tasky.service").read_text().replace("/opt/tasky", sys.prefix)
)
LISTEN: Final = Listen(host="127.0.0.1", port=8888)
SECOND: Final = 1_000_000_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one with the units; without a systemd."""
    place = tmp_path / "system"
    place.mkdir()
    monkeypatch.setattr("tasky.doctor.units.FOLDERS", (place,))
    monkeypatch.setattr("tasky.doctor.systemctl._RUNS", Path("/nowhere"))
    return place


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that prints what is in a file."""
    answer = tmp_path / "answer"
    program = tmp_path / "bin/systemctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat {answer}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr("tasky.doctor.systemctl._RUNS", tmp_path)
    return answer


def install(folder: Path, text: str = SHIPPED, **drop_ins: str) -> units.Unit:
    (folder / "tasky.service").write_text(text)
    for name, content in drop_ins.items():
        (folder / "tasky.service.d").mkdir(exist_ok=True)
        (folder / f"tasky.service.d/{name}.conf").write_text(content)
    return units.service()


def told(finding: Finding | None) -> tuple[str, str]:
    assert finding is not None
    return str(finding.verdict), finding.message


def test_none_is_installed(folder: Path) -> None:
    found = units.service()
    message = "tasky.service is not installed, and systemd does not run here"
    assert told(units.unit(found)) == ("ok", message)
    assert units.watchdog(found) is units.stop(found, []) is None
    assert units.listening(units.socket(), LISTEN) is None
    assert not units.delegates(found)


def test_as_shipped(folder: Path) -> None:
    """Wherever it was installed to."""
    found = install(folder)
    assert told(units.unit(found)) == ("ok", f"{folder}/tasky.service")
    assert told(units.watchdog(found)) == ("ok", "WatchdogSec=60; Restart=on-failure")
    verdict, message = told(units.stop(found, [10 * SECOND]))
    assert (verdict, message.split(";")[0]) == ("ok", "KillMode=mixed")
    assert units.delegates(found)


def test_what_it_starts(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "other/bin/tasky"
    text = SHIPPED.replace(f"{sys.prefix}/bin/tasky", str(program))
    message = f"it starts {program}, which is not there; {folder}/tasky.service"
    assert told(units.unit(install(folder, text))) == ("problem", message)
    program.parent.mkdir(parents=True)
    program.touch()
    verdict, message = told(units.unit(install(folder, text)))
    assert verdict == "ok"
    assert f"it starts {program}, and this is the installation in {sys.prefix}" in message


def test_a_copy_hides_what_is_installed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tasky.service").write_text(SHIPPED)
    monkeypatch.setattr("tasky.doctor.units.FOLDERS", (folder, tmp_path))
    verdict, message = told(units.unit(install(folder)))
    assert (verdict, f"it hides {tmp_path}/tasky.service" in message) == ("warning", True)


def test_drift(folder: Path) -> None:
    text = SHIPPED.replace("LimitNOFILE=65536", "LimitNOFILE=1024").replace("LimitCORE=0\n", "")
    verdict, message = told(units.unit(install(folder, f"{text}\n[Service]\nNice=5\n")))
    assert verdict == "warning"
    for words in (
        "LimitNOFILE=1024 (shipped: 65536)",
        "no LimitCORE= (shipped: 0)",
        "Nice=5 (not shipped)",
        "systemctl edit tasky",
    ):
        assert words in message


def test_other_comments_and_order_are_no_drift(folder: Path) -> None:
    lines = [line for line in SHIPPED.splitlines() if not line.startswith("#")]
    found = install(folder, "\n\n".join(lines))
    assert told(units.unit(found))[0] == "ok"


def test_drop_ins_are_named_with_what_they_set(folder: Path) -> None:
    found = install(folder, limits="[Service]\nLimitNOFILE=1024\nNice=5\n")
    path = f"{folder}/tasky.service.d/limits.conf"
    said = f"{folder}/tasky.service; with {path}, for LimitNOFILE, Nice"
    assert told(units.unit(found)) == ("ok", said)


def test_masked(folder: Path) -> None:
    (folder / "tasky.service").symlink_to("/dev/null")
    found = units.service()
    assert told(units.unit(found)) == (
        "warning",
        "tasky.service is masked: systemctl unmask tasky.service",
    )
    assert units.watchdog(found) is None


def test_one_that_cannot_be_read(folder: Path) -> None:
    (folder / "tasky.service").mkdir()
    (folder / "tasky.service/x").touch()
    verdict, message = told(units.unit(units.service()))
    assert verdict == "skipped"
    assert "Is a directory" in message


@pytest.mark.parametrize(
    ("drop_in", "words"),
    [
        ("WatchdogSec=", "none: a server that is stuck stays so"),
        ("WatchdogSec=0", "none: a server that is stuck stays so"),
        ("WatchdogSec=infinity", "none: a server that is stuck stays so"),
        ("Type=simple", "Type=simple: systemd does not hear"),
        ("Restart=no", "Restart=no: a server that dies stays down"),
        ("Restart=", "Restart=no: a server that dies stays down"),
    ],
)
def test_nobody_starts_it_anew(folder: Path, drop_in: str, words: str) -> None:
    verdict, message = told(units.watchdog(install(folder, x=f"[Service]\n{drop_in}\n")))
    assert verdict == "warning"
    assert message.startswith(words)


@pytest.mark.parametrize(
    ("drop_in", "verdict", "words"),
    [
        ("KillMode=process", "problem", "KillMode=process: what the server leaves lives on"),
        ("KillMode=control-group", "warning", "KillMode=control-group: SIGTERM goes to workers"),
        ("TimeoutStopSec=30", "warning", "TimeoutStopSec=30 is over before the longest kill_grace (60s)"),
        ("TimeoutStopSec=1min 1s", "ok", "KillMode=mixed; TimeoutStopSec=1min 1s, longer"),
        ("TimeoutStopSec=infinity", "ok", "KillMode=mixed; TimeoutStopSec=infinity, longer"),
    ],
)  # fmt: skip
def test_the_end(folder: Path, drop_in: str, verdict: str, words: str) -> None:
    found = install(folder, x=f"[Service]\n{drop_in}\n")
    told_verdict, message = told(units.stop(found, [10 * SECOND, 60 * SECOND]))
    assert (told_verdict, message[: len(words)]) == (verdict, words)


def test_what_systemd_says(folder: Path, systemd: Path) -> None:
    systemd.write_text("MainPID=7\nActiveState=active\nNeedDaemonReload=yes\nNRestarts=3\n")
    found = install(folder)
    assert (found.main_pid, found.is_active) == (7, True)
    verdict, message = told(units.unit(found))
    assert verdict == "warning"
    assert "systemctl daemon-reload" in message
    assert "restarted it 3 times" in message
    systemd.write_text(
        "MainPID=0\nActiveState=failed\nResult=exit-code\nStatusText=failed: no disk\n"
    )
    verdict, message = told(units.unit(units.service()))
    assert verdict == "problem"
    assert message.startswith("it has failed (exit-code): failed: no disk")
    systemd.write_text("ActiveState=inactive\nUnitFileState=disabled\n")
    verdict, message = told(units.unit(units.service()))
    assert verdict == "ok"
    assert "it is not running; it does not start with the machine" in message


def test_a_systemctl_that_is_not_there(
    folder: Path, systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = install(folder)
    assert (found.state, found.main_pid) == ({}, 0)
    assert told(units.unit(found))[0] == "ok"


def test_the_socket(folder: Path, systemd: Path) -> None:
    (folder / "tasky.socket").write_text((REPOSITORY / "etc/systemd/tasky.socket").read_text())
    systemd.write_text("ActiveState=inactive\n")
    assert "connections are refused" in told(units.listening(units.socket(), LISTEN))[1]
    systemd.write_text("ActiveState=active\n")
    verdict, message = told(units.listening(units.socket(), LISTEN))
    assert verdict == "ok"
    assert "127.0.0.1:8888: no connection is refused" in message
    assert "listen" not in message
    other = Listen(host="127.0.0.1", port=9999)
    assert (
        "not the setting listen: 127.0.0.1:9999" in told(units.listening(units.socket(), other))[1]
    )


def test_addresses(folder: Path) -> None:
    (folder / "tasky.socket").write_text("[Socket]\nListenStream=8888\nListenStream=/run/x.sock\n")
    assert units.address_of(units.socket()) == "[::]:8888 unix:/run/x.sock"
