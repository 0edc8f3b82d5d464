"""/metrics over the application: formats, rights, what is missing, labels that cannot grow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tasky.model.notify import Delivery
from tasky.model.outcome import Failure
from tasky.model.states import State
from tasky.model.task import FailureCode, Outcome
from tasky.service.metrics import Metrics
from tasky.web.metrics import Measured
from tests.scrapes import OPENMETRICS, Scrape
from tests.web.api import MISSING, Api, call, standard

TEMPLATE = "/tasky/v1/tasks/{task_id}"


def look(api: Api) -> Scrape:
    answer = api.get("//metrics")
    assert answer.status_int == 200
    return Scrape.parse(answer.text)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        (f"{OPENMETRICS};version=1.0.0,*/*;q=0.1", f"{OPENMETRICS}; version=1.0.0; charset=utf-8"),
        (f"{OPENMETRICS}; version=evil\u00e9", f"{OPENMETRICS}; version=1.0.0; charset=utf-8"),
    ],
)
def test_the_format_is_the_client_s(api: Api, accept: str, media_type: str) -> None:
    assert api.get("//metrics", accept=accept).headers["Content-Type"] == media_type


def test_no_option_and_no_other_method(api: Api) -> None:
    assert api.get("//metrics?x=1").status_int == 422
    assert api.post("//metrics").status_int == 405
    assert api.ask("HEAD", "//metrics").body == b""


def test_requests_are_counted_by_template_and_never_by_path(api: Api) -> None:
    api.get(f"/tasks/{MISSING}")
    api.get(f"/tasks/{MISSING}/")
    api.get("//nothing/here")
    call(api, "BREW", "/coffee")
    found = look(api)
    requests = found.nonzero("tasky_http_requests_total", "route", "method", "status")
    assert requests == {
        (TEMPLATE, "GET", "404"): 2,
        ("other", "GET", "404"): 1,
        ("other", "other", "501"): 1,
    }
    assert found.value("tasky_http_request_seconds_count", route=TEMPLATE, method="GET") == 2


def test_without_the_package_it_is_said_what_to_install(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tasky.web.exposition", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    answer = api.get("//metrics")
    assert answer.status_int == 501
    assert "pip install 'tasky[metrics]'" in answer.json["detail"]
    assert api.get("//healthz").status_int == 200
    api.run("echo", {"text": "x"})  # what is counted needs no package


def test_two_servers_in_a_process_count_for_themselves(api: Api, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = standard(tmp_path / "other").serve()
    try:
        other.get("//healthz")
        assert ("/healthz", "GET") in look(other).nonzero(
            "tasky_http_requests_total", "route", "method"
        )
        assert not look(api).nonzero("tasky_http_requests_total", "route")
    finally:
        other.stop()


def end(metrics: Metrics, worker: str, code: FailureCode | None = None) -> None:
    failure = Failure(code=code, message="no") if code else None
    state = State.FAILED if failure else State.COMPLETED
    metrics.ended("1", worker, Outcome(state=state, finished=1, failure=failure), 5, 0)


def test_a_principal_sees_the_workers_that_it_may_see() -> None:
    from tasky.web.exposition import expose

    metrics = Metrics()
    end(metrics, "copy")
    end(metrics, "secret", FailureCode.EXIT)
    metrics.queued("2", "secret")
    metrics.started("2", "secret", 2, 0)
    body, _ = expose(Measured(metrics), lambda worker: worker == "copy", False)
    assert b"secret" not in body
    found = Scrape.parse(body.decode())
    assert found.nonzero("tasky_tasks_total", "worker", "end") == {("copy", "completed"): 1}


def test_labels_cannot_grow_without_end() -> None:
    metrics = Metrics()
    for number in range(1100):
        end(metrics, f"worker{number}")
        metrics.auth_failed(f"reason{number}")
    ends = metrics.ends.read()
    assert len(ends) == len(metrics.runs.all()) == 1001
    assert ends[("other", "completed")] == 100
    assert len(metrics.refused.read()) == 17


def test_attempts_to_deliver_are_told_apart() -> None:
    metrics = Metrics()
    for delivery in (*Delivery, Delivery.PENDING):
        metrics.notified(delivery)
    assert metrics.deliveries.read() == {("retried",): 2, ("delivered",): 1, ("failed",): 1}


def test_what_a_label_must_not_break() -> None:
    from tasky.web.exposition import expose

    metrics = Metrics()
    metrics.auth_failed('a"b\\c\nd')
    body, _ = expose(Measured(metrics), lambda _: True, True)
    assert b'tasky_auth_failures_total{reason="a\\"b\\\\c\\nd"} 1.0' in body
