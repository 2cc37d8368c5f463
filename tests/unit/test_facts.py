"""What a run has learnt as facts of its result: limits to the number, and what counts for none."""

from datetime import datetime
from ipaddress import ip_address
from typing import Any

import pytest

from imapcheck import CheckDefinition
from imapcheck.check.facts import exceeded, message_facts, quota_facts, search_facts, server_facts, warnings
from imapcheck.check.state import Learnt
from imapcheck.imap.data import Resource
from imapcheck.imap.search_result import Matches
from imapcheck.result import Exceeded, StepResult
from imapcheck.transcript import Redactor
from imapcheck.wording import date
from support.results import tls

PLAIN = Redactor()


def define(**fields: Any) -> CheckDefinition:
    return CheckDefinition.model_validate({"server": "mail.example.com"} | fields)


def warned(learnt: Learnt, *alerts: str, **fields: Any) -> list[tuple[str, str]]:
    return [(found.type, found.detail) for found in warnings(define(**fields), learnt, alerts, PLAIN)]


def test_threshold_is_passed_above_it() -> None:
    """In the definition's order; a step that did not run is not over anything."""
    steps = [StepResult("connect", "passed", 20.0, None), StepResult("tls", "skipped", None, None)]
    limits = {"total": 30.0, "connect": 19.999, "tls": 1.0, "search": 1.0}
    over = exceeded(define(thresholds=limits), steps, 30.001)
    assert over == (Exceeded("total", 30.0, 30.001), Exceeded("connect", 19.999, 20.0))
    assert exceeded(define(thresholds={"total": 30, "connect": 20}), steps, 30.0) == ()


@pytest.mark.parametrize(
    ("status", "over"),
    [("passed", (Exceeded("total", 100.0, 1020.0), Exceeded("logout", 500.0, 1000.0))), ("refused", ())],
)
def test_logout_that_was_not_answered_makes_no_run_slow(status: Any, over: tuple[Exceeded, ...]) -> None:
    """All that was asked of the server had been done; one that was answered late counts."""
    steps = [StepResult("connect", "passed", 20.0, None), StepResult("logout", status, 1000.0, None)]
    assert exceeded(define(thresholds={"total": 100, "logout": 500}), steps, 1020.0) == over


@pytest.mark.parametrize(("used", "warns"), [(79, False), (80, True), (81, True), (100, True)])
def test_quota_warns_from_its_percentage_on(used: int, warns: bool) -> None:
    """At it, too; without `quota` in the definition never."""
    learnt = Learnt(quota=Resource(b"STORAGE", used, 100))
    words = [("quota", f"STORAGE is {used} % full, at or above 80 %")]
    assert warned(learnt, quota={"warn_percent": 80}) == (words if warns else [])
    assert warned(learnt) == []
    facts = quota_facts(learnt, PLAIN)
    assert facts is not None
    assert (facts.used_percent, facts.resource) == (used, "STORAGE")


@pytest.mark.parametrize(
    ("used", "limit", "percent"), [(1, 3, 33.3), (0, 10, 0), (0, 0, 100), (20, 10, 200), (1, 1, 100)]
)
def test_how_full_a_resource_is(used: int, limit: int, percent: float) -> None:
    """To a tenth of a percent; where nothing may be used it is full."""
    assert Resource(b"STORAGE", used, limit).used_percent() == percent


@pytest.mark.parametrize(("days", "warns"), [(14.0, False), (13.9, True), (-1.0, True), (None, False)])
def test_certificate_warns_below_its_days(days: float | None, warns: bool) -> None:
    """Where it was verified; one that was refused is a failure already."""
    told = warned(Learnt(tls=tls(certificate_days_remaining=days)))
    when = "expired 1 day ago" if days == -1 else "expires in 13 days"
    soon = ("certificate_expires_soon", f"{when}, on {date(datetime.fromisoformat(EXPIRES or ''))}")
    assert told == ([soon] if warns else [])
    assert warned(Learnt(tls=tls(certificate_days_remaining=days, verified=False))) == []


EXPIRES = tls().certificate_expires_at


def test_certificate_that_was_not_verified_is_told_and_no_other_warning_of_it() -> None:
    """Whatever its days; without TLS there is none."""
    learnt, open_tls = Learnt(tls=tls(certificate_days_remaining=1.0, verified=False)), {"verify": False}
    words = [("certificate_unverified", "tls.verify is false: the certificate was not verified")]
    assert warned(learnt, authentication="none", tls=open_tls) == words
    assert warned(Learnt(), authentication="none", tls=open_tls) == []


def test_alerts_and_an_empty_message_are_told() -> None:
    """In the server's words, in their order."""
    assert warned(Learnt(empty_uid=7), "one", "two") == [
        ("server_alert", "one"),
        ("server_alert", "two"),
        ("empty_message", "message 7 matched by its text and came empty: it was not really read"),
    ]


def test_what_was_not_learnt_is_none() -> None:
    """A run that was over before, or that did not ask for it."""
    facts = server_facts(define(), Learnt(), PLAIN)
    assert (facts.address, facts.unreachable_addresses, facts.tls) == (None, (), None)
    assert (facts.host, facts.port) == ("mail.example.com", 993)
    assert search_facts(Learnt()) is None
    assert message_facts(Learnt(), PLAIN) is None
    assert quota_facts(Learnt(), PLAIN) is None


def test_what_was_learnt_is_told_and_lists_are_bounded() -> None:
    """Twenty addresses at most; names of mailboxes are read as the wire had them."""
    dead = tuple(ip_address(f"192.0.2.{number}") for number in range(25))
    learnt = Learnt(unreachable=dead, address=ip_address("192.0.2.99"), sent=b"Entw&APw-rfe", removed=3)
    facts = server_facts(define(), learnt, PLAIN)
    assert (facts.address, facts.unreachable_addresses) == ("192.0.2.99", tuple(map(str, dead[:20])))
    message = message_facts(learnt, PLAIN)
    assert message is not None
    assert (message.mailbox, message.uid, message.uid_validity, message.removed) == ("Entwürfe", None, None, 3)
    learnt.matches, learnt.age_seconds, learnt.fetched_octets = Matches(2, 9), 1.5, 10
    found = search_facts(learnt)
    assert found is not None
    assert (found.matches, found.uid, found.age_seconds, found.size_bytes) == (2, 9, 1.5, 10)
