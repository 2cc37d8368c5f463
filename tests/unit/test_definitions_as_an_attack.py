"""Who may propose a definition gets nothing into a template or a terminal but what it says, and stops no `validate`."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from imapcheck.cli.app import app
from imapcheck.cli.run import _refuse_namesakes
from imapcheck.definition.files import parse_definition
from imapcheck.definition.json_text import UnreadableError, parse_object
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.server import canonical_host, parse_server
from imapcheck.errors import DefinitionError
from imapcheck.stack.checks import checks_template
from imapcheck.stack.contacts import contacts_template
from imapcheck.stack.quotas import template
from imapcheck.stack.refusals import is_pem

REFERENCE = "{{resolve:secretsmanager:prod-db:SecretString:password}}"
BAD_ZONES = [
    REFERENCE, "{{", "a b", "a\u2028b", "a\u2029b", "a\x85b", "a\x9bb", "a\x1b[2J", "a\nb", "a\tb", "a#b", "a'b", 'a"b',
    "a:b", "${StackName}", "", "x" * 16, "é", "\u200b", "a\u202eb",
]  # fmt: skip
GOOD_ZONES = ["eth0", "en0", "wlan0.100", "br-lan", "1", "tun_vpn"]


@pytest.mark.parametrize("zone", BAD_ZONES)
@pytest.mark.parametrize("spelling", ["[2001:db8::1%{}]:993", "imaps://[2001:db8::1%{}]:993/", "2001:db8::1%{}"])
def test_zone_of_an_address_is_the_name_of_an_interface(zone: str, spelling: str) -> None:
    with pytest.raises(ValueError):
        parse_server(spelling.format(zone))
    with pytest.raises(ValueError):
        canonical_host(f"2001:db8::1%{zone}")


@pytest.mark.parametrize("zone", GOOD_ZONES)
def test_ordinary_zones_stay(zone: str) -> None:
    assert parse_server(f"[2001:db8::1%{zone}]:993").host == f"2001:db8::1%{zone}"


SCHEDULED: dict[str, Any] = {"server": "mail.example.com", "secret": "imapcheck/mail", "schedule": {"every": "5m"}}
SMUGGLED = ["{{resolve:ssm:x}}", "\u2028", "\u2029", "\x85", "\x9b", "\x00", "\x7f", "\r"]


@pytest.mark.parametrize("smuggled", SMUGGLED)
@pytest.mark.parametrize(
    "where",
    [
        lambda text: {"server": f"mail{text}.example.com"},
        lambda text: {"server": f"imaps://mail.example.com{text}/"},
        lambda text: {"alarms": {"runbook": f"https://wiki.example/{text}"}},
        lambda text: {"alarms": {"notify": [f"ops{text}@example.com"]}},
        lambda text: {"alarms": {"notify": [f"ops@{text}example.com"]}},
        lambda text: {"alarms": {"mute": [{"cron": f"0 2 * * SUN{text}", "duration": "2h"}]}},
        lambda text: {"alarms": {"mute": [{"at": f"2026-12-01T02:00{text}", "duration": "2h"}]}},
        lambda text: {"alarms": {"mute": [{"cron": "0 2 * * SUN", "duration": "2h", "timezone": f"UTC{text}"}]}},
        lambda text: {"schedule": {"every": f"5m{text}"}},
        lambda text: {"name": f"mail{text}"},
    ],
)  # fmt: skip
def test_nothing_is_smuggled_into_a_template_by_any_key(smuggled: str, where: Callable[[str], dict[str, Any]]) -> None:
    """Refused by the key's own rule, or by the net; what goes through is plain lines of ASCII."""
    try:
        definition = parse_definition({"name": "mail", **SCHEDULED, **where(smuggled)}, source="mail.json")
        texts = [checks_template([definition]).text, contacts_template([definition]).text]
    except DefinitionError:
        return
    for text in texts:
        assert smuggled not in text
        yaml.parse(text)


def test_net_lets_no_reference_and_no_other_line_end_through() -> None:
    """Whatever key a later version adds."""
    for text in [*SMUGGLED, "é", "\t"]:
        with pytest.raises(DefinitionError, match="expected plain text"):
            template(f"Resources:\n  A: {text}\n", 1)
    assert template("Resources:\n  A: {}\n", 1).resources == 1


def test_stack_writes_nothing_where_the_net_holds(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    content = {**SCHEDULED, "alarms": {"notify": ["{{x}}@example.com"]}}
    (tmp_path / "events" / "mail.json").write_text(json.dumps(content))
    done = CliRunner().invoke(app, ["stack", str(tmp_path / "events"), "--output", str(tmp_path / "stacks")])
    assert done.exit_code == 2
    assert "{{" in done.stderr
    assert not (tmp_path / "stacks").exists()


def test_longest_names_fit_the_description_of_an_alarm() -> None:
    """CloudWatch takes 1,024 characters (API reference, PutMetricAlarm)."""
    host = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    content = {**SCHEDULED, "name": "n" * 40, "server": host, "thresholds": {"total": 1},
               "alarms": {"runbook": f"https://wiki.example/{'x' * 279}"}}  # fmt: skip
    definition = CheckDefinition.model_validate(content)
    blocks = checks_template([definition]).text.split("AlarmDescription: >-")[1:]
    for block in blocks:
        lines = block.split("      Namespace:")[0].split("\n")
        assert len(" ".join(line.strip() for line in lines).strip()) <= 1024


def seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def refused(text: str) -> None:
    with pytest.raises((UnreadableError, DefinitionError)):
        parse_definition(parse_object(text), source="x.json")


@pytest.mark.parametrize(
    "attack",
    [
        lambda n: refused("{" + ",".join(f'"k{i}":1' for i in range(n)) + ',"k1":2}'),
        lambda n: refused("{" + ",".join(f'"serv{i}":1' for i in range(n)) + "}"),
        lambda n: is_pem(b"-----BEGIN CERTIFICATE-----\n" * n),
        lambda n: is_pem(b"-----BEGIN CERTIFICATE-----" * n + b"-----END CERTIFICATE-----" * n),
        lambda n: _refuse_namesakes([str(i) for i in range(n)]),
    ],
    ids=["key twice", "unknown keys", "pem begins", "pem ends", "namesakes"],
)
def test_time_grows_with_the_size_and_no_faster(attack: Callable[[int], object]) -> None:
    """n, 2n, 4n: each at most about twice the one before; what takes no time at all passes."""
    attack(100)
    times = [min(seconds(lambda n=n: attack(n)) for _ in range(2)) for n in (2_000, 8_000)]  # type: ignore[misc]
    assert times[1] < 12 * max(times[0], 0.005), times


def test_object_of_very_many_keys_is_refused() -> None:
    with pytest.raises(UnreadableError, match="more than 10,000 keys"):
        parse_object("{" + ",".join(f'"k{i}":1' for i in range(20_000)) + "}")
