"""S12: tasks go while a client pages through the list. For their logs see tests/store/test_store.py."""

from __future__ import annotations

import pytest

from tests.helpers import Server


@pytest.mark.case("S12")
def test_the_list_has_no_hole(server: Server) -> None:
    """Of what stays, each is listed once; also where the cursor's own task is gone."""
    ids = [server.run("true")["TaskId"] for _ in range(12)]
    newest, cursor, listed = ids[::-1], "", []
    for page in range(4):
        document = server.get(f"/tasks/?limit=3{cursor}")
        listed += [task["TaskId"] for task in document["Tasks"]]
        cursor = f"&after={document['Next']}" if "Next" in document else ""
        # One that was listed, the last one, which is the cursor, and the first one of the next page.
        for gone in newest[page * 3 + 1 : page * 3 + 4]:
            assert server.request("DELETE", f"/tasks/{gone}").status in (204, 404)
    assert not cursor
    assert listed == [each for each in newest if each in listed], "in order, none twice"
    remaining = [task["TaskId"] for task in server.get("/tasks/")["Tasks"]]
    assert set(remaining) <= set(listed)
