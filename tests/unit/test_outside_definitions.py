"""`schedule.runner: outside`: what such a definition needs, and that the function does not run it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imapcheck import CheckDefinition
from imapcheck.aws.event import Events
from imapcheck.aws.settings import Settings
from imapcheck.definition.plain import plain
from imapcheck.errors import DefinitionError
from imapcheck.stack.doubts import doubts
from imapcheck.stack.refusals import refusals

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OUTSIDE = {"server": "imaps://mail.corp.internal/", "schedule": {"every": "5m", "runner": "outside"}}


def outside(**fields: Any) -> CheckDefinition:
    return CheckDefinition.model_validate({"name": "office"} | OUTSIDE | fields)


def test_it_needs_no_secret_and_may_be_beside_its_server() -> None:
    """The machine has the credentials, and its own loopback is no other's."""
    for server in ("imaps://mail.corp.internal/", "imaps://localhost/", "imaps://127.0.0.1/", "imaps://[::1]/"):
        definition = outside(server=server)
        assert refusals(definition, "x", NOW) == []
        assert doubts(definition, "x", NOW) == []
    assert refusals(outside(server="imaps://localhost/", secret="s", schedule={"every": "5m"}), "x", NOW) != []
    assert refusals(outside(schedule={"every": "5m", "runner": "stack"}), "x", NOW) != []


@pytest.mark.parametrize("secret", ["imapcheck/office", "elsewhere/office", "plain"])
def test_secret_has_no_effect(secret: str) -> None:
    """One warning, whatever the stack may read."""
    assert doubts(outside(secret=secret), "x", NOW) == [
        "x: warning: secret: has no effect: runs from outside take their credentials from that machine"
    ]


def test_places_have_no_place_in_it() -> None:
    """What no cloud reaches no Region does."""
    with pytest.raises(ValueError, match="a check that is run from outside asks no other place"):
        outside(schedule={"every": "5m", "runner": "outside", "places": ["us-east-2"]})


def test_round_trip_needs_no_secret_and_may_use_any_port() -> None:
    """Port 25 is closed to Lambda, not to that machine."""
    send = {
        "server": "smtp://relay.corp.internal:25/",
        "from": "a@example.com",
        "to": "b@example.com",
        "keep_for": "1d",
    }
    definition = outside(send=send, timeout=60)
    assert refusals(definition, "x", NOW) == []
    assert doubts(definition, "x", NOW) == []
    assert "send.secret: has no effect" in doubts(outside(send=send | {"secret": "s"}, timeout=60), "x", NOW)[0]


def test_what_any_check_is_doubted_for_it_is_too() -> None:
    """The interval is its own as well."""
    assert "runs may overlap" in doubts(outside(schedule={"every": "1m", "runner": "outside"}, timeout=60), "x", NOW)[0]


@pytest.mark.parametrize("runner", ["Outside", "machine", "", 1, True, []])
def test_other_runners_are_refused(runner: object) -> None:
    with pytest.raises(ValueError, match=r"schedule\.runner"):
        outside(schedule={"every": "5m", "runner": runner})


def test_whoever_shows_it_knows() -> None:
    assert plain(outside()).runs_outside is True
    assert plain(outside(schedule={"every": "5m"})).runs_outside is False
    assert plain(outside(schedule=None)).runs_outside is False


@pytest.mark.parametrize("enabled", [True, False])
def test_function_refuses_to_run_it(enabled: bool, tmp_path: Path) -> None:
    """By name and inline: it would look from another network, and mix its view with the machine's."""
    data = OUTSIDE | {"schedule": OUTSIDE["schedule"] | {"enabled": enabled}}  # type: ignore[operator]
    (tmp_path / "office.json").write_text(json.dumps(data))
    (tmp_path / "mail.json").write_text(json.dumps({"server": "mail.example.com", "authentication": "none"}))
    events = Events(Settings(definitions=tmp_path, allow_inline_definitions=True))
    for event in ({"check": "office"}, data, data | {"name": "mail"}):
        with pytest.raises(DefinitionError, match=r'schedule\.runner: found "outside": the function does not run it'):
            events.request(event)
    assert events.request({"check": "mail"}).definition.label == "mail"
