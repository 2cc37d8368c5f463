"""`imapcheck validate` and `stack` as they are called: every mistake at once, what nothing runs, whose secrets."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from imapcheck.stack.doubts import DEFAULT_PREFIX, PREFIX_PATTERN
from support.command_line import called as imapcheck

ROOT = Path(__file__).parents[2]
SCHEDULE = {"schedule": {"every": "5m"}}


def write(folder: Path, stem: str, /, **fields: Any) -> str:
    (folder / f"{stem}.json").write_text(json.dumps({"server": "mail.example.com"} | fields))
    return f"{stem}.json"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"alarms": {"mute": [{"cron": "0 25 * * *", "duration": "1h", "timezone": "Europe/Bonn"}]}},
            ["alarms.mute.0.cron", "alarms.mute.0.timezone"],
        ),
        (
            {
                "alarms": {
                    "mute": [{"cron": "0 2 * * *", "duration": "1h"}, {"at": "2001-01-01T00:00", "duration": "1s"}]
                }
            },
            ["alarms.mute.1.duration", "alarms.mute.1.at"],
        ),
        ({"timeout": 500, **SCHEDULE}, ["timeout", "secret"]),
        ({"timeout": 500, "tls": {"ca_file": "/etc/ca.pem"}}, ["timeout", "tls.ca_file"]),
        ({"server": "a b", "secret": "imapcheck/x", **SCHEDULE}, ["server"]),
        ({"authentication": "plian", "secret": "imapcheck/x", **SCHEDULE}, ["authentication"]),
        ({"authentication": "plian", **SCHEDULE}, ["authentication"]),
        ({"name": "other", "tls": {"ca_file": "none.pem"}}, ["name", "tls.ca_file"]),
        ({"alarms": 5, "tls": [], "schedule": "x"}, ["alarms", "tls", "schedule"]),
    ],
)
def test_one_mistake_hides_no_other(fields: dict[str, Any], told: list[str], tmp_path: Path) -> None:
    """Of the file itself, and of what only a deployment minds; each once, and none that is not there."""
    done = imapcheck("validate", write(tmp_path, "x", **fields), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert sorted(line.split(": ")[1] for line in done.stdout.splitlines()) == sorted(told)


def test_file_whose_name_is_no_checks_name_is_to_be_renamed(tmp_path: Path) -> None:
    """It holds no key `name`; where it does, that is what is wrong."""
    (tmp_path / "kunde-gmbh.de.json").write_text('{"server": "a.example"}')
    done = imapcheck("validate", "kunde-gmbh.de.json", cwd=tmp_path)
    assert done.stdout.startswith(
        'kunde-gmbh.de.json: the file has its check\'s name: found "kunde-gmbh.de", expected '
    )
    assert done.stdout.endswith("; rename the file\n")
    (tmp_path / "kunde-gmbh.de.json").write_text('{"server": "a.example", "name": "kunde-gmbh.de"}')
    assert "rename" not in imapcheck("validate", "kunde-gmbh.de.json", cwd=tmp_path).stdout


def test_files_are_counted_where_one_is_wrong(tmp_path: Path) -> None:
    """Of forty, 39 are well."""
    files = [write(tmp_path, name, authentication="none", **SCHEDULE) for name in "ab"]
    done = imapcheck("validate", *files, write(tmp_path, "c", server=5), cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (2, "2 valid, 1 not valid")


def test_checks_that_nothing_runs_are_counted_and_named(tmp_path: Path) -> None:
    """A paused check has a schedule; where all have one there is nothing to say."""
    files = [write(tmp_path, "a", authentication="none", **SCHEDULE)]
    files.append(write(tmp_path, "b", authentication="none", schedule={"every": "5m", "enabled": False}))
    assert imapcheck("validate", *files, cwd=tmp_path).stdout == "2 valid\n"
    assert "without" not in imapcheck("stack", ".", "--output", "../made", cwd=tmp_path).stdout
    files += [write(tmp_path, name, authentication="none") for name in ("c", "d", "e")]
    three = imapcheck("stack", ".", "--output", "../made", cwd=tmp_path).stdout
    assert three.endswith(", without a schedule (run by name only): c, d, e\n")
    files.append(write(tmp_path, "f", authentication="none"))
    words = "6 valid, 4 without a schedule (AWS runs them by name only)\n"
    assert imapcheck("validate", *files, cwd=tmp_path).stdout == words
    line = imapcheck("stack", ".", "--output", "../made", cwd=tmp_path).stdout
    assert line.startswith("../made: 1 of 6 checks scheduled, ")
    assert line.endswith(", without a schedule (run by name only): c, d, e and 1 more\n")


def test_secrets_are_those_of_the_stack_that_the_definitions_are_for(tmp_path: Path) -> None:
    """A customer's folder warns of names that its function cannot read, and of no others."""
    own, other = write(tmp_path, "own", secret="acme/mail"), write(tmp_path, "other", secret="imapcheck/mail")

    def warned(*options: str) -> list[str]:
        done = imapcheck("validate", own, other, *options, cwd=tmp_path)
        assert done.returncode == 0
        return [line.partition(":")[0] for line in done.stdout.splitlines() if ": warning: secret: " in line]

    assert warned() == [own]
    assert warned("--secret-prefix", "acme/") == [other]
    for wrong in ("acme", "", "a b/"):
        done = imapcheck("validate", own, "--secret-prefix", wrong, cwd=tmp_path)
        assert done.returncode == 2
        assert "ending with a slash" in re.sub(r"[\s│]+", " ", done.stderr)


class _Loader(yaml.SafeLoader):
    """CloudFormation's tags as plain text."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: suffix)


def test_prefix_is_the_templates() -> None:
    """Its default and its rule stand in two places."""
    parameter = yaml.load((ROOT / "template.yaml").read_text(), _Loader)["Parameters"]["SecretPrefix"]
    assert (parameter["Default"], parameter["AllowedPattern"]) == (DEFAULT_PREFIX, PREFIX_PATTERN)


@pytest.mark.parametrize("target", ["validate", "build", "deploy"])
@pytest.mark.parametrize(
    ("parameters", "option"),
    [("AlarmEmail=a@b.example SecretPrefix=acme/ Paused=true", " --secret-prefix=acme/ "), ("Paused=true", " ")],
)
def test_make_validates_by_the_prefix_of_its_parameters(target: str, parameters: str, option: str) -> None:
    """What `make deploy PARAMETERS=..` deploys is what is validated before."""
    call = ["make", "--dry-run", target, "EVENTS=acme", "STACK=acme", f"PARAMETERS={parameters}"]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert f"imapcheck validate{option}acme/*.json" in re.sub(" +", " ", done.stdout)
