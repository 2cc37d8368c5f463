"""`extends`: what several checks share stands in a part beside them, and every message names the file to change."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from imapcheck.aws.deployed import Definitions
from imapcheck.aws.event import Events
from imapcheck.aws.settings import Settings
from imapcheck.definition.files import load_definition, load_part, parse_definition
from imapcheck.definition.parts import Parts, check_files
from imapcheck.definition.schema import json_schema, part_schema
from imapcheck.errors import DefinitionError, NotDeployed
from imapcheck.steps import STEP_NAMES
from support.command_line import called as imapcheck


def write(folder: Path, /, **files: Any) -> None:
    """`mail={..}` is mail.json; `_part={..}` is _part.json."""
    for stem, content in files.items():
        (folder / f"{stem}.json").write_text(content if isinstance(content, str) else json.dumps(content))


def shown(folder: Path, name: str = "mail") -> dict[str, Any]:
    done = imapcheck("show", f"{name}.json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def problems(folder: Path, name: str = "mail") -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        load_definition(folder / f"{name}.json")
    return [line.replace(f"{folder}/", "") for line in str(caught.value).splitlines()]


MERGES = [
    ({"timeout": 60}, {}, {"timeout": 60}),
    ({"timeout": 60}, {"timeout": 5}, {"timeout": 5}),
    ({"timeout": 60}, {"timeout": None}, {}),
    ({"thresholds": {"total": 1, "tls": 2}}, {"thresholds": {"tls": 3}}, {"thresholds": {"total": 1, "tls": 3}}),
    ({"thresholds": {"total": 1, "tls": 2}}, {"thresholds": {"tls": None}}, {"thresholds": {"total": 1}}),
    ({"thresholds": {"total": 1}}, {"thresholds": None}, {}),
    ({"search": {"subject": "x", "mailbox": "y"}}, {"search": "z"}, {"search": "z"}),
    ({"search": "z"}, {"search": {"subject": "x"}}, {"search": {"subject": "x"}}),
    ({"search": {"subject": ["a", "b"]}}, {"search": {"subject": ["c"]}}, {"search": {"subject": ["c"]}}),
    ({"alarms": {"notify": ["a@b.example"]}}, {"alarms": {"notify": []}}, {"alarms": {"notify": []}}),
    ({"alarms": {"slow": "1 of 1"}}, {"alarms": {}}, {"alarms": {"slow": "1 of 1"}}),
    ({"$schema": "p", "timeout": 9}, {"$schema": "c"}, {"$schema": "c", "timeout": 9}),
    ({"$schema": "p"}, {}, {}),
]


@pytest.mark.parametrize(("part", "own", "counts"), MERGES)
def test_objects_merge_and_other_values_replace(part: Any, own: Any, counts: Any, tmp_path: Path) -> None:
    """Null is the key's default; and what `show` prints is the same definition."""
    write(tmp_path, _part=part, mail={"server": "a.example", "extends": "_part.json", **own})
    assert shown(tmp_path) == {"server": "a.example", **counts}
    (tmp_path / "whole").mkdir()
    write(tmp_path / "whole", mail=shown(tmp_path))
    assert (
        load_definition(tmp_path / "whole/mail.json").model_dump()
        == load_definition(tmp_path / "mail.json").model_dump()
    )


def test_null_between_two_levels_takes_away_what_stands_below(tmp_path: Path) -> None:
    write(
        tmp_path, _a={"timeout": 60, "retries": 1, "tls": {"verify": False, "minimum_version": "1.3"}},
        _b={"extends": "_a.json", "timeout": None, "tls": {"verify": None}},
        mail={"extends": "_b.json", "server": "x.example"},
    )  # fmt: skip
    assert shown(tmp_path) == {"retries": 1, "tls": {"minimum_version": "1.3"}, "server": "x.example"}


@pytest.mark.parametrize("key", json_schema()["properties"])
def test_null_is_every_keys_default(key: str) -> None:
    """Where it is known: of any other an error says so, as a misspelled key would be off in silence."""
    definition = parse_definition(
        {"server": "a.example", key: None} if key != "server" else {"server": "a.example"}, source="x"
    )
    assert definition == parse_definition({"server": "a.example"}, source="x")
    with pytest.raises(DefinitionError, match="not known"):
        parse_definition({"server": "a.example", f"{key}x": None}, source="x")
    with pytest.raises(DefinitionError, match="not known"):
        parse_definition({"server": "a.example", "thresholds": {"bogus": None}}, source="x")


@pytest.mark.parametrize("step", ["total", *STEP_NAMES])
def test_null_is_every_thresholds_default(step: str) -> None:
    """What a part asks for, a check may leave out: also the threshold of the whole run."""
    assert parse_definition({"server": "a.example", "thresholds": {step: None}}, source="x").thresholds == {}


def test_message_names_the_file_that_the_value_stands_in(tmp_path: Path) -> None:
    """At every level and depth, with the check where only there the value is wrong."""
    write(
        tmp_path,
        _base={"timeout": 500, "alarms": {"notify": ["nobody"], "mute": [{"cron": "0 2 * * SUN"}]}, "serch": 1},
        _more={"extends": "_base.json", "thresholds": {"tls": "x"}},
        mail={"extends": "_more.json", "retries": 9, "alarms": {"not_running": 0}},
    )  # fmt: skip
    found = {line.split(": ")[1]: line.split(": ")[0] for line in problems(tmp_path)}
    assert found == {
        "timeout": "_base.json", "alarms.notify.0": "_base.json", "alarms.mute.0.duration": "_base.json",
        "serch": "_base.json", "thresholds.tls": "_more.json", "retries": "mail.json",
        "alarms.not_running": "mail.json", "server": "mail.json",
    }  # fmt: skip
    write(tmp_path, _base={"tls": {"mode": "none"}}, mail={"extends": "_base.json", "server": "a.example"})
    [line] = problems(tmp_path)
    assert line.startswith("_base.json (extended by ")
    assert 'mail.json): tls.mode: found "none"' in line


def test_refusals_and_doubts_name_the_part(tmp_path: Path) -> None:
    """What only a deployment minds too, also of a file that cannot be read as a whole."""
    window = {"cron": "0 2 * * *", "duration": "1h", "timezone": "No/Where"}
    write(
        tmp_path, _part={"thresholds": {"quota": 5}, "alarms": {"mute": [window]}},
        mail={"extends": "_part.json", "server": "mail.example.com"}, other={"extends": "_part.json", "server": "a b"},
    )  # fmt: skip
    done = imapcheck("validate", "_part.json", "mail.json", "other.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "_part.json (extended by mail.json): alarms.mute.0.timezone" in done.stdout
    assert "_part.json (extended by other.json): alarms.mute.0.timezone" in done.stdout
    write(tmp_path, _part={"thresholds": {"quota": 5}})
    done = imapcheck("validate", "_part.json", "mail.json", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "_part.json (extended by mail.json): warning: thresholds.quota: the step does not run: there is no quota",
        "1 valid, 1 without a schedule (AWS runs them by name only), 1 part",
    ]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"mail": {"extends": "_x.json"}}, 'extends: found "_x.json", expected a file beside this one; it is'),
        ({"mail": {"extends": "x.json"}}, "begins with _"),
        ({"mail": {"extends": "../_x.json"}}, "begins with _"),
        ({"mail": {"extends": "/etc/_x.json"}}, "begins with _"),
        ({"mail": {"extends": ["_x.json"]}}, "found a value that is no text"),
        ({"mail": {"extends": "_x.json\n"}}, "begins with _"),
        ({"mail": {"extends": "_x.json"}, "_x": "{"}, "_x.json: line 1"),
        ({"mail": {"extends": "_x.json"}, "_x": "[]"}, "_x.json: found a list"),
        ({"mail": {"extends": "_x.json"}, "_x": {"extends": "_x.json"}}, "no circle (_x.json → _x.json)"),
        (
            {"mail": {"extends": "_x.json"}, "_x": {"extends": "_y.json"}, "_y": {"extends": "_x.json"}},
            '_y.json: extends: found "_x.json", expected no circle (_x.json → _y.json → _x.json)',
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_extended(files: dict[str, Any], says: str, tmp_path: Path) -> None:
    write(tmp_path, **files)
    [line] = problems(tmp_path)
    assert says in line


def test_ten_files_one_behind_the_other_are_enough(tmp_path: Path) -> None:
    write(tmp_path, **{f"_{n}": {"extends": f"_{n + 1}.json"} for n in range(20)})
    write(tmp_path, _9={"server": "a.example"})
    write(tmp_path, mail={"extends": "_0.json"})
    assert shown(tmp_path) == {"server": "a.example"}
    write(tmp_path, _9={"extends": "_10.json"})
    assert "at most 10" in problems(tmp_path)[0]


PARTS = [
    {}, {"timeout": 60}, {"new_message": {"mailbox": "x"}}, {"search": {"mailbox": "Sent"}}, {"server": None},
    {"schedule": {"enabled": False}}, {"authentication": "none", "search": {"min_matches": 0}},
    {"tls": {"verify": False}},
]  # fmt: skip
NO_PARTS = [
    {"timeout": 500}, {"name": "x"}, {"username": "u", "password": "p"}, {"new_message": {"form": "x"}},
    {"alarms": {"mute": [{"cron": "0 2 * * SUN"}]}}, {"search": {"subject": 5}}, {"schedule": {"every": "7m"}},
    {"extends": "no.json"},
]  # fmt: skip


def validator_of(schema: dict[str, Any]) -> Any:
    """As an editor has it. It takes two seconds to load, which nobody pays who only looks for tests."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema)


@pytest.mark.parametrize("content", PARTS)
def test_nothing_is_required_in_a_part(content: Any, tmp_path: Path) -> None:
    """By `validate` and by the editor."""
    write(tmp_path, _part=content)
    assert load_part(tmp_path / "_part.json") == content
    assert imapcheck("validate", "_part.json", cwd=tmp_path).stdout == "0 valid, 1 part\n"
    assert list(validator_of(part_schema()).iter_errors(content)) == []


@pytest.mark.parametrize("content", NO_PARTS)
def test_what_stands_in_a_part_must_be_right(content: Any, tmp_path: Path) -> None:
    """Nothing secret either: the whole folder is uploaded."""
    write(tmp_path, _part=content, mail={"server": "a.example", "authentication": "none"})
    for command in (["validate", "_part.json"], ["stack", ".", "--output", "made"]):
        done = imapcheck(*command, cwd=tmp_path)
        assert done.returncode == 2
        assert "_part.json: " in done.stdout + done.stderr
    assert list(validator_of(part_schema()).iter_errors(content)) != []


def test_editor_wants_a_server_only_where_nothing_is_extended() -> None:
    validator = validator_of(json_schema())
    assert validator.is_valid({"extends": "_part.json", "new_message": {"subject": "x"}, "timeout": None})
    assert not validator.is_valid({"new_message": {"from": "a@b.example", "subject": "x", "message": "x"}})
    assert not validator.is_valid({"server": "a.example", "new_message": {"subject": "x"}})
    assert not validator.is_valid({"extends": "_part.json", "alarms": {"mute": [{"cron": "0 2 * * SUN"}]}})
    assert not validator.is_valid({"extends": "part.json"})


def test_parts_are_passed_over(tmp_path: Path) -> None:
    """By run, stack, the functions and the dashboard's table."""
    write(
        tmp_path,
        _part={"server": "127.0.0.1:1", "authentication": "none", "tls": {"mode": "none"}},
        mail={"extends": "_part.json"},
    )
    done = imapcheck("run", "_part.json", "mail.json", "--json", cwd=tmp_path)
    assert [json.loads(line)["check"] for line in done.stdout.splitlines()] == ["mail"]
    alone = imapcheck("run", "_part.json", cwd=tmp_path)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert imapcheck("stack", ".", "--output", "made", cwd=tmp_path).stdout.startswith("made: 0 of 1 checks scheduled")
    assert [path.name for path in check_files(tmp_path)] == ["mail.json"]
    assert not Definitions(tmp_path).knows("_part")
    events = Events(Settings(definitions=tmp_path))
    assert events.request({"check": "mail"}).definition.host == "127.0.0.1"
    with pytest.raises(NotDeployed):
        events.request({"check": "_part"})


def test_inline_definition_extends_nothing(tmp_path: Path) -> None:
    """Whoever may send one reads no file by it."""
    write(tmp_path, _part={"secret": "imapcheck/mail"})
    events = Events(Settings(definitions=tmp_path, allow_inline_definitions=True))
    with pytest.raises(DefinitionError, match="event: extends: found"):
        events.request({"server": "a.example", "extends": "_part.json"})


def test_sources_of_values_on_demand(tmp_path: Path) -> None:
    write(tmp_path, _part={"timeout": 60, "tls": {"verify": True, "minimum_version": "1.3"}})
    write(tmp_path, mail={"extends": "_part.json", "server": "a.example", "tls": {"verify": None}, "search": ["x"]})
    done = imapcheck("show", "mail.json", "--sources", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "_part.json: timeout: 60", '_part.json: tls.minimum_version: "1.3"', 'mail.json: server: "a.example"',
        'mail.json: search: ["x"]',
    ]  # fmt: skip
    broken = imapcheck("show", "mail.json", "_none.json", cwd=tmp_path)
    assert broken.returncode == 2
    assert json.loads(broken.stdout)["name"] == "mail"
    assert broken.stderr.startswith("_none.json: ")


def test_deep_nesting_is_a_problem_in_words(tmp_path: Path) -> None:
    """Two hostile files that merge for ever deep."""
    deep = '{"a":' * 900 + "1" + "}" * 900
    write(
        tmp_path,
        _part='{"tls":' + deep + "}",
        mail='{"extends": "_part.json", "server": "a.example", "tls":' + deep + "}",
    )
    assert all("not known" in line for line in problems(tmp_path))
    assert imapcheck("show", "_part.json", "mail.json", cwd=tmp_path).returncode == 2


def test_a_thousand_checks_read_their_part_once(tmp_path: Path) -> None:
    """Linear: each file is opened once a call."""
    write(
        tmp_path,
        _part={"timeout": 60},
        **{f"m{n}": {"extends": "_part.json", "server": "a.example"} for n in range(1000)},
    )
    opened: list[str] = []
    parts, original = Parts(), Path.open

    def counting(self: Path, *rest: Any, **more: Any) -> Any:
        opened.append(self.name)
        return original(self, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", counting)
        for file, _ in itertools.product(check_files(tmp_path), range(2)):
            load_definition(file, parts)
    assert len(opened) == len(set(opened)) == 1001
