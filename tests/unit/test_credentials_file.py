"""`--credentials FILE`: those of many checks in one file, and who else can read it."""

import json
from pathlib import Path
from typing import Any

import pytest

from imapcheck.cli.credentials import CredentialsFinder
from imapcheck.definition.files import parse_definition
from imapcheck.errors import CredentialsError
from support.command_line import called as imapcheck

ENTRY = {"username": "canary-user", "password": "canary-password", "host": "a.example"}


def find(tmp_path: Path, content: Any, name: str = "mail") -> Any:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps(content))
    definition = parse_definition({"server": "a.example", "name": name}, source=name)
    return CredentialsFinder(file, {}).find(definition, f"{name}.json")


def test_each_check_finds_its_own(tmp_path: Path) -> None:
    """And a source of its own, so that what names one host serves one check."""
    content = {"checks": {"mail": ENTRY, "other": ENTRY | {"username": "bob", "host": "b.example"}}}
    found = [find(tmp_path, content, name) for name in ("mail", "other")]
    assert [(each.credentials.username, each.credentials.host) for each in found] == [
        ("canary-user", "a.example"), ("bob", "b.example"),
    ]  # fmt: skip
    assert len({each.source for each in found}) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"checks": {"other": ENTRY}}, "checks: nothing for mail"),
        ({"checks": {}}, "checks: nothing for mail"),
        (
            {"checks": {"mail": {"username": "canary-user", "password": "canary-password"}}},
            "checks.mail: host: missing",
        ),
        ({"checks": {"mail": ENTRY | {"host": ""}}}, "checks.mail: host: missing"),
        ({"checks": {"mail": {**ENTRY, "Host": "x"}}}, "expected 'host'"),
        ({"checks": {"mail": "canary-password"}}, "checks.mail: expected a JSON object"),
        ({"checks": {"mail": None}}, "checks.mail: expected a JSON object"),
        ({"checks": [ENTRY]}, "and nothing beside it"),
        ({"checks": None}, "and nothing beside it"),
        ({"checks": {"mail": ENTRY}, **ENTRY}, "and nothing beside it"),
    ],
)
def test_what_is_wrong_is_said_without_a_value(content: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialsError) as caught:
        find(tmp_path, content)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"mail.json: credentials in {tmp_path}/secrets.json: ")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o644, True), (0o604, True), (0o640, False), (0o600, False), (0o602, False)]
)
def test_file_that_others_can_read_is_warned_of_once(mode: int, warned: bool, tmp_path: Path) -> None:
    """On standard error: the output stays what it is. A group may be meant to read it."""
    for name in ("mail", "more"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"server": "127.0.0.1:1"}))
    file = tmp_path / "secret of mine.json"
    file.write_text(json.dumps({**ENTRY, "host": "127.0.0.1"}))
    file.chmod(mode)
    done = imapcheck("run", "mail.json", "more.json", "--credentials", file.name, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    line = (
        "imapcheck: warning: secret of mine.json: every user of this machine can read these credentials:"
        " chmod o-r 'secret of mine.json'\n"
    )
    assert done.stderr == (line if warned else "")


def test_folder_is_looked_at_file_by_file(tmp_path: Path) -> None:
    """One line is enough for a folder; of a file that is not there nothing is said."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, mode in (("a", 0o600), ("mail", 0o644), ("more", 0o644)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"server": "127.0.0.1:1"}))
        (secrets / f"{name}.json").write_text(json.dumps({**ENTRY, "host": "127.0.0.1"}))
        (secrets / f"{name}.json").chmod(mode)
    done = imapcheck("run", "a.json", "mail.json", "more.json", "--credentials", "secrets", "--json", cwd=tmp_path)
    assert [line.split(": ")[2] for line in done.stderr.splitlines()] == ["secrets/mail.json"]
    gone = imapcheck("run", "mail.json", "--credentials", "nothing.json", "--json", cwd=tmp_path)
    assert (gone.returncode, gone.stderr) == (2, "")
