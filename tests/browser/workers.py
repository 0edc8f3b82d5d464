"""Workers for the page: one to show it all, one that waits, one that is hostile."""

from __future__ import annotations

from pathlib import Path

from tests.helpers import write_definition, write_worker

#: What would show if text became markup, colour a terminal, or turn what stands around it.
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
ANSI = "\x1b[31mred\x1b[0m \x1b]0;owned\x07\x1b[2J"
RTL = "\u202egnitirw sdrawkcab\u202c \u05e9\u05dc\u05d5\u05dd"

_REPORT = """
    import json, sys, time

    def tell(**message):
        print(json.dumps(message), flush=True)

    task = json.loads(sys.stdin.readline())
    params = task["params"]
    rows = params["rows"]
    tell(type="log", level="info", message=f"{rows} rows for {params['title']}")
    print("\\x1b[32mgreen\\x1b[0m and \\x1b[1mbold\\x1b[0m", flush=True)
    with open("report.csv", "w") as file:
        file.write("row,square\\n")
        for row in range(rows):
            file.write(f"{row},{row * row}\\n")
            tell(type="progress", percent=100 * (row + 1) / rows, message=f"row {row + 1} of {rows}")
    if params.get("fail"):
        tell(type="error", message="it was told to fail", code="told")
        sys.exit(1)
    tell(type="artifact", path="report.csv", name="report.csv", media_type="text/csv")
    tell(type="result", output=[{"row": row, "square": row * row} for row in range(rows)])
"""

_HOLD = """
    import json, sys, time
    print('{"type":"progress","percent":10,"message":"waiting"}', flush=True)
    number = 0
    while True:
        number += 1
        print(f"line {number}", flush=True)
        time.sleep(1)
"""

_HOSTILE = """
    import json, sys

    def tell(**message):
        print(json.dumps(message), flush=True)

    params = json.loads(sys.stdin.readline())["params"]
    evil = params["text"]
    print(evil, flush=True)
    print("x" * (1 << 20), flush=True)
    tell(type="log", level="warning", message=evil, **{evil[:40]: evil})
    tell(type="progress", percent=50, message=evil)
    with open("a.txt", "w") as file:
        file.write(evil)
    tell(type="artifact", path="a.txt", name=evil[:60], media_type="text/plain")
    tell(type="result", output={evil: evil, "list": [{evil: evil}], "link": "javascript:alert(1)"})
    if params["fail"]:
        tell(type="error", message=evil, code=evil[:20], details={evil: evil})
        sys.exit(1)
"""


def write_workers(folder: Path) -> None:
    write_worker(
        folder,
        "report",
        _REPORT,
        description="Makes a table of squares.",
        usage="Give it a title and how many rows.",
        params={
            "title": {"type": "string", "minLength": 1, "description": "Stands above it"},
            "rows": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 5},
            "fail": {"type": "boolean", "default": False},
        },
    )
    write_worker(folder, "hold", _HOLD, description="Waits until it is canceled.", max_tasks=2)
    write_worker(
        folder,
        "hostile",
        _HOSTILE,
        description=f"Hostile {SCRIPT} {RTL}",
        usage=f"{SCRIPT} {RTL}",
        params={
            "text": {"type": "string", "default": SCRIPT, "description": f"{SCRIPT} {RTL}"},
            "fail": {"type": "boolean", "default": False},
        },
    )
    write_definition(
        folder, "quick", command=["/bin/true"], protocol="text", description="Ends at once."
    )
