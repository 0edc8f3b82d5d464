"""Configuration: YAML files to Settings and WorkerDefinitions. The only importer of yaml.

load_settings(path, environ, *, listen=None, workers_dir=None, state_dir=None, insecure_perms=None) -> Settings
load_workers(folder, *, kill_grace, check_owners=True) -> tuple[dict[str, WorkerDefinition], list[Problem]]
check(path: Path | None, environ: Mapping[str, str], *, insecure_perms=False) -> Report
Catalogue(folder, kill_grace, *, check_owners=True): the definitions in force; load() at start, reload() later
read_document(file) -> Mapping: what a YAML file holds, read as strictly as all others
runs_as_root(definition) -> bool
fault_of(path, *others) -> str | None: who could change a definition or a program, and should not
too_open(listen, auth) -> str | None: why the server must not listen there
FolderWatch(folder, call): calls when the folder has changed, and then been left alone for a moment
"""

from .catalogue import Catalogue
from .checking import Report, check
from .host import runs_as_root
from .owners import fault_of
from .secrets import FILE as SECRET_FILE
from .secrets import make_secret, read_secret
from .settings import Http, Listen, Retention, Settings, Webhooks, too_open
from .sources import load_settings
from .strict import read_document
from .watch import FolderWatch
from .workers import definition_files, load_workers

__all__ = [
    "SECRET_FILE",
    "Catalogue",
    "FolderWatch",
    "Http",
    "Listen",
    "Report",
    "Retention",
    "Settings",
    "Webhooks",
    "check",
    "definition_files",
    "fault_of",
    "load_settings",
    "load_workers",
    "make_secret",
    "read_document",
    "read_secret",
    "runs_as_root",
    "too_open",
]
