"""`schedule` and `alarms`: what AWS takes is taken, and nothing else; what hides a mistake is told."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imapcheck import CheckDefinition, run_check
from imapcheck.definition.files import load_definition, parse_definition
from imapcheck.definition.monitoring import Every, RunsOf
from imapcheck.errors import DefinitionError
from imapcheck.stack.doubts import doubts
from imapcheck.stack.refusals import refusals
from support import forked

NOW = datetime(2026, 11, 24, tzinfo=UTC)
MESSAGE = {"from": "a@example.com", "to": "a@example.com", "subject": "IMAP testing", "message": "m"}
OTHERS = {**MESSAGE, "to": "b@example.com"}
NO_LOGIN = {"authentication": "none"}


def define(**fields: Any) -> CheckDefinition:
    return CheckDefinition.model_validate({"server": "mail.example.com", "secret": "imapcheck/x"} | fields)


def mute(**fields: Any) -> CheckDefinition:
    return define(schedule={"every": "5m"}, alarms={"mute": [{"duration": "2h"} | fields]})


def test_defaults_are_the_documented_ones() -> None:
    """Two of three, three of three, three intervals, fourteen days; nobody, nothing muted."""
    alarms = define().alarms
    assert (alarms.unavailable, alarms.slow, alarms.not_running, alarms.certificate_days) == ((2, 3), (3, 3), 3, 14)
    assert (alarms.notify, alarms.runbook, alarms.mute, define().metrics) == ([], None, [], "main")
    assert define().schedule is None


@pytest.mark.parametrize("every", get_args(Every))
def test_window_is_cloudwatchs_to_the_interval(every: str) -> None:
    """A day for periods under an hour, seven for the others: the longest is taken, one more is not."""
    number, unit = int(every[:-1]), {"m": 60, "h": 3600}[every[-1]]
    most = (86_400 if number * unit < 3600 else 7 * 86_400) // (number * unit)
    define(schedule={"every": every}, alarms={"not_running": most})
    if most < 1440:  # the most that any definition may ask for
        with pytest.raises(ValidationError, match=f"at most {most} intervals of {every}"):
            define(schedule={"every": every}, alarms={"not_running": most + 1})


@given(datapoints=st.integers(-1, 12), periods=st.integers(-1, 12))
def test_m_of_n_is_what_cloudwatch_takes(datapoints: int, periods: int) -> None:
    """1 <= M <= N <= 10."""
    text = f"{datapoints} of {periods}"
    if 1 <= datapoints <= periods <= 10:
        assert define(alarms={"unavailable": text}).alarms.unavailable == RunsOf(datapoints, periods)
    else:
        with pytest.raises(ValidationError):
            define(alarms={"unavailable": text})


@pytest.mark.parametrize(
    ("duration", "written"),
    [("1m", "PT1M"), ("90m", "PT1H30M"), ("2h", "PT2H"), ("60h", "P2DT12H"), ("15d", "P15D"), ("2w", "P14D")],
)
def test_mute_durations_in_iso_8601(duration: str, written: str) -> None:
    """The form that CloudWatch's reference shows."""
    assert mute(cron="0 2 * * *", duration=duration).alarms.mute[0].iso_duration == written


@pytest.mark.parametrize(
    "cron", ["0 2 * * sun", "0,30 2-4 1,15 JAN-MAR *", "59 23 31 12 MON-FRI", "00 02 01 01 SUN,SAT", "* * * * *"]
)
def test_mute_crons_of_cloudwatchs_own_form(cron: str) -> None:
    """Stars, ranges, lists, names in any case."""
    assert mute(cron=cron).alarms.mute[0].expression == f"cron({cron.upper()})"


def test_once() -> None:
    """`at`, in a zone."""
    once = mute(at="2026-12-01T02:00", timezone="Europe/Berlin").alarms.mute[0]
    assert (once.expression, once.timezone) == ("at(2026-12-01T02:00)", "Europe/Berlin")
    assert mute(at="2026-12-01T02:00").alarms.mute[0].timezone == "UTC"


def test_contacts_are_lower_case_and_once() -> None:
    """SNS compares filters with case; an address alone needs no list."""
    assert define(alarms={"notify": "Ops@Example.COM"}).alarms.notify == ["ops@example.com"]
    assert define(alarms={"notify": ["a@x.example", "A@X.example"]}).alarms.notify == ["a@x.example"]
    longest = f"{'a' * 64}@{'b' * 63}.{'c.' * 62}d"
    assert define(alarms={"notify": longest}).alarms.notify == [longest]


@pytest.mark.parametrize(
    "address",
    ["a@b", "a..b@x.example", ".a@x.example", "a@-x.example", "ä@x.example", "a@x.example\n", "a b@x.example", "x",
     'a"@x.example', "a@x.example, b@x.example", "@x.example", f"{'a' * 65}@x.example", "A <a@x.example>", "",
     f"a@{'b.' * 94}de", f"a@{'b' * 64}.de"],
)  # fmt: skip
def test_address_that_sns_would_refuse(address: str) -> None:
    """Or that could mean two."""
    with pytest.raises(ValidationError):
        define(alarms={"notify": address})


AT = "expected a date and time that exists, from last year to in ten years"
NO_ZONE = "expected a time zone's name such as Europe/Berlin"
NO_SECRET = "expected a name of at most 512 letters, digits and /_+=.@-, not an ARN"
REFUSED = [
    *(
        ({"alarms": {"mute": [{"at": at, "duration": "15d"}]}}, f'alarms.mute.0.at: found "{at}", {AT}')
        for at in ("0001-01-01T00:00", "2024-12-31T23:59", "2037-01-01T00:00", "9999-12-31T23:59")
    ),
    *(
        (
            {"alarms": {"mute": [{"cron": "0 2 * * *", "duration": "1h", "timezone": zone}]}},
            f'alarms.mute.0.timezone: found "{zone}", {NO_ZONE}',
        )
        for zone in ("Factory", "localtime", "posixrules")
    ),
    (
        {"secret": None, "schedule": {"every": "5m"}},
        "secret: missing (a check that logs in needs one)",
    ),
    ({"tls": {"ca_file": "/etc/ca.pem"}}, "tls.ca_file: found an absolute path, expected a file beside"),
    (
        {"alarms": {"mute": [{"cron": "0 2 * * *", "duration": "1h", "timezone": "Europe/Bonn"}]}},
        'alarms.mute.0.timezone: found "Europe/Bonn"',
    ),
]


@pytest.mark.parametrize(("fields", "says"), REFUSED)
def test_what_the_deployed_function_would_refuse(fields: dict[str, Any], says: str) -> None:
    """One line that names file, field, what was found and what was expected."""
    [line] = refusals(define(**fields), "events/x.json", NOW)
    assert line.startswith(f"events/x.json: {says}")


def test_authority_that_is_no_pem(write_definition: Any, tmp_path: Path) -> None:
    """Text, DER, an empty block, a key; the sample in events/ is one."""
    path = write_definition("x", {"server": "h.example", "secret": "s", "tls": {"ca_file": "ca.pem"}})
    block = b"-----BEGIN CERTIFICATE-----\n%b\n-----END CERTIFICATE-----\n"
    for content in (b"x", b"0\x82", block % b"", block % b"no base64!", block % b"AAAA", b""):
        (tmp_path / "ca.pem").write_bytes(content)
        assert "PEM" in refusals(load_definition(path), "x.json", NOW)[0], content
    (tmp_path / "ca.pem").write_bytes((Path(__file__).parents[2] / "events/private-ca.pem").read_bytes())
    assert refusals(load_definition(path), "x.json", NOW) == []


def test_definition_without_a_schedule_may_take_its_credentials_elsewhere() -> None:
    """From a file or the environment, on a laptop; and no login needs none."""
    assert refusals(define(secret=None), "x", NOW) == []
    assert refusals(define(secret=None, schedule={"every": "5m"}, **NO_LOGIN), "x", NOW) == []


@pytest.mark.parametrize(
    "name",
    ["x" * 513, "ä", "two words", "imapcheck/x\u00a0", "a:b", "a*", "", "/$",
     "arn:aws:secretsmanager:eu-central-1:123456789012:secret:imapcheck/x-AbCdEf"],
)  # fmt: skip
def test_name_that_no_secret_can_have(name: str) -> None:
    """Secrets Manager's own characters (API reference, CreateSecret); the role's prefix fits no ARN."""
    with pytest.raises(ValidationError, match=NO_SECRET[9:30]):
        define(secret=name)


@pytest.mark.parametrize("name", ["x", "x" * 512, "imapcheck/a.b_c+d=e@f-g", "acme/mail"])
def test_name_that_a_secret_can_have(name: str) -> None:
    assert define(secret=name).secret == name


def test_windows_of_this_and_the_next_years_are_taken() -> None:
    """To the year, whatever the zone; CloudWatch gets those alone that are not over."""
    for at in ("2025-01-01T00:00", "2036-12-31T23:59"):
        for zone in ("UTC", "Pacific/Kiritimati", "Etc/GMT+12"):
            assert refusals(mute(at=at, duration="15d", timezone=zone), "x", NOW) == []


SCHEDULE: dict[str, Any] = {"schedule": {"every": "1m"}}
DOUBTFUL = [
    ({"search": "testing", "new_message": OTHERS}, "search: looks in INBOX"),
    ({"thresholds": {"append": 5}}, "thresholds.append: the step does not run: there is no new_message"),
    ({"thresholds": {"fetch": 5}}, "thresholds.fetch: the step does not run: there is no search"),
    ({"thresholds": {"starttls": 5}}, "thresholds.starttls: the step does not run: tls.mode is implicit"),
    ({"thresholds": {"id": 5}}, "thresholds.id: the step does not run: identify is false"),
    ({"thresholds": {"cleanup": 5}, "new_message": MESSAGE}, "thresholds.cleanup: the step does not run"),
    ({"thresholds": {"examine": 5}} | NO_LOGIN, "thresholds.examine: the step does not run: authentication is none"),
    (
        {"thresholds": {"dns": 5}, "server": "192.0.2.1"},
        "thresholds.dns: the step does not run: the server is given as an address",
    ),
    ({"thresholds": {"total": 31_000}}, "thresholds.total: 31 s are more than the timeout of 30 s"),
    ({"timeout": 60} | SCHEDULE, "timeout: 60 s reach schedule.every 1m"),
    ({"timeout": 35, "schedule": {"every": "1m", "places": ["us-east-2"]}},
     "timeout: 35 s with 25 s for asking the places reach schedule.every 1m"),
    ({"schedule": {"every": "5m", "quorum": 2}}, "schedule.quorum: there are no places"),
    ({"schedule": {"every": "5m", "places": ["eu-cental-1"]}}, "schedule.places.0: eu-cental-1 is no Region"),
    ({"alarms": {"partial": "3 of 3"}} | SCHEDULE, "alarms.partial: no run is partial without places"),
    ({"schedule": {"every": "5m", "places": ["us-east-2"], "quorum": 1}, "alarms": {"partial": "3 of 3"}},
     "alarms.partial: no run is partial without places, or if schedule.quorum is 1"),
    ({"server": "imap://h.example:993/"}, "server: STARTTLS on port 993"),
    ({"server": "imaps://h.example:143/"}, "server: TLS from the start on port 143"),
    ({"search": {"subject": "x", "mailbox": "\\Spam"}}, "search.mailbox: no server knows the special use \\Spam"),
    ({"alarms": {"not_running": 4}}, "alarms: there is no schedule"),
    ({"alarms": {"slow": "1 of 1"}} | SCHEDULE, "alarms.slow: there are no thresholds"),
    (
        {"alarms": {"certificate_days": 30}, "server": "imap://h.example", "tls": {"mode": "none"}}
        | NO_LOGIN | SCHEDULE,
        "alarms.certificate_days: no certificate is verified",
    ),
    (
        {"alarms": {"mute": [{"at": "2026-09-30T21:00", "duration": "2h"}]}} | SCHEDULE,
        "alarms.mute.0.at: 2026-09-30T21:00 and its PT2H are over, and so is the next month",
    ),
    (
        {"alarms": {"mute": [{"cron": "0 2 31 APR,6 *", "duration": "2h"}]}} | SCHEDULE,
        "alarms.mute.0.cron: no month of these has such a day",
    ),
    *(({"alarms": {"mute": [{"cron": cron, "duration": duration}]}} | SCHEDULE,
       "alarms.mute: these windows follow each other without a gap: the alarms are silent for ever")
      for cron, duration in (
          ("* * * * *", "15d"), ("* * * * *", "1m"), ("0 2 * * *", "24h"), ("0 0,12 * * *", "12h"),
          ("0 2 * * SUN", "7d"),
          ("0 2 * * MON-FRI", "3d"), ("59 23 * * SUN-SAT", "1d"), ("0,30 * * * *", "30m"), ("0 0 1,11,21 * *", "11d"),
      )),
    (
        {"alarms": {"mute": [{"cron": "0 0 * * *", "duration": "12h"}, {"cron": "0 12 * * *", "duration": "12h"}]}}
        | SCHEDULE,
        "alarms.mute: these windows follow each other without a gap: the alarms are silent for ever",
    ),
    ({"slo": {"available": 99.9}}, "slo: there is no schedule"),
    (
        {"slo": {"available": 99.9}, "schedule": {"every": "1h"}},
        "slo.available: 99.9 % of 744 runs a month: a single failed run misses the goal",
    ),
    ({"secret": "acme/mail"}, "secret: acme/mail does not begin with imapcheck/: deploy with SecretPrefix=acme/"),
    ({"secret": "ssm:acme/mail"}, "secret: acme/mail does not begin with imapcheck/: deploy with SecretPrefix=acme/"),
    ({"secret": "ssm:/acme/mail"}, "secret: acme/mail does not begin with imapcheck/: deploy with SecretPrefix=acme/"),
    (
        {"secret": "mail"},
        "secret: its name does not begin with imapcheck/, and the function reads no name without a slash",
    ),
    (
        {"search": "testing", "new_message": MESSAGE},
        "search: looks in INBOX for the subject of new_message, which is filed elsewhere and not sent",
    ),
]  # fmt: skip
WITHOUT_LOGIN = "has no effect: authentication is none, so the check does not log in"
WITHOUT_EFFECT: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"secret": "imapcheck/x"}, ["secret"]),
    ({"secret": "acme/mail"}, ["secret"]),  # and not that it needs another SecretPrefix
    ({"identify": True}, ["identify"]),
    ({"quota": {}}, ["quota"]),
    ({"quota": {"warn_percent": 90}}, ["quota"]),
    ({"tls": {"allow_unverified_login": True}}, ["tls.allow_unverified_login"]),
    ({"tls": {"verify": False, "allow_unverified_login": True}}, ["tls.allow_unverified_login"]),
    ({"allow_unverified_login": True}, ["tls.allow_unverified_login"]),
    ({"secret": "x", "identify": True, "quota": {}, "authentication": "NONE"} | SCHEDULE,
     ["secret", "identify", "quota"]),
    ({"secret": None, "identify": False, "quota": None, "tls": {"allow_unverified_login": False}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "says"), DOUBTFUL)
def test_what_can_never_turn_green_or_never_happen(fields: dict[str, Any], says: str) -> None:
    """Is told once, and not refused."""
    definition = define(**fields)
    assert [line for line in doubts(definition, "x.json", NOW) if line.startswith(f"x.json: warning: {says}")]
    assert refusals(definition, "x.json", NOW) == []


CLEAR = {"server": "imap://h.example", "authentication": "scram-sha-256"}
NO_TLS, UNVERIFIED = "tls.mode is none, so there is no TLS", "tls.verify is false, so no certificate is verified"
TLS_WITHOUT_EFFECT: list[tuple[dict[str, Any], list[str], str]] = [
    ({"verify": False, "ca_file": "x", "server_name": "x.example", "minimum_version": "1.3", "mode": "none"},
     ["verify", "ca_file", "server_name", "minimum_version"], NO_TLS),
    ({"allow_unverified_login": True, "mode": "none"}, ["allow_unverified_login"], NO_TLS),
    ({"verify": True, "minimum_version": "1.2", "ca_file": None, "mode": "none"}, [], ""),
    ({"verify": False, "allow_unverified_login": True, "ca_file": "x", "server_name": "x.example",
      "minimum_version": "1.3"}, ["ca_file"], UNVERIFIED),
    ({"allow_unverified_login": True}, ["allow_unverified_login"],
     "tls.verify is true, so no login goes to an unverified server"),
    ({"ca_file": "x", "server_name": "x.example", "minimum_version": "1.3", "mode": "starttls"}, [], ""),
]  # fmt: skip


@pytest.mark.parametrize(("tls", "keys", "why"), TLS_WITHOUT_EFFECT)
def test_key_of_tls_without_effect(tls: dict[str, Any], keys: list[str], why: str) -> None:
    """One line for each, beside a login and without one, which then is the reason for the key about logins."""
    definition = CheckDefinition.model_validate(CLEAR | {"tls": tls})
    assert doubts(definition, "x.json", NOW) == [f"x.json: warning: tls.{key}: has no effect: {why}" for key in keys]
    told = doubts(CheckDefinition.model_validate(CLEAR | NO_LOGIN | {"tls": tls}), "x.json", NOW)
    idle = [key for key in tls if key in keys or (key == "allow_unverified_login" and tls[key])]
    assert sorted(line.split(": ")[2] for line in told) == sorted(f"tls.{key}" for key in idle)


@pytest.mark.parametrize(("fields", "keys"), WITHOUT_EFFECT)
def test_key_that_acts_after_a_login_has_no_effect_without_one(fields: dict[str, Any], keys: list[str]) -> None:
    """One line for each, and no other; what asks for nothing is not doubted, nor are these with a login."""
    definition = CheckDefinition.model_validate({"server": "h.example"} | NO_LOGIN | fields)
    assert doubts(definition, "x.json", NOW) == [f"x.json: warning: {key}: {WITHOUT_LOGIN}" for key in keys]
    assert refusals(definition, "x.json", NOW) == []
    told = doubts(define(**fields | {"authentication": "plain"}), "x.json", NOW)
    assert WITHOUT_LOGIN not in "".join(told)


@pytest.mark.parametrize(
    "fields",
    [
        {
            "search": {"subject": "testing", "max_age": "20m"},
            "new_message": MESSAGE,
            "thresholds": {"append": 5, "fetch": 5, "dns": 5, "tls": 5},
        },
        {"search": "testing", "new_message": {**MESSAGE, "mailbox": "INBOX.Outbox"}},
        {"search": "testing", "new_message": {**OTHERS, "mailbox": "INBOX"}},
        {"search": "other words", "new_message": OTHERS},
        {"search": {"subject": "testing", "min_matches": 0}, "new_message": OTHERS},
        {"search": {"subject": "testing", "mailbox": "\\sent"}, "new_message": OTHERS},
        {"server": "imap://h.example:1143/", "thresholds": {"starttls": 5}, "timeout": 59} | SCHEDULE,
        {"thresholds": {"total": 30_000}, "alarms": {"slow": "1 of 1", "notify": "a@x.example"}} | SCHEDULE,
        {"alarms": {"mute": [{"at": "2026-11-23T23:00", "duration": "2h"}]}} | SCHEDULE,
        {"alarms": {"mute": [{"cron": "0 2 29 FEB *", "duration": "2h"}]}} | SCHEDULE,
        {"alarms": {"mute": [{"cron": "0 2 * * *", "duration": "23h"}]}} | SCHEDULE,
        {"alarms": {"mute": [{"cron": "0 2 * * MON-FRI", "duration": "2d"}]}} | SCHEDULE,
        {"alarms": {"mute": [{"cron": "0 2 * JAN-NOV *", "duration": "15d"}]}} | SCHEDULE,
        {"alarms": {"mute": [{"cron": "0 0,12 * * *", "duration": "11h"}, {"cron": "0 23 * * *", "duration": "59m"}]}}
        | SCHEDULE,
        {"alarms": {"mute": [{"cron": "0 2 31 APR,MAY *", "duration": "2h"}]}} | SCHEDULE,
    ],
)
def test_what_can_happen_is_not_doubted(fields: dict[str, Any]) -> None:
    """The neighbours of the cases above."""
    assert doubts(define(**fields), "x.json", NOW) == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST", "mail.localhost", "169.254.169.254", "[fe80::1]",
     "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"],
)  # fmt: skip
def test_scheduled_check_of_an_address_that_the_function_refuses(host: str) -> None:
    """Each run inside Lambda would be an error of the monitor; without a schedule the check is for a laptop."""
    scheduled = define(server=f"imaps://{host}/", schedule={"every": "5m"})
    [line] = refusals(scheduled, "events/x.json", NOW)
    assert line.startswith("events/x.json: server: found ")
    assert "a loopback, link-local or unspecified address, expected a server that" in line
    assert refusals(scheduled, "x", NOW, allow_local_addresses=True) == []
    assert refusals(define(server=f"imaps://{host}/"), "x", NOW) == []


@pytest.mark.parametrize("host", ["mail.example.com", "10.0.0.1", "192.0.2.1", "[2001:db8::1]", "localhost.example"])
def test_scheduled_check_of_any_other_address(host: str) -> None:
    """A private network is somebody's mail server."""
    assert refusals(define(server=f"imaps://{host}/", schedule={"every": "5m"}), "x", NOW) == []


@pytest.mark.parametrize("command", ["validate", "stack"])
def test_command_line_refuses_what_the_function_refuses_at_each_run(tmp_path: Path, command: str) -> None:
    """A local server and a certificate that only looks like one: both lines, and no template."""
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n")
    local = {"server": "imaps://127.0.0.1/", "authentication": "none", "schedule": {"every": "5m"}}
    (tmp_path / "local.json").write_text(json.dumps(local))
    authority = {"server": "mail.example.com", "authentication": "none", "tls": {"ca_file": "ca.pem"}}
    (tmp_path / "authority.json").write_text(json.dumps(authority))
    files = ["local.json", "authority.json"] if command == "validate" else ["."]
    done = forked.imapcheck(command, *files, cwd=tmp_path)
    assert done.returncode == 2
    told = done.stdout + done.stderr
    assert "local.json: server: found 127.0.0.1, a loopback" in told
    assert 'authority.json: tls.ca_file: found "ca.pem", expected certificates in PEM that OpenSSL can load' in told
    assert not (tmp_path / "stacks").exists()


def test_certificate_that_openssl_does_not_read_is_told_in_words(write_definition: Any, tmp_path: Path) -> None:
    """By the run as by `validate`; neither shows OpenSSL's own `[X509] PEM lib`."""
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n")
    path = write_definition("x", {"server": "h.example", "authentication": "none", "tls": {"ca_file": "ca.pem"}})
    definition = load_definition(path)
    [line] = refusals(definition, "x.json", NOW)
    assert "tls.ca_file" in line
    with pytest.raises(DefinitionError, match=r"not a PEM file of certificates$"):
        run_check(definition)


def test_utc_needs_no_zone_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slim images and Windows have none; the package tzdata brings them."""
    monkeypatch.setattr("imapcheck.stack.refusals.available_timezones", set)
    assert refusals(mute(cron="0 2 * * *", timezone="UTC"), "x", NOW) == []
    assert refusals(mute(cron="0 2 * * *", timezone="Europe/Berlin"), "x", NOW) != []


@pytest.mark.parametrize(
    "value", ["hunter2 canary", "canary:pass!word", "canary\u00e9", "canary" * 100, 12345678, True]
)
def test_password_that_was_put_where_the_secrets_name_belongs_is_not_shown(value: object) -> None:
    """What is expected says enough."""
    with pytest.raises(DefinitionError) as raised:
        parse_definition({"server": "h.example", "secret": value}, source="x.json")
    assert "x.json: secret: found " in str(raised.value)
    assert "canary" not in str(raised.value)
    assert "12345678" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"server": "h.example", "retries": ' + "9" * 5000 + "}", "a number of thousands of digits"),
        ('{"server": ' + "[" * 200_000 + "]" * 200_000 + "}", "nesting without end"),
        ('{"server": "h.example", "timeout": 1e999}', "timeout: found Infinity"),
        ('{"server": "h.example", "search": ' + '{"a":' * 300 + "1" + "}" * 301, "search.a: found a key"),
    ],
)
def test_json_that_python_chokes_on(text: str, says: str, tmp_path: Path) -> None:
    """Ends in a line of ours."""
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DefinitionError, match=says):
        load_definition(path)


@pytest.mark.parametrize(
    ("data", "alike"),
    [
        ({"alrams": {}}, "alarms"),
        ({"alarms": {"runbok": "x"}}, "runbook"),
        ({"alarms": {"mute": [{"cron": "0 2 * * *", "duration": "1h", "timezon": "UTC"}]}}, "timezone"),
        ({"new_message": {**MESSAGE, "form": "x"}}, "from"),
        ({"Metrics": "main"}, "metrics"),
        ({"tls": {"verfy": True}}, "verify"),
    ],
)
def test_unknown_key_names_the_one_that_was_meant(data: dict[str, Any], alike: str, write_definition: Any) -> None:
    """At any depth, among the keys of that place."""
    with pytest.raises(DefinitionError, match=f'did you mean "{alike}"\\?'):
        load_definition(write_definition("x", {"server": "h.example"} | data))


def test_cold_start_loads_no_mail(tmp_path: Path) -> None:
    """A scheduled definition with everything in `alarms` is read without what only mail needs."""
    alarms = {"notify": "a@x.example", "mute": [{"cron": "0 2 * * *", "duration": "1h", "timezone": "Europe/Berlin"}]}
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"server": "h.example", "schedule": {"every": "5m"}, "alarms": alarms}))
    code = (
        "import sys, pathlib; from imapcheck.definition.files import load_definition, parse_definition;"
        f"load_definition(pathlib.Path({str(path)!r}));"
        "print([name for name in ('email.policy', 'email.headerregistry', 'difflib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
