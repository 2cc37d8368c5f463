"""The tables behind `validate`'s warnings: days that a month has, steps that need a login, uses of mailboxes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from imapcheck import CheckDefinition
from imapcheck.stack.doubts import doubts

NOW = datetime(2026, 11, 24, tzinfo=UTC)
MESSAGE = {"from": "a@example.com", "to": "a@example.com", "subject": "IMAP testing", "message": "m", "keep_for": "1d"}
DAYS = {
    "JAN": 31, "FEB": 29, "MAR": 31, "APR": 30, "MAY": 31, "JUN": 30,
    "JUL": 31, "AUG": 31, "SEP": 30, "OCT": 31, "NOV": 30, "DEC": 31,
}  # fmt: skip


def told(**fields: Any) -> list[str]:
    definition = CheckDefinition.model_validate({"server": "mail.example.com", "secret": "imapcheck/x"} | fields)
    return [line.removeprefix("x: warning: ") for line in doubts(definition, "x", NOW)]


def told_of_cron(cron: str) -> list[str]:
    return told(schedule={"every": "5m"}, alarms={"mute": [{"cron": cron, "duration": "2h"}]})


@pytest.mark.parametrize(("number", "month", "days"), [(n, *pair) for n, pair in enumerate(DAYS.items(), 1)])
def test_day_that_a_month_never_has(number: int, month: str, days: int) -> None:
    """By name and by number, of one digit or two; leap years have 29 February."""
    for name in (month, str(number), f"{number:02}"):
        for day in range(28, 32):
            never = ["alarms.mute.0.cron: no month of these has such a day"] if day > days else []
            assert told_of_cron(f"0 2 {day} {name} *") == never


@pytest.mark.parametrize(
    ("cron", "never"),
    [
        ("0 2 30 FEB,APR *", False),
        ("0 2 31 FEB,APR,JUN,SEP,NOV *", True),
        ("0 2 31 FEB,MAR *", False),
        ("0 2 29,31 APR *", False),
        ("0 2 30-31 FEB *", True),
        ("0 2 28-31 FEB *", False),
        ("0 2 31 APR SUN", False),
        ("0 2 31,* APR *", False),
        ("0 2 * APR *", False),
        ("0 2 31 * *", False),
    ],
)
def test_several_days_and_months(cron: str, never: bool) -> None:
    """The doubt is told only where no day of any of the months is meant."""
    assert bool(told_of_cron(cron)) is never


@pytest.mark.parametrize(
    ("step", "without_login", "with_login"),
    [
        ("dns", None, None),
        ("connect", None, None),
        ("tls", None, None),
        ("greeting", None, None),
        ("capability", None, None),
        ("starttls", "tls.mode is implicit", "tls.mode is implicit"),
        ("authenticate", "authentication is none", None),
        ("id", "identify is false", "identify is false"),
        ("namespace", "authentication is none", None),
        ("list", "authentication is none", None),
        ("examine", "authentication is none", None),
        ("quota", "there is no quota", "there is no quota"),
        ("search", "there is no search", "there is no search"),
        ("fetch", "there is no search", "there is no search"),
        ("locate_sent", "there is no new_message", "there is no new_message"),
        ("append", "there is no new_message", "there is no new_message"),
        ("cleanup", "there is no keep_for in new_message or send", "there is no keep_for in new_message or send"),
        ("logout", None, None),
        ("total", None, None),
    ],
)
def test_threshold_of_a_step_that_never_runs(step: str, without_login: str | None, with_login: str | None) -> None:
    """With and without a login; where everything is asked for, no threshold is in vain."""
    limit = {"thresholds": {step: 5}}
    for fields, reason in (({"authentication": "none", "secret": None}, without_login), ({}, with_login)):
        expected = [] if reason is None else [f"thresholds.{step}: the step does not run: {reason}"]
        assert told(**limit | fields) == expected
    full = {
        "server": "imap://mail.example.com/", "search": "Orders", "new_message": MESSAGE, "identify": True,
        "quota": {"warn_percent": 80},
    }  # fmt: skip
    assert told(**limit | full) == []


def test_threshold_and_the_timeout() -> None:
    """More than the whole time can never be reached; exactly so much can."""
    assert told(thresholds={"total": 10_000}, timeout=10) == []
    assert told(thresholds={"total": 10_001}, timeout=10) == [
        "thresholds.total: 10.001 s are more than the timeout of 10 s"
    ]


@pytest.mark.parametrize("use", ["All", "Archive", "Drafts", "Flagged", "Important", "Junk", "Sent", "Trash"])
def test_special_uses_that_servers_know(use: str) -> None:
    """RFC 6154 and RFC 8457, in any case."""
    for spelt in (use, use.lower(), use.upper()):
        assert told(search={"subject": "x", "mailbox": f"\\{spelt}"}) == []


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("imap://mail.example.com:993/", "STARTTLS on port 993"),
        ("imaps://mail.example.com:143/", "TLS from the start on port 143"),
        ("imap://mail.example.com/", None),
        ("imaps://mail.example.com/", None),
        ("imap://mail.example.com:1143/", None),
        ("imaps://mail.example.com:1993/", None),
    ],
)
def test_port_and_way_to_tls(server: str, says: str | None) -> None:
    """RFC 8314; other ports are anybody's."""
    lines = told(server=server)
    assert [line.partition(",")[0] for line in lines] == ([] if says is None else [f"server: {says}"])


@pytest.mark.parametrize(("timeout", "doubted"), [(59, False), (60, True), (61, True)])
def test_timeout_and_interval(timeout: int, doubted: bool) -> None:
    """A run that may take as long as the interval may still be there when the next begins."""
    says = [f"timeout: {timeout} s reach schedule.every 1m: runs may overlap"]
    assert told(schedule={"every": "1m"}, timeout=timeout) == (says if doubted else [])
