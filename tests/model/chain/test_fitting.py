"""A chain beside the workers that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tasky.model.chain.fitting import check_workers, circle
from tasky.model.fields import Path
from tasky.model.worker import WorkerDefinition, parse_worker


def define(name: str, **document: Any) -> WorkerDefinition:
    draft = parse_worker(document, stem=name)
    assert draft.mistakes == ()
    return draft.definition


WORKERS = {
    worker.name: worker
    for worker in (
        define(
            "copy",
            command=["/bin/cp"],
            params={
                "source": {"type": "string"},
                "depth": {"type": "integer", "default": 1},
                "any": {"default": None},
                "key": {"type": "string", "secret": True, "default": ""},
            },
        ),
        define(
            "send",
            command=["/bin/cp"],
            params={"file": {"type": "string", "format": "file"}},
        ),
    )
}
OWN = {
    "folder": {"type": "string"},
    "count": {"type": "integer"},
    "size": {"type": "number"},
    "free": {},
    "password": {"type": "string", "secret": True},
}


def mistakes(
    params: Any, *, worker: str = "copy", own: bool = True, **more: Any
) -> Mapping[Path, str]:
    chain = define(
        "c",
        params=OWN,
        chain={"a": {"worker": worker, "params": params, **more.pop("step", {})}},
        **more,
    )
    assert chain.chain is not None
    found = check_workers(chain.chain, chain.parameters if own else None, WORKERS)
    return {mistake.path: mistake.message for mistake in found}


@pytest.mark.parametrize(
    "params",
    [
        {"source": "x"},
        {"source": {"$": "params.folder"}, "depth": 3},
        {"source": {"$": "params.free"}, "depth": {"$": "params.count"}},
        {"source": "x", "depth": {"$": "params.size"}},
        {"source": "x", "depth": {"$": "length(params.folder)"}},
        {"source": "x", "key": {"$": "params.password"}},
        {"$": "params.free"},
    ],
)
def test_fitting(params: Any) -> None:
    assert mistakes(params) == {}


PARAMS = "chain", "a", "params"


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        ({"source": 1}, (*PARAMS, "source"), "is not of type"),
        ({}, PARAMS[:-1], "copy needs the parameter source"),
        ({"depth": 1}, PARAMS, "copy needs the parameter source"),
        ({"source": "x", "dept": 1}, (*PARAMS, "dept"), "no parameter dept: did you mean depth?"),
        ({"source": {"$": "params.count"}}, (*PARAMS, "source"), "params.count is integer, and source must be string"),
        ({"source": {"$": "params.size"}}, (*PARAMS, "source"), "params.size is number, and"),
        ({"source": "x", "depth": {"$": "params.folder"}}, (*PARAMS, "depth"), "must be integer"),
        ({"source": {"$": "params.password"}}, (*PARAMS, "source"), "password is secret"),
        ({"source": {"$": "join('', [params.password])"}}, (*PARAMS, "source"), "password is secret"),
        ({"source": "x", "any": [{"x": {"$": "params"}}]}, (*PARAMS, "any"), "password is secret"),
    ],
)  # fmt: skip
@pytest.mark.case("K10")
def test_misfits(params: Any, path: Path, message: str) -> None:
    found = mistakes(params)
    assert list(found) == [path]
    assert message in found[path]


def test_a_status_is_text() -> None:
    chain = define(
        "c",
        chain={
            "a": {"worker": "copy", "params": {"source": "x"}},
            "b": {"worker": "copy", "params": {"source": "x", "depth": {"$": "steps.a.status"}}},
        },
    ).chain
    assert chain is not None
    (mistake,) = check_workers(chain, None, WORKERS)
    assert mistake.path == ("chain", "b", "params", "depth")
    assert mistake.message == "steps.a.status is string, and depth must be integer"


def test_no_such_worker() -> None:
    assert mistakes({}, worker="coppy") == {
        ("chain", "a", "worker"): "there is no worker coppy: did you mean copy?"
    }


def test_files_come_from_clients_only() -> None:
    (message,) = mistakes({}, worker="send").values()
    assert message == "send takes a file as file, which only a client can send"


@pytest.mark.case("K14")
def test_secrets_are_not_shown() -> None:
    source = {"source": "x"}
    assert ("output",) in mistakes(source, output={"p": {"$": "params.password"}})
    for_each = {"for_each": {"$": "[params.password]"}}
    assert ("chain", "a", "for_each") in mistakes(source, step=for_each)
    assert mistakes(source, step={"when": {"$": "params.password"}}) == {}


def test_of_a_client_values_are_known_only_when_it_runs() -> None:
    assert mistakes({"source": {"$": "params.count"}}, own=False) == {}


@pytest.mark.case("K10")
def test_a_chain_that_runs_itself() -> None:
    chains = {
        name: define(name, chain={"a": {"worker": worker}})
        for name, worker in {"a": "b", "b": "c", "c": "a", "d": "a", "e": "e", "f": "gone"}.items()
    }
    assert circle("a", chains) == ["a", "b", "c", "a"]
    assert circle("e", chains) == ["e", "e"]
    assert circle("d", chains) is None
    assert circle("f", chains) is None
