"""S11: nothing but SQLite opens the database's files while it has them open: to close them would drop its locks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY

#: A server in small, in all that it does with the store; says which of the database's files Python itself opened.
_WATCHED = """
import sys
from pathlib import Path

state = Path(sys.argv[1])
connected, opened = [], []

def hook(event, arguments):
    name = str(arguments[0]) if arguments else ""
    if event == "sqlite3.connect":
        connected.append(name)
    elif event == "open" and name.startswith(f"{state}/tasky.db") and connected:
        opened.append(name)

from tasky.store import Query
from tests.supervisor.house import House, program

House(state).close()
sys.addaudithook(hook)
house = House(state, program("true", "/bin/true"), program("hold", "sleep", "600"))
done = [house.run("true").id for _ in range(3)]
held = house.submit("hold")
house.supervisor.cancel(held)
house.ended(held)
house.store.reader.page(Query(limit=10))
list(house.log(done[0]))
house.store.delete(done[0])
house.store.prune(1, 0)
house.store.trouble()
house.close()
print(len(connected) > 2, opened)
"""


@pytest.mark.case("S11")
def test_python_never_opens_the_database(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, tmp_path / "state"], capture_output=True, text=True
    )
    assert done.stdout == "True []\n", done.stderr


@pytest.mark.case("S11")
def test_only_the_store_knows_its_name() -> None:
    """So nobody else can open it. What the store itself does is looked at above."""
    knowing = {
        str(path.relative_to(REPOSITORY / "tasky"))
        for path in (REPOSITORY / "tasky").rglob("*.py")
        if '"tasky.db' in path.read_text(encoding="utf-8")
    }
    assert knowing == {"store/opening.py"}
