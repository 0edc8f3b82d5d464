"""Where the settings come from: the command line wins over the environment, that over the file, and that over the
defaults."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigError, Problem
from ..model.fields import Mistake, Section, Wrong
from ..model.proxies import Proxies
from .files import mode_of
from .settings import SETTINGS, Http, Retention, Settings, Webhooks, default_state_dir, too_open
from .strict import load

SYSTEM_FILE: Final = Path("/etc/tasky/tasky.yaml")
_ENVIRONMENT: Final = Path("environment")
_COMMAND_LINE: Final = Path("command line")

#: Those of the environment, with the path of their setting.
VARIABLES: Final = {f"TASKY_{'_'.join(path).upper()}": path for path in SETTINGS}
#: What else is named TASKY_...: the file itself, the client's, and what a worker finds in its environment.
_OTHERS: Final = frozenset(
    f"TASKY_{name}"
    for name in (
        *("CONFIG", "URL", "TOKEN", "PROFILE", "TASK_ID", "WORKER", "ATTEMPT", "WORKDIR"),
        *("PROTOCOL", "PROCESS", "CRASH_AT"),
    )
)

Values = dict[tuple[str, ...], Any]


def load_settings(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    listen: str | None = None,
    workers_dir: str | None = None,
    state_dir: str | None = None,
    insecure_perms: str | None = None,
) -> Settings:
    """The settings in force. `path` is the file that the command line names; the other arguments are its options.
    ConfigError with every mistake of every source. An empty variable counts as not set."""
    problems: list[Problem] = []
    values: Values = {("state_dir",): default_state_dir(environ)}
    file = settings_file(path, environ)
    if file is not None:
        values |= _from_file(file, problems)
    values |= _from_environment(environ, problems)
    options = {
        "listen": listen,
        "workers_dir": workers_dir,
        "state_dir": state_dir,
        "insecure_perms": insecure_perms,
    }
    values |= _from_options(options, problems)
    if problems:
        raise ConfigError(problems)
    settings = _settings(values)
    if message := too_open(settings.listen, settings.auth):
        raise ConfigError([_of_listen(message, listen, environ, file)])
    return settings


def _of_listen(
    message: str, option: str | None, environ: Mapping[str, str], file: Path | None
) -> Problem:
    """With the place of the address that is in force."""
    if option is not None:
        return Problem(_COMMAND_LINE, 0, "--listen", message)
    if environ.get("TASKY_LISTEN") or file is None:
        return Problem(_ENVIRONMENT, 0, "TASKY_LISTEN", message)
    return load(file).problem(Mistake(("listen",), message))


def settings_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: the one named, else $TASKY_CONFIG, else the system's if there is one."""
    if path is not None:
        return path
    if environ.get("TASKY_CONFIG"):
        return Path(environ["TASKY_CONFIG"])
    return SYSTEM_FILE if mode_of(SYSTEM_FILE) else None


def _from_file(file: Path, problems: list[Problem]) -> Values:
    try:
        document = load(file)
    except ConfigError as error:
        problems += error.problems
        return {}
    top = Section(document.data, list(dict.fromkeys(path[0] for path in SETTINGS)))
    base = file.absolute().parent
    values: Values = {}
    for group in dict.fromkeys(path[:-1] for path in SETTINGS):
        names = [path[-1] for path in SETTINGS if path[:-1] == group]
        section = top.section(group[0], names) if group else top
        for name in names:
            path = (*group, name)
            value = section.get(name, partial(SETTINGS[path].from_value, base), None)
            if value is not None:
                values[path] = value
    problems += document.problems(top.mistakes)
    return values


def _from_environment(environ: Mapping[str, str], problems: list[Problem]) -> Values:
    values: Values = {}
    for variable, word in environ.items():
        if variable in VARIABLES and word:
            _from_text(_ENVIRONMENT, variable, VARIABLES[variable], word, values, problems)
        elif near := _meant(variable):
            message = f"is not a setting: did you mean {near}?"
            problems.append(Problem(_ENVIRONMENT, 0, variable, message))
    return values


def _meant(variable: str) -> str | None:
    """The setting that was probably meant. What is near none may be somebody's own."""
    if not variable.startswith("TASKY_") or variable in VARIABLES or variable in _OTHERS:
        return None
    names = [name.removeprefix("TASKY_") for name in VARIABLES]
    near = difflib.get_close_matches(variable.removeprefix("TASKY_"), names, n=1, cutoff=0.8)
    return f"TASKY_{near[0]}" if near else None


def _from_options(options: Mapping[str, str | None], problems: list[Problem]) -> Values:
    values: Values = {}
    for name, word in options.items():
        if word is not None:
            option = f"--{name.replace('_', '-')}"
            _from_text(_COMMAND_LINE, option, (name,), word, values, problems)
    return values


def _from_text(
    source: Path,
    key: str,
    path: tuple[str, ...],
    word: str,
    values: Values,
    problems: list[Problem],
) -> None:
    try:
        values[path] = SETTINGS[path].from_text(Path.cwd(), word)
    except Wrong as error:
        problems += [Problem(source, 0, key, mistake.message) for mistake in error.mistakes]


def _settings(values: Values) -> Settings:
    def under(group: str) -> dict[str, Any]:
        return {path[1]: value for path, value in values.items() if path[0] == group and path[1:]}

    plain = {path[0]: value for path, value in values.items() if not path[1:]}
    return Settings(
        **plain,
        retention=Retention(**under("retention")),
        http=Http(**under("http")),
        webhooks=Webhooks(**under("webhooks")),
        proxy=Proxies(**under("proxy")),
    )
