from __future__ import annotations

import pytest

from tasky.store.queries import MIGRATIONS, QUERIES, parse


def test_statements_have_names() -> None:
    assert parse("-- one --\nSELECT 1;\n\n-- two_2 --\nSELECT\n  2;\n") == {
        "one": "SELECT 1",
        "two_2": "SELECT\n  2",
    }


def test_a_comment_is_no_heading() -> None:
    assert parse("-- one --\nSELECT 1 -- not --\n") == {"one": "SELECT 1 -- not --"}


def test_a_name_is_used_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse("-- one --\nSELECT 1;\n-- one --\nSELECT 2;")


def test_what_the_package_has() -> None:
    assert "insert_task" in QUERIES
    assert all(sql and not sql.endswith(";") for sql in QUERIES.values())
    assert MIGRATIONS[0].count("CREATE TABLE") >= 3
