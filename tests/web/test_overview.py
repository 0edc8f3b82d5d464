"""/overview, /definitions and /doctor: what the page's first view and its view for admins show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tasky.doctor import Finding, Options, Verdict, examine
from tasky.model.access import Scope
from tasky.web.app import create_app
from tests.helpers import wait_for
from tests.web.api import MAX_BODY, Api, TestApp, standard

PARAMS = {
    "password": {"type": "string", "secret": True, "default": "hunter2"},
    "count": {"type": "integer", "default": 1},
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    api = standard(tmp_path_factory.mktemp("overview"))
    api.add(
        "rich",
        "true",
        params=PARAMS,
        env={"TOKEN": "hunter2", "LANG": "C"},
        limits={"memory": "64MiB"},
        retry={"attempts": 3, "delay": "5s"},
        timeout="1h",
        umask="027",
        notify=[{"url": "https://hooks.example.org/tasky?key=hunter2"}],
    )
    api.serve(auth=True)
    yield api
    api.stop()


def as_(api: Api, *scopes: str) -> dict[str, str]:
    assert api.access is not None
    name = "-".join(scopes).replace(":", ".")
    secret, _ = api.access.tokens.create(name, tuple(map(Scope.parse, scopes)))
    return {"AUTHORIZATION": f"Bearer {secret}"}


def await_ends(api: Api, many: int, **headers: str) -> None:
    """A task's end is answered as soon as it is stored, and counted then."""

    def told() -> bool:
        points = api.get("/overview?window=24h", **headers).json["Points"]
        return sum(point["Completed"] + point["Failed"] for point in points) >= many

    wait_for(told, f"{many} ends")


def test_what_has_ended(api: Api) -> None:
    api.run("echo", {"text": "x"})
    api.run("fail")
    running = api.submit("hold")
    api.reach(running, "Running")
    await_ends(api, 2)
    found = api.get("/overview?window=15m").json
    assert (found["Window"], found["Step"], len(found["Points"])) == ("15m", 10, 90)
    assert (found["Running"], found["Queued"]) == (1, 0)
    assert sum(point["Completed"] for point in found["Points"]) == 1
    assert sum(point["Failed"] for point in found["Points"]) == 1
    assert found["Points"][-1]["Running"] == 1
    assert "Running" not in found["Points"][0]
    times = [datetime.fromisoformat(point["Time"]) for point in found["Points"]]
    assert times == sorted(times)
    assert times[-1] <= datetime.fromisoformat(found["Time"])
    workers = {worker.pop("Worker"): worker for worker in found["Workers"]}
    assert workers["echo"]["Completed"] == workers["fail"]["Failed"] == 1
    assert 0 < workers["fail"]["MeanSeconds"] == workers["fail"]["LongestSeconds"]
    assert workers["hold"] == {
        "Running": 1, "Queued": 0, "Completed": 0, "Failed": 0, "Canceled": 0
    }  # fmt: skip
    assert api.get("/overview").json["Window"] == "2h"


def test_ends_of_before_the_start(tmp_path: Path) -> None:
    first = standard(tmp_path).serve()
    first.run("fail")
    first.stop()
    again = standard(tmp_path).serve()
    try:
        (worker,) = again.get("/overview?window=24h").json["Workers"]
        assert (worker["Worker"], worker["Failed"]) == ("fail", 1)
        assert worker["MeanSeconds"] > 0
    finally:
        again.stop()


def test_another_window_is_refused(shared: Api) -> None:
    answer = shared.get("/overview?window=3h")
    assert answer.status_int == 422
    assert "15m, 2h, 24h" in answer.json["detail"]


def test_only_of_workers_that_one_may_see(guarded: Api) -> None:
    guarded.post("/workers/echo?wait=30s", {"text": "x"}, **as_(guarded, "run:echo"))
    await_ends(guarded, 1, **as_(guarded, "read"))
    assert [each["Worker"] for each in overview(guarded, "read:echo")] == ["echo"]
    assert overview(guarded, "read:hold") == []


def overview(api: Api, scope: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = api.get("/overview", **as_(api, scope)).json["Workers"]
    return found


def test_definitions_as_they_were_read(guarded: Api) -> None:
    answer = guarded.get("/definitions", **as_(guarded, "admin"))
    found = {each["name"]: each for each in answer.json["definitions"]}
    assert list(found) == sorted(found) == ["echo", "fail", "hold", "rich"]
    assert found["rich"]["file"] == "rich.yaml"
    shown = found["rich"]["definition"]
    assert shown["env"] == {"TOKEN": "******", "LANG": "******"}
    assert shown["limits"] == {"memory": 64 << 20}
    assert shown["retry"]["attempts"] == 3
    assert (shown["timeout"], shown["umask"]) == ("1h0m0s", "027")
    assert shown["notify"][0]["url"] == "https://hooks.example.org/tasky?..."
    assert shown["params"]["count"]["default"] == 1
    assert "hunter2" not in answer.text
    assert set(found["hold"]["definition"]) == {
        "name", "description", "command", "protocol", "enabled"
    }  # fmt: skip
    assert answer.json["problems"] == []


def test_mistakes_of_the_last_reload(guarded: Api) -> None:
    file = guarded.workers / "broken.yaml"
    file.write_text("commnd: [x]\n")
    guarded.reload()
    guarded.readiness = type(guarded.readiness)(
        draining=False, containment="cgroup", problems=guarded.catalogue.problems
    )
    try:
        answer = guarded.get("/definitions", **as_(guarded, "admin", "read"))
        first = answer.json["problems"][0]
        assert (first["file"], first["line"], first["key"]) == ("broken.yaml", 1, "commnd")
        assert str(guarded.workers) not in str(answer.json["problems"])
    finally:
        file.unlink()
        guarded.reload()
        guarded.readiness = Api.readiness


def test_the_doctor_in_a_server(api: Api) -> None:
    """The real one. It tries processes and cgroups, and leaves the server as it was."""
    options = Options(workers_dir=str(api.workers), state_dir=str(api.state))
    app = create_app(
        api.service,
        max_body=MAX_BODY,
        ready=lambda: api.readiness,
        examine=lambda: examine(options, {}),
    )
    api.http = TestApp(app)
    findings = api.get("/doctor").json["findings"]
    verdicts = {each["subject"]: each["verdict"] for each in findings}
    assert {"python", "containment", "state", "database"} <= set(verdicts)
    assert set(verdicts.values()) <= set(Verdict)
    assert verdicts["database"] == "ok"
    api.run("echo", {"text": "x"})


def test_one_look_at_a_time_and_nothing_where_nobody_looks(api: Api) -> None:
    assert api.get("/doctor").json == {"findings": []}
    finding = Finding(Verdict.WARNING, "room", "half a <b>disk</b>")
    app = create_app(
        api.service, max_body=MAX_BODY, ready=lambda: api.readiness, examine=lambda: [finding]
    )
    api.http = TestApp(app)
    assert api.get("/doctor").json["findings"] == [
        {"verdict": "warning", "subject": "room", "message": "half a <b>disk</b>"}
    ]
