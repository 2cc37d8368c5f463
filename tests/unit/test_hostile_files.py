"""Files and objects of any shape: a clear error that names file and field, at once, and never a crash of ours."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from imapcheck import CheckDefinition, Credentials, run_check
from imapcheck.aws.event import Events
from imapcheck.aws.settings import Settings
from imapcheck.definition.files import load_definition, parse_definition
from imapcheck.errors import CredentialsError, DefinitionError

TEXT = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(["\ud800", "\x00", "9" * 400, "imaps://a@b/"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.just(10**400), st.just(-(10**4000)))
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
DEFINITION_KEYS = [
    "server", "name", "$schema", "secret", "authentication", "search", "new_message", "tls", "timeout", "retries",
    "identify", "quota", "thresholds", "schedule", "alarms", "metrics", "allow_unverified_login",
]  # fmt: skip
SOUND = {
    "server": "imaps://mail.example.com/",
    "search": {"subject": "x", "max_age": "1d", "min_matches": 1, "max_size": 5},
    "new_message": {"from": "a@b.c", "to": ["a@b.c"], "subject": "x", "message": "y", "keep_for": "1d"},
    "tls": {"mode": "implicit"},
    "quota": {"warn_percent": 90},
    "thresholds": {"total": 5},
    "schedule": {"every": "5m"},
    "alarms": {"unavailable": "2 of 3", "notify": ["a@b.c"], "mute": [{"cron": "0 2 * * SUN", "duration": "2h"}]},
}
CREDENTIAL_KEYS = sorted(Credentials.model_fields)


def assert_clear(error: Exception, source: str) -> None:
    for line in str(error).split("\n"):
        assert line.startswith(source), line
        assert line.isprintable(), repr(line)
        assert len(line) < 1000


@given(st.dictionaries(st.sampled_from(DEFINITION_KEYS), JSON) | JSON)
@example({"server": "x.y", "new_message": {"keep_for": "9" * 5000 + "d"}})
@example({"server": "x.y", "timeout": 10**400})
@example({"server": "x.y", "alarms": {"mute": [[[[]]]]}})
@example({"server": "x.y", "\ud800": 1})
@example({"server": "\ud800"})
def test_any_object_is_a_definition_or_a_clear_error(data: Any) -> None:
    """Every line names the source and is fit for a terminal."""
    try:
        found = parse_definition(data, source="any.json")
    except DefinitionError as error:
        assert_clear(error, "any.json")
    else:
        assert isinstance(found, CheckDefinition)


@given(st.data())
def test_one_odd_value_anywhere_is_a_clear_error(data: st.DataObject) -> None:
    """A sound definition with one value replaced, however deep."""
    definition: Any = json.loads(json.dumps(SOUND))
    place = definition
    while True:
        key = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.just(0))
        deeper = place[key] if isinstance(place, dict) else place[0]
        if not (isinstance(deeper, dict | list) and deeper) or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = deeper
    try:
        parse_definition(definition, source="any.json")
    except DefinitionError as error:
        assert_clear(error, "any.json")


@given(JSON, st.booleans())
@example("../../etc/passwd", True)
@example([[[[]]]] * 3, False)
def test_any_event_is_a_clear_error(value: Any, named: bool) -> None:
    """`{"check": ANYTHING}`, a whole definition, or neither."""
    events = Events(Settings(definitions=Path(__file__).parent, allow_inline_definitions=True))
    with pytest.raises(DefinitionError) as refused:
        events.request({"check": value} if named else value)
    assert_clear(refused.value, "check " if named else "event: ")


@pytest.mark.parametrize(
    "size", ["0d", "3651d", "99999d", "999999w", "9" * 30 + "d", "1000000d", "-1d", "1.5d", 10**30]
)
def test_keep_for_of_any_size(size: Any) -> None:
    """`timedelta` ends at 999,999,999 days; ours at 3,650."""
    message = SOUND["new_message"] | {"keep_for": size}  # type: ignore[operator]
    with pytest.raises(DefinitionError, match=r"any.json: new_message.keep_for: found "):
        parse_definition({"server": "x.y", "new_message": message}, source="any.json")


@given(st.dictionaries(st.sampled_from(CREDENTIAL_KEYS), JSON) | JSON)
def test_any_object_is_credentials_or_a_clear_error(data: Any) -> None:
    """Fields are named, values never."""
    try:
        found = Credentials.from_object(data, source="secret x")
    except CredentialsError as error:
        held = data.values() if isinstance(data, dict) else ()
        leaked = [value for value in held if isinstance(value, str) and len(value) > 12 and value in str(error)]
        assert_clear(error, "secret x: ")
    else:
        leaked = []
        assert found.username
    assert leaked == []


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, '{"timeout": ' + "9" * 10_000 + "}", '{"timeout": 1e999}', '{"a": NaN}', "",
     "\ufeff", '{"server": "\\ud800"}', '{"server": "x", "server": "y"}', "null", "12" * 3000,
     '"' + "x" * 100_000 + '"'],
    ids=range(12),
)  # fmt: skip
def test_any_text_in_a_file_is_a_clear_error(tmp_path: Path, text: str) -> None:
    """Nesting of any depth, numbers of any length."""
    path = tmp_path / "check.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as raised:
        load_definition(path)
    assert_clear(raised.value, str(path))


def special(directory: Path) -> list[Path]:
    os.mkfifo(directory / "check.json")
    return [directory / "check.json", Path("/dev/zero"), Path("/dev/stdin"), Path("/dev/tty"), directory]


def test_special_file_as_definition_is_refused_at_once(tmp_path: Path) -> None:
    """Reading a pipe waits for a writer, reading /dev/zero never ends."""
    for path in special(tmp_path):
        began = time.monotonic()
        with pytest.raises(DefinitionError):
            load_definition(path)
        assert time.monotonic() - began < 20


def test_special_file_as_authority_is_refused_at_once(tmp_path: Path) -> None:
    """From a definition file, and where it was made in Python."""
    os.mkfifo(tmp_path / "ca.pem")
    definition = {"server": "localhost:1", "authentication": "none", "tls": {"ca_file": "ca.pem"}}
    (tmp_path / "check.json").write_text(json.dumps(definition))
    with pytest.raises(DefinitionError, match=r"tls\.ca_file"):
        load_definition(tmp_path / "check.json")
    for name in (tmp_path / "ca.pem", Path("/dev/zero"), tmp_path):
        made = CheckDefinition.model_validate(definition | {"tls": {"ca_file": str(name)}})
        with pytest.raises(DefinitionError, match=r"tls\.ca_file"):
            run_check(made)


@pytest.mark.long
@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(DEFINITION_KEYS), JSON) | JSON)
def test_definitions_at_length(data: Any) -> None:
    """As above, two thousand of them."""
    test_any_object_is_a_definition_or_a_clear_error.hypothesis.inner_test(data)  # type: ignore[attr-defined]


@pytest.mark.long
@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_odd_values_at_length(data: st.DataObject) -> None:
    """As above."""
    test_one_odd_value_anywhere_is_a_clear_error.hypothesis.inner_test(data)  # type: ignore[attr-defined]


@pytest.mark.long
@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(CREDENTIAL_KEYS), JSON) | JSON)
def test_credentials_at_length(data: Any) -> None:
    """As above."""
    test_any_object_is_credentials_or_a_clear_error.hypothesis.inner_test(data)  # type: ignore[attr-defined]
