"""Which server, and which token: the command line, the environment, the file of the profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasky.cli.profile_editing import change_profile
from tasky.cli.profiles import Profile, profile_names, profiles_file, read_profile
from tasky.cli.target import find_target
from tasky.errors import ConfigError
from tasky.home import home as home_of
from tests.cli.conftest import Tasky

TEXT = """\
# mine
[default]
url = "http://127.0.0.1:1/"

[prod]  # careful
url = "https://tasky.example.org"
token = "tsk_prod"

[files]
token_file = "files.token"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the profiles."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("TASKY_URL", "TASKY_TOKEN", "TASKY_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "tasky"
    folder.mkdir()
    return folder


def write(file: Path, text: str, mode: int = 0o600) -> Path:
    file.write_text(text)
    file.chmod(mode)
    return file


@pytest.mark.parametrize(
    ("url", "profile", "environ", "expected"),
    [
        ("", "", {}, ("http://127.0.0.1:1/", "the profile default", "", "")),
        ("http://x", "", {}, ("http://x", "--url", "", "")),
        ("http://x", "", {"TOKEN": "t"}, ("http://x", "--url", "t", "TASKY_TOKEN")),
        ("", "", {"URL": "http://y"}, ("http://y", "TASKY_URL", "", "")),
        ("", "prod", {"URL": "http://y", "TOKEN": "t"},
         ("https://tasky.example.org", "the profile prod", "tsk_prod", "the profile prod")),
        ("", "", {"PROFILE": "prod"},
         ("https://tasky.example.org", "the profile prod", "tsk_prod", "the profile prod")),
        ("", "", {"PROFILE": "prod", "TOKEN": "t"},
         ("https://tasky.example.org", "the profile prod", "t", "TASKY_TOKEN")),
        ("http://other", "prod", {}, ("http://other", "--url", "", "")),
        ("https://tasky.example.org:443/", "prod", {},
         ("https://tasky.example.org:443/", "--url", "tsk_prod", "the profile prod")),
        ("", "", {"URL": "http://y", "PROFILE": "prod"}, ("http://y", "TASKY_URL", "", "")),
        ("", "files", {}, ("http://127.0.0.1:8888", "the default", "tsk_file", "the profile files")),
        ("", "files", {"URL": "http://y"}, ("http://y", "TASKY_URL", "", "")),
        ("nonsense", "prod", {}, ("nonsense", "--url", "", "")),
    ],
)  # fmt: skip
def test_the_target(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    profile: str,
    environ: dict[str, str],
    expected: tuple[str, str, str, str],
) -> None:
    write(home / "profiles.toml", TEXT)
    write(home / "files.token", "tsk_file\n")
    for name, value in environ.items():
        monkeypatch.setenv(f"TASKY_{name}", value)
    found = find_target(url, profile)
    assert (found.url, found.url_from, found.token, found.token_from) == expected
    assert "tsk_" not in repr(found)


def test_without_a_file(home: Path) -> None:
    assert find_target().url == "http://127.0.0.1:8888"
    assert profile_names() == []
    with pytest.raises(ConfigError, match="no profile 'prod'; there are: none"):
        find_target(profile="prod")
    assert find_target("http://x", "prod", new=True).token == ""


def test_where_the_file_is(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert profiles_file() == home / "profiles.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert profiles_file() == Path.home() / ".config/tasky/profiles.toml"


def test_without_a_home(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr("os.getuid", lambda: 64321)  # who is in no passwd
    monkeypatch.delenv("HOME")
    assert home_of({}) is None
    write(home / "profiles.toml", '[default]\ntoken_file = "~/token"\n')
    with pytest.raises(ConfigError, match="there is no home for ~/token"):
        find_target()
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    assert profiles_file() == Path("/.config/tasky/profiles.toml")
    assert find_target().url == "http://127.0.0.1:8888"


def test_a_home_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Whoever runs this may be root, who can read everything."""
    write(home / "profiles.toml", TEXT)
    monkeypatch.setattr("os.access", lambda *_: False)
    assert find_target().url_from == "the default"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_token_that_others_can_read_is_refused(home: Path, mode: int) -> None:
    file = write(home / "profiles.toml", TEXT, mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_profile("default", required=False)
    write(file, '[default]\nurl = "http://x"\n[f]\ntoken_file = "files.token"\n', mode)
    assert read_profile("default", required=True).url == "http://x"
    write(home / "files.token", "tsk_file\n", mode)
    with pytest.raises(ConfigError, match="others can read it"):
        read_profile("f", required=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[default\n", "this is not TOML"),
        ('url = "x"\n', "url: belongs into a profile"),
        ('[default]\nport = "x"\n', "default.port: is not a key here: there are url, token and"),
        ("[default]\nurl = 5\n", "default.url: is not text"),
        ('[default]\ntoken = "a"\ntoken_file = "b"\n', "has both token and token_file"),
        ('[default]\ntoken_file = "nowhere"\n', "no such file"),
        ('[default]\nurl = "\udcff"\n', "not TOML"),
    ],
)
def test_mistakes(
    home: Path, tasky: Tasky, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.parent))
    file = write(home / "profiles.toml", "")
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=said):
        find_target()
    done = tasky("ps")
    assert done.status == 78
    assert str(file.parent) in done.err


def test_a_profile_does_not_show_its_token() -> None:
    assert "secret" not in repr(Profile("http://x", "secret"))


def test_a_change_leaves_the_rest_as_it_is(home: Path) -> None:
    file = write(home / "profiles.toml", TEXT, 0o644)
    assert change_profile(file, "prod", {"token": 'new "one"\\', "token_file": None})
    changed = TEXT.replace('url = "https://tasky.example.org"\ntoken = "tsk_prod"', "URL").replace(
        "URL", 'token = "new \\"one\\"\\\\"\nurl = "https://tasky.example.org"'
    )
    assert file.read_text() == changed
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_profile("prod", required=True).token == 'new "one"\\'
    assert change_profile(file, "prod", {"token": None, "token_file": None})
    assert not change_profile(file, "prod", {"token": None, "token_file": None})
    assert not change_profile(file, "nobody", {"token": None})
    assert change_profile(file, "b\u00fcro 1", {"url": "http://b", "token": "t"})
    assert profile_names() == ["default", "prod", "files", "b\u00fcro 1"]
    assert file.read_text().startswith("# mine\n[default]\n")
    assert [one.name for one in home.iterdir()] == ["profiles.toml"]


@pytest.mark.parametrize(
    "text",
    ['default = {url = "http://x"}\n', 'default.url = "http://x"\n', "", "# only this",
     '[default]\nurl = """http://x"""\n\n["default2"]\n', '["default"]\nurl = "http://x"'],
)  # fmt: skip
def test_every_way_to_write_a_profile_can_be_changed(home: Path, text: str) -> None:
    file = write(home / "profiles.toml", text)
    assert change_profile(file, "default", {"token": "t"})
    found = read_profile("default", required=True)
    assert found.token == "t"
    assert found.url == ("http://x" if "http" in text else "")


def test_a_link_stays_one(home: Path) -> None:
    real = write(home / "real.toml", TEXT)
    (home / "profiles.toml").symlink_to("real.toml")
    assert change_profile(home / "profiles.toml", "prod", {"token": "t"})
    assert (home / "profiles.toml").is_symlink()
    assert 'token = "t"' in real.read_text()


def test_the_options(home: Path, tasky: Tasky, monkeypatch: pytest.MonkeyPatch) -> None:
    """On both sides of the command, and with the address of where it comes from in the message."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.parent))
    write(home / "profiles.toml", '[gone]\nurl = "http://127.0.0.1:1"\n')
    for words in (("--profile", "gone", "ps"), ("ps", "--profile", "gone")):
        done = tasky(*words)
        assert done.status == 4
        assert done.err == (
            "tasky: no server at http://127.0.0.1:1: is it running? (tasky serve)\n"
            "  the address is from the profile gone\n"
        )
    assert tasky("ps", "--profile", "nobody").status == 78
    assert tasky("ps").status == 0, "TASKY_URL"
