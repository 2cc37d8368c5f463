# ruff: noqa: E501 - the faults are a table
"""Scenes for the alarm's story: log lines as the function writes them, and the story each must make."""

import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

from imapcheck.alarms.joint_story import joint_story_of
from imapcheck.alarms.kind import AlarmKind, Change, Evidence, Links, MonitorError, Others
from imapcheck.alarms.kinds import CERTIFICATE, NOT_RUNNING, PARTIAL, SLOW, UNAVAILABLE
from imapcheck.alarms.story import Setting, Story, story_of
from imapcheck.asked import Asked
from imapcheck.aws.run_log import read_run
from imapcheck.check.judge import Seen, judged
from imapcheck.definition.model import CheckDefinition
from imapcheck.delivery import DeliveryFacts, Hop
from imapcheck.failures import FailureType
from imapcheck.result import (
    CheckResult,
    Exceeded,
    Failure,
    PlaceFacts,
    SearchFacts,
    ServerFacts,
    StepResult,
    TlsFacts,
    isoformat,
)
from imapcheck.steps import StepName
from support.alarm_events import alarm_of
from support.log_lines import log_line as written

PAGE = Path(__file__).parents[2] / "docs/alarms.md"
NEWEST_MATCH = datetime(2026, 11, 24, 7, 9, 20, tzinfo=UTC)
RANG = datetime(2026, 11, 24, 10, 17, 31, tzinfo=UTC)
EVERY = timedelta(minutes=5)
BEFORE = {
    "dns": 3.1, "connect": 20.6, "tls": 43.9, "greeting": 20.2, "capability": 19.4, "authenticate": 180.4,
    "namespace": 19.8, "list": 40.2, "examine": 21.0, "search": 35.7, "fetch": 48.3, "locate_sent": 20.1,
    "append": 95.5, "logout": 19.9,
}  # fmt: skip
ASKED = Asked(
    server="imaps://imap.example.com:993/",
    send_server="smtps://smtp.example.com:465/",
    secret="imapcheck/office",
    runbook="https://wiki.example/imap",
    file="events/office.json",
    thresholds={"total": 5000, "authenticate": 2000},
    timeout=30,
    mailbox="INBOX",
)
OTHERS_IN_STORM = Others(39, (*(f"acme-{number:02}" for number in range(2, 13)), "fastmail"), good=27)
LINKS = Links("https://console.aws.example/#dashboards:name=imapcheck", "https://console.aws.example/#logsV2:runs")
SEEN: dict[str, Any] = {
    "version": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "verified": True,
    "certificate_subject": "CN=imap.example.com",
    "certificate_issuer": "CN=Example CA 3, O=Example Trust, C=US",
    "certificate_names": ["imap.example.com"],
    "certificate_expires_at": "2027-01-24T08:40:11.000Z",
    "certificate_days_remaining": 61.0,
}


@dataclass(frozen=True)
class Fault:
    """How one type of failure shows in a run."""

    step: StepName
    detail: str
    took_ms: float
    transcript: tuple[str, ...] = ()
    certificate: dict[str, Any] | None = None
    goes_on: bool = False


GREETED = ("S: * OK imap.example.com IMAP server ready",)
TOLD = (
    *GREETED,
    "C: A0001 CAPABILITY",
    "S: * CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ENABLE ID IDLE AUTH=PLAIN",
    "S: A0001 OK Capability completed",
)
LOGIN = (*TOLD, "C: A0002 AUTHENTICATE PLAIN ********")
AFTER_LOGIN = "IMAP4rev1 SASL-IR LITERAL+ ENABLE ID IDLE NAMESPACE SPECIAL-USE UIDPLUS ESEARCH CONDSTORE"
LISTED = (
    *LOGIN,
    f"S: A0002 OK [CAPABILITY {AFTER_LOGIN}] Logged in",
    "C: A0003 NAMESPACE",
    'S: * NAMESPACE (("" "/")) NIL NIL',
    "S: A0003 OK Namespace completed",
    'C: A0004 LIST "" "INBOX"',
    'S: * LIST (\\HasNoChildren) "/" "INBOX"',
    "S: A0004 OK List completed",
    'C: A0005 LIST (SPECIAL-USE) "" "*"',
    'S: * LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    'S: * LIST (\\HasNoChildren \\Trash) "/" "Trash"',
    "S: A0005 OK List completed",
    'C: A0006 LIST "" "%"',
    'S: * LIST (\\HasNoChildren) "/" "INBOX"',
    'S: * LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    'S: * LIST (\\HasNoChildren \\Trash) "/" "Trash"',
    "S: A0006 OK List completed",
)
EXAMINING = (*LISTED, 'C: A0007 EXAMINE "INBOX" (CONDSTORE)')
SEARCHING = (
    *EXAMINING,
    "S: * 214 EXISTS",
    "S: * OK [UIDVALIDITY 1714]",
    "S: A0007 OK [READ-ONLY] Examine completed",
    'C: A0008 UID SEARCH RETURN () CHARSET US-ASCII SUBJECT "App password created"',
)
FETCHING = (
    *SEARCHING,
    'S: * ESEARCH (TAG "A0008") UID ALL 4711',
    "S: A0008 OK Search completed",
    "C: A0009 UID FETCH 4711 (INTERNALDATE BODY.PEEK[])",
)
FETCHED = (
    *FETCHING,
    'S: * 213 FETCH (UID 4711 INTERNALDATE "24-Nov-2026 07:09:20 +0000" BODY[] {2210 octets})',
    "S: A0009 OK Fetch completed",
)


SENDING = (
    *EXAMINING,
    "S: * OK [UIDNEXT 4712]",
    "S: A0007 OK [READ-ONLY] Examine completed",
    'C: A0008 STATUS "Junk" (UIDNEXT)',
    'S: * STATUS "Junk" (UIDNEXT 12)',
    "S: A0008 OK Status completed",
    "C: A0009 IDLE",
    "S: + idling",
)
SUBMITTING = (
    *SENDING,
    "S: 220 smtp.example.com ESMTP",
    "C: EHLO [192.0.2.99]",
    "S: 250-smtp.example.com",
    "S: 250 AUTH PLAIN",
    "C: AUTH PLAIN ********",
    "S: 235 2.7.0 Authentication successful",
    "C: MAIL FROM:<monitor@example.com>",
    "S: 250 2.1.0 Ok",
    "C: RCPT TO:<seed@example.net>",
)
SUBMITTED = (
    *SUBMITTING,
    "S: 250 2.1.5 Ok",
    "C: DATA",
    "S: 354 End data with <CR><LF>.<CR><LF>",
    "C: {512 octets}",
    "S: 250 2.0.0 Ok: queued as 4XyZ",
    "C: QUIT",
    "S: 221 2.0.0 Bye",
)
SENDING_MS = {"send_connect": 21.0, "send_tls": 44.0, "send_authenticate": 160.0, "submit": 95.0, "arrival": 15_003.0}


def appending(tag: int) -> tuple[str, ...]:
    """The new message, refused by nobody."""
    return (f'C: A{tag:04} APPEND "Sent" {{412}}', "S: + OK", "C: {412 octets}", f"S: A{tag:04} OK Append completed")


def leaving(tag: int) -> tuple[str, ...]:
    """LOGOUT."""
    return (f"C: A{tag:04} LOGOUT", "S: * BYE Logging out", f"S: A{tag:04} OK Logout completed")


REFUSED = {**SEEN, "verified": False}
FAULTS: dict[FailureType, Fault] = {
    FailureType.NAME_NOT_RESOLVED: Fault("dns", "imap.example.com: no such name (Name or service not known)", 12.4),
    FailureType.RESOLVER_FAILED: Fault("dns", "imap.example.com: the resolver failed (Temporary failure in name resolution)", 10_012.0),
    FailureType.CONNECTION_REFUSED: Fault("connect", "192.0.2.10: connection refused", 20.9),
    FailureType.NETWORK_UNREACHABLE: Fault("connect", "192.0.2.10: no route to host", 0.4),
    FailureType.CONNECTION_LOST: Fault("search", "the server ended the session: BYE System shutting down", 31.2, (*SEARCHING, "S: * BYE System shutting down")),
    FailureType.CERTIFICATE_EXPIRED: Fault("tls", "the server's certificate was refused: certificate has expired (valid until 24 Nov 2026 10:09 UTC)", 44.0, certificate={**REFUSED, "certificate_expires_at": "2026-11-24T10:09:00.000Z", "certificate_days_remaining": -0.01}),
    FailureType.CERTIFICATE_NOT_YET_VALID: Fault("tls", "the server's certificate was refused: certificate is not yet valid (valid from 25 Nov 2026 00:00 UTC)", 44.0, certificate=REFUSED),
    FailureType.CERTIFICATE_NAME_MISMATCH: Fault("tls", "the server's certificate was refused: Hostname mismatch, certificate is not valid for 'imap.example.com'; it is for mail.other.example, smtp.other.example", 44.0, certificate={**REFUSED, "certificate_subject": "CN=mail.other.example", "certificate_names": ["mail.other.example", "smtp.other.example"]}),
    FailureType.CERTIFICATE_UNTRUSTED: Fault("tls", "the server's certificate was refused: unable to get local issuer certificate; issued by CN=Example CA 3, O=Example Trust, C=US; the server sent 1 certificate", 44.0, certificate=REFUSED),
    FailureType.CERTIFICATE_INVALID: Fault("tls", "the server's certificate was refused: CA cert does not include key usage extension", 44.0, certificate=REFUSED),
    FailureType.TLS_HANDSHAKE_FAILED: Fault("tls", "the TLS handshake failed: tlsv1 alert protocol version", 21.5),
    FailureType.STARTTLS_UNAVAILABLE: Fault("starttls", "the server does not offer STARTTLS", 0.0, TOLD),
    FailureType.AUTHENTICATION_FAILED: Fault("authenticate", "the server answered NO [AUTHENTICATIONFAILED] Authentication failed.", 412.0, (*LOGIN, "S: A0002 NO [AUTHENTICATIONFAILED] Authentication failed.")),
    FailureType.AUTHENTICATION_UNAVAILABLE: Fault("authenticate", "the server answered NO [UNAVAILABLE] Temporary authentication failure", 2004.0, (*LOGIN, "S: A0002 NO [UNAVAILABLE] Temporary authentication failure")),
    FailureType.AUTHENTICATION_PAUSED: Fault("authenticate", "first refused 24 Nov 10:09 UTC; the next try comes 24 Nov 10:30 UTC, or as soon as the credentials change", 0.1, TOLD),
    FailureType.MECHANISM_NOT_OFFERED: Fault("authenticate", "the server does not offer PLAIN: it offers CRAM-MD5", 0.1, (*TOLD[:2], TOLD[2].replace("PLAIN", "CRAM-MD5"), TOLD[3])),
    FailureType.GREETING_REJECTED: Fault("greeting", "the server answered BYE Too many connections from your address", 19.7, ("S: * BYE Too many connections from your address",)),
    FailureType.NOT_IMAP: Fault("greeting", "this is SMTP: 220 mail.example.com ESMTP ready", 22.0, ("S: 220 mail.example.com ESMTP ready",)),
    FailureType.NOT_SMTP: Fault("send_connect", "the server speaks POP3, not SMTP: +OK POP3 ready", 21.0, (*SENDING, "S: +OK POP3 ready", "C: DONE", "S: A0009 OK Idle completed", *leaving(10))),
    FailureType.SUBMISSION_REFUSED: Fault("submit", "the server answered 550 5.1.1 <seed@example.net>: Recipient address rejected: User unknown", 44.0, (*SUBMITTING, "S: 550 5.1.1 <seed@example.net>: Recipient address rejected: User unknown", "C: QUIT", "S: 221 2.0.0 Bye", "C: DONE", "S: A0009 OK Idle completed", *leaving(10))),
    FailureType.SUBMISSION_DEFERRED: Fault("submit", "the server answered 450 4.2.0 <seed@example.net>: Recipient address rejected: Greylisted", 44.0, (*SUBMITTING, "S: 450 4.2.0 <seed@example.net>: Recipient address rejected: Greylisted", "C: QUIT", "S: 221 2.0.0 Bye", "C: DONE", "S: A0009 OK Idle completed", *leaving(10))),
    FailureType.NOT_DELIVERED: Fault("arrival", "accepted by smtp.example.com at 10:12:03 UTC, queued as 4XyZ; neither in INBOX nor in Junk after 15 s", 15_003.0, (*SUBMITTED, "C: DONE", "S: A0009 OK Idle completed", "C: A0010 UID FETCH 4712:* (BODY.PEEK[HEADER.FIELDS (X-IMAPCHECK-RUN RECEIVED AUTHENTICATION-RESULTS CONTENT-TYPE)])", "S: A0010 OK Fetch completed", *leaving(11)), goes_on=True),
    FailureType.DELIVERED_TO_JUNK: Fault("arrival", "arrived in Junk after 5 s; spf=pass dkim=fail dmarc=fail", 5_204.0, (*SUBMITTED, "C: DONE", "S: A0009 OK Idle completed", 'C: A0010 STATUS "Junk" (UIDNEXT)', 'S: * STATUS "Junk" (UIDNEXT 13)', "S: A0010 OK Status completed", *leaving(11)), goes_on=True),
    FailureType.PROTOCOL_ERROR: Fault("capability", "the server sent an answer to a command that was not sent: A9", 19.0, (*TOLD[:2], "S: A9 OK done")),
    FailureType.COMMAND_REJECTED: Fault("examine", "the server answered NO [SERVERBUG] Internal error occurred. Refer to server log for more information.", 88.0, (*EXAMINING, "S: A0007 NO [SERVERBUG] Internal error occurred. Refer to server log for more information.")),
    FailureType.MAILBOX_NOT_FOUND: Fault("examine", "the server answered NO [NONEXISTENT] Mailbox doesn't exist: Reports", 20.0, (*LISTED, 'C: A0007 EXAMINE "Reports" (CONDSTORE)', "S: A0007 NO [NONEXISTENT] Mailbox doesn't exist: Reports")),
    FailureType.OVER_QUOTA: Fault("append", "the server answered NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", 51.0, (*FETCHED, 'C: A0010 APPEND "Sent" {412}', "S: A0010 NO [OVERQUOTA] Quota exceeded (mailbox for user is full)")),
    FailureType.NO_MATCH: Fault("search", '0 found with subject "App password created" in INBOX; at least 1 expected', 35.0, (*SEARCHING, 'S: * ESEARCH (TAG "A0008") UID', "S: A0008 OK Search completed", *appending(9), *leaving(10)), goes_on=True),
    FailureType.TOO_OLD: Fault("fetch", "the newest match arrived 3 h 3 min ago, more than 3 h", 48.0, (*FETCHED, *appending(10), *leaving(11)), goes_on=True),
    FailureType.MESSAGE_TOO_LARGE: Fault("fetch", "the message has 31457280 bytes; the limit is 26214400", 48.0, FETCHING),
    FailureType.TIMEOUT: Fault("fetch", "no complete answer in time", 29_210.0, FETCHING),
}  # fmt: skip


def run_of(
    at: datetime,
    *,
    type: FailureType | None = None,
    fault: Fault | None = None,
    step_ms: dict[str, float] | None = None,
    slow: bool = False,
    exceeded: Sequence[tuple[str, float, float]] = (),
    certificate: dict[str, Any] | None = None,
    check: str = "office",
) -> CheckResult:
    """A run; available unless there is a fault. `exceeded` are (threshold, limit, time)."""
    times = dict(BEFORE if step_ms is None else step_ms)
    failures: tuple[Failure, ...] = ()
    if fault is not None and type is not None:
        times = _until(times, fault)
        failures = (Failure(fault.step, type, type.category, fault.detail, None, type.advice),)
    reached = [name for name in times if fault is None or fault.goes_on or name != fault.step]
    seen = (certificate or SEEN) if "tls" in reached else None
    if fault is not None and fault.certificate is not None:
        seen = fault.certificate
    tls = None
    if seen is not None:
        facts = {**SEEN, **seen}
        tls = TlsFacts(**{**facts, "certificate_names": tuple(facts["certificate_names"])})
    search = None
    if "search" in reached and type is FailureType.NO_MATCH:
        search = SearchFacts(0)
    elif "search" in reached:
        search = SearchFacts(1, 4711, (at - NEWEST_MATCH).total_seconds(), 2210)
    return CheckResult(
        check=check,
        run_id=f"{check} {isoformat(at)}",
        started_at=at,
        available=not failures,
        slow=slow,
        duration_ms=round(sum(times.values()), 3),
        attempts=1,
        earlier_failures=(),
        server=ServerFacts("imap.example.com", 993, "192.0.2.10" if "connect" in reached else None, tls=tls),
        steps=tuple(_step(name, took, failures) for name, took in times.items()),
        failure=failures[0] if failures else None,
        failures=failures,
        search=search,
        new_message=None,
        token_ms=None,
        transcript=fault.transcript if fault is not None else (),
        exceeded=tuple(Exceeded(cast("Any", name), limit, took) for name, limit, took in exceeded),
    )


def log_line(at: datetime, **run: Any) -> dict[str, Any]:
    """The line in the log of a `run_of`."""
    return dict(json.loads(written(run_of(at, **run))))


def _step(name: str, took: float, failures: Sequence[Failure]) -> StepResult:
    failed = next((failure.detail for failure in failures if failure.step == name), None)
    return StepResult(cast("StepName", name), "passed" if failed is None else "failed", took, failed)


def _until(steps: dict[str, float], fault: Fault) -> dict[str, float]:
    """The steps that ran: up to the one that failed, or all but what the failure makes pointless."""
    if fault.step in SENDING_MS:
        ran = list(steps)
        until = {name: steps[name] for name in ran[: ran.index("examine") + 1]}
        sent = dict(itertools.takewhile(lambda part: part[0] != fault.step, SENDING_MS.items()))
        after = {name: steps[name] for name in ran[ran.index("examine") + 1 :]} if fault.goes_on else {}
        return until | sent | {fault.step: fault.took_ms} | after
    if fault.goes_on:
        return {name: took for name, took in steps.items() if name != "fetch" or fault.step != "search"}
    names = list(steps) if fault.step in steps else ["dns", "connect", "greeting", "capability", "starttls"]
    before = names[: names.index(fault.step)]
    return {name: steps.get(name, 19.0) for name in before} | {fault.step: fault.took_ms}


def runs_of(lines: Sequence[dict[str, Any]]) -> tuple[CheckResult, ...]:
    """The lines as they come back from the log, newest first."""
    runs = [read_run(json.dumps(line)) for line in lines]
    assert None not in runs
    return tuple(run for run in runs if run is not None)


def change(kind: AlarmKind, state: str = "ALARM", at: datetime = RANG, **values: Any) -> Change:
    """An alarm as the stack makes it."""
    alarm = alarm_of(kind)
    numbers = {"needed": alarm.runs.datapoints, "periods": alarm.runs.periods, "threshold": float(alarm.threshold)}
    reason = (
        "Threshold Crossed: 2 out of the last 3 datapoints [0.0 (24/11/26 10:17:00), 0.0 (24/11/26 10:12:00)] were less"
        " than the threshold (100.0) (minimum 2 datapoints for OK -> ALARM transition)."
    )
    assert state in ("ALARM", "OK")
    return Change(
        f"imapcheck-office-{kind}", "office", kind, "ALARM" if state == "ALARM" else "OK", at, reason,
        **({"period": EVERY} | numbers | values),
    )  # fmt: skip


def minutes_ago(number: int, at: datetime = RANG) -> datetime:
    """On the schedule's beat: 31 seconds before the alarm's clock, for instance."""
    return at.replace(second=2) - timedelta(minutes=number)


def setting(lines: Sequence[dict[str, Any]], **values: Any) -> Setting:
    """The check of the examples among eleven others, with what the log holds."""
    evidence = Evidence(runs_of(lines), looked_from=minutes_ago(20), **values.pop("evidence", {}))
    return Setting(
        replace(ASKED, **values.pop("asked", {})), evidence, values.pop("others", Others(11)), LINKS, **values
    )


def down(type: FailureType) -> Story:
    """Two bad runs after a good one."""
    bad = [log_line(minutes_ago(minutes), type=type, fault=FAULTS[type]) for minutes in (0, 5)]
    asked = {"mailbox": "Reports"} if type is FailureType.MAILBOX_NOT_FOUND else {}
    lines = [*bad, log_line(minutes_ago(10)), log_line(minutes_ago(15))]
    return story_of(change(UNAVAILABLE), setting(lines, asked=asked))


def paused() -> Story:
    """The server refused the login, and the check has stopped trying."""
    refused, withheld = FailureType.AUTHENTICATION_FAILED, FailureType.AUTHENTICATION_PAUSED
    detail = "first refused 24 Nov 10:12 UTC; the next try comes 24 Nov 10:18 UTC, or as soon as the credentials change"
    lines = [
        log_line(minutes_ago(0), type=withheld, fault=replace(FAULTS[withheld], detail=detail)),
        *(log_line(minutes_ago(m), type=refused, fault=FAULTS[refused]) for m in (5,)),
        *(log_line(minutes_ago(m)) for m in (10, 15)),
    ]
    return story_of(change(UNAVAILABLE), setting(lines))


def sender_refused() -> Story:
    """The mailbox's login works; the sending server refuses its own, whose secret is another."""
    refused = FailureType.AUTHENTICATION_FAILED
    words = "535 5.7.8 Error: authentication failed"
    lines = (*SUBMITTING[:-4], f"S: {words}", "C: QUIT", "S: 221 2.0.0 Bye", "C: DONE", "S: A0009 OK Idle completed")
    fault = Fault("send_authenticate", f"the server answered {words}", 161.0, (*lines, *leaving(10)))
    bad = [log_line(minutes_ago(minutes), type=refused, fault=fault) for minutes in (0, 5)]
    good = [log_line(minutes_ago(minutes)) for minutes in (10, 15)]
    return story_of(change(UNAVAILABLE), setting([*bad, *good], asked={"send_secret": "imapcheck/sender"}))


def up() -> Story:
    """Seven bad runs, of two kinds, and two good ones."""
    ended = RANG + timedelta(minutes=38)
    refused, lost = FailureType.CONNECTION_REFUSED, FailureType.CONNECTION_LOST
    lines = [log_line(minutes_ago(minutes, ended)) for minutes in (0, 5)]
    lines += [log_line(minutes_ago(m, ended), type=refused, fault=FAULTS[refused]) for m in range(10, 40, 5)]
    lines += [log_line(minutes_ago(40, ended), type=lost, fault=FAULTS[lost])]
    lines += [log_line(minutes_ago(minutes, ended)) for minutes in (45, 50)]
    return story_of(change(UNAVAILABLE, "OK", ended), setting(lines))


def _slow_line(at: datetime) -> dict[str, Any]:
    steps = {**BEFORE, "authenticate": 5400.0, "search": 310.0}
    total = round(sum(steps.values()), 3)
    exceeded = [("total", 5000.0, total), ("authenticate", 2000.0, 5400.0)]
    return log_line(at, step_ms=steps, slow=True, exceeded=exceeded)


def slow() -> Story:
    """Three slow runs after a quick one."""
    lines = [_slow_line(minutes_ago(minutes)) for minutes in (0, 5, 10)] + [log_line(minutes_ago(15))]
    return story_of(change(SLOW), setting(lines))


def late() -> Story:
    """Mail arrives, but late: where it spent the time is in its header."""
    hops = (Hop("relay.example.com", "ESMTPSA", 1.0), Hop("mx.example.net", "ESMTPS", 41.0))
    delivery = DeliveryFacts("4XyZ", "INBOX", 44_000.0, 44_000.0, hops)
    steps = {**BEFORE, **SENDING_MS, "arrival": 44_000.0}
    over = [("arrival", 20_000.0, 44_000.0)]
    runs = [run_of(minutes_ago(minutes), step_ms=steps, slow=True, exceeded=over) for minutes in (0, 5, 10)]
    lines = [dict(json.loads(written(replace(run, delivery=delivery)))) for run in runs]
    usual = {**BEFORE, **SENDING_MS, "arrival": 1_900.0}
    return story_of(change(SLOW), setting([*lines, log_line(minutes_ago(15), step_ms=usual)]))


def no_longer_slow() -> Story:
    """Quick again after four slow runs."""
    lines = [
        log_line(minutes_ago(0)),
        *(_slow_line(minutes_ago(m)) for m in (5, 10, 15, 20)),
        log_line(minutes_ago(25)),
    ]
    return story_of(change(SLOW, "OK"), setting(lines))


def _days(left: float, expires: str) -> dict[str, Any]:
    return {**SEEN, "certificate_days_remaining": left, "certificate_expires_at": expires}


def certificate() -> Story:
    """The first run that saw fewer days than the alarm wants."""
    expires = datetime(2026, 12, 8, 10, 15, tzinfo=UTC)
    lines = [
        log_line(at, certificate=_days((expires - at) / timedelta(days=1), isoformat(expires)))
        for at in map(minutes_ago, (0, 5))
    ]
    return story_of(change(CERTIFICATE), setting(lines))


def certificate_renewed() -> Story:
    """A new certificate."""
    return story_of(change(CERTIFICATE, "OK"), setting([log_line(minutes_ago(0))]))


def not_running_by_error() -> Story:
    """The secret has gone."""
    text = (
        "CredentialsError: check office: secret imapcheck/office: cannot be read: there is no such secret"
        " (ResourceNotFoundException)"
    )
    evidence = {"errors": tuple(MonitorError(minutes_ago(minutes), text) for minutes in (1, 6, 11))}
    return story_of(change(NOT_RUNNING), setting([log_line(minutes_ago(16))], evidence=evidence))


def not_running_silent() -> Story:
    """Nothing ran and nothing was said."""
    return story_of(change(NOT_RUNNING), setting([log_line(minutes_ago(16))]))


def machine_outside_is_silent() -> Story:
    """The check is run from outside, and its machine reports no more."""
    told = setting([log_line(minutes_ago(16))], evidence={"machine": "office-1"}, asked={"runs_outside": True})
    return story_of(change(NOT_RUNNING), told)


def machine_outside_is_wrong() -> Story:
    """It reports, but not a run."""
    text = "credentials in /etc/imapcheck/secrets/office.json: not found"
    evidence = {"errors": (MonitorError(minutes_ago(1), text),), "machine": "office-1"}
    return story_of(
        change(NOT_RUNNING), setting([log_line(minutes_ago(16))], evidence=evidence, asked={"runs_outside": True})
    )


def down_from_outside() -> Story:
    """What a machine outside has seen."""
    refused = FailureType.CONNECTION_REFUSED
    lines = [log_line(minutes_ago(m), type=refused, fault=FAULTS[refused]) for m in (0, 5)] + [
        log_line(minutes_ago(10))
    ]
    told = setting(lines, evidence={"machine": "office-1"}, asked={"runs_outside": True, "secret": None})
    return story_of(change(UNAVAILABLE), told)


def running_again() -> Story:
    """Results again after a gap."""
    lines = [log_line(minutes_ago(minutes)) for minutes in (0, 26, 31)]
    return story_of(change(NOT_RUNNING, "OK"), setting(lines))


def without_evidence() -> Story:
    """The log could not be read."""
    nothing = replace(setting([]), evidence=Evidence(problem="the log could not be read (AccessDeniedException)"))
    return story_of(change(UNAVAILABLE), nothing)


def rehearsal() -> Story:
    """Set by hand: the log has no bad run."""
    lines = [log_line(minutes_ago(minutes)) for minutes in (0, 5, 10)]
    return story_of(replace(change(UNAVAILABLE), reason="rehearsal"), setting(lines))


def rehearsal_before_the_first_run() -> Story:
    """As above, right after the deployment."""
    return story_of(replace(change(UNAVAILABLE), reason="rehearsal"), setting([]))


def rehearsal_after_an_outage(state: str) -> Story:
    """Set by hand: what the log has of outages is over for long, and is none of this alarm's."""
    refused = FailureType.CONNECTION_REFUSED
    lines = [log_line(minutes_ago(minutes)) for minutes in range(0, 25, 5)]
    lines += [log_line(minutes_ago(m), type=refused, fault=FAULTS[refused]) for m in (25, 30, 35)]
    lines += [log_line(minutes_ago(minutes)) for minutes in (40, 45, 50)]
    return story_of(replace(change(UNAVAILABLE, state), reason="rehearsal"), setting(lines))


def unstable() -> Story:
    """It fails on and off."""
    refused = FailureType.CONNECTION_REFUSED
    bad = [log_line(minutes_ago(minutes), type=refused, fault=FAULTS[refused]) for minutes in (0, 10)]
    lines = [bad[0], log_line(minutes_ago(5)), bad[1], *(log_line(minutes_ago(minutes)) for minutes in (15, 20))]
    return story_of(change(UNAVAILABLE), setting(lines, others=Others(11, good=11)))


def token_refused() -> Story:
    """The provider issued a token and its mail server refused it."""
    words = "the server answered NO AUTHENTICATE failed. (status=400)"
    said = ("C: A0002 AUTHENTICATE XOAUTH2 ********", "S: A0002 NO AUTHENTICATE failed. (status=400)")
    offered = tuple(line.replace("AUTH=PLAIN", "AUTH=XOAUTH2") for line in TOLD)
    fault = Fault("authenticate", words, 412.0, (*offered, *said))
    bad = [log_line(minutes_ago(m), type=FailureType.AUTHENTICATION_FAILED, fault=fault) for m in (0, 5)]
    for line in bad:
        line["result"]["token_ms"] = 210.0
    lines = [*bad, *(log_line(minutes_ago(minutes)) for minutes in (10, 15))]
    return story_of(
        change(UNAVAILABLE), setting(lines, asked={"authentication": "xoauth2"}, others=Others(11, good=11))
    )


def found_nothing_as_it_was_full() -> Story:
    """Two steps failed: a mailbox that is full gets no mail."""
    nothing, full = FailureType.NO_MATCH, FailureType.OVER_QUOTA
    words = FAULTS[full].detail.removeprefix("the server answered ")
    transcript = tuple(
        line.replace("OK Append completed", words) for line in FAULTS[nothing].transcript if line != "S: + OK"
    )
    bad = [
        log_line(minutes_ago(m), type=nothing, fault=replace(FAULTS[nothing], transcript=transcript)) for m in (0, 5)
    ]
    for line in bad:
        first = line["result"]["failures"][0]
        more = {**first, "step": "append", "type": full.value, "category": "response", "detail": FAULTS[full].detail}
        line["result"]["failures"].append({**more, "advice": full.advice})
    return story_of(change(UNAVAILABLE), setting([*bad, *(log_line(minutes_ago(m)) for m in (10, 15))]))


def storm_of_ours() -> Story:
    """Every check of three providers loses its server in the same minute."""
    refused = FailureType.TIMEOUT
    told = []
    for number in range(24):
        name, address = f"customer-{number:02}", f"192.0.2.{10 + number % 3}"
        fault = Fault("connect", f"{address}: no complete answer in time", 10_000.0)
        bad = [log_line(minutes_ago(m), type=refused, fault=fault, check=name) for m in (0, 5)]
        changed = replace(change(UNAVAILABLE), check=name, alarm=f"imapcheck-{name}-unavailable")
        others = Others(23, tuple(f"customer-{other:02}" for other in range(24) if other != number))
        server = {"server": f"imaps://mail.provider-{number % 3}.example:993/"}
        told.append((changed, setting([*bad, log_line(minutes_ago(10))], asked=server, others=others)))
    return joint_story_of(told)


FRANKFURT, OHIO, TOKYO = "eu-central-1", "us-east-2", "ap-northeast-1"
PATHS = {FRANKFURT: (3.1, 20.6, 43.9), OHIO: (9.2, 98.3, 201.7), TOKYO: (12.4, 231.0, 468.2)}
VANISHED = Failure("connect", FailureType.TIMEOUT, FailureType.TIMEOUT.category, "192.0.2.10: no answer", None,
                   FailureType.TIMEOUT.advice)  # fmt: skip


def seen_from(at: datetime, *unreached: str, **run: Any) -> dict[str, Any]:
    """The line of a run of three places, with those that did not reach the server; two are a quorum."""
    home = run_of(at, **run)
    if FRANKFURT in unreached:
        fault = Fault("connect", VANISHED.detail, 5000.0)
        home = run_of(at, type=FailureType.TIMEOUT, fault=fault)
    definition = CheckDefinition.model_validate({"server": "imap.example.com", "secret": "imapcheck/office"})
    others = [_seen(place, reached=place not in unreached) for place in (OHIO, TOKYO)]
    return dict(json.loads(written(judged(definition, FRANKFURT, home, others, 2))))


def _seen(place: str, *, reached: bool) -> Seen:
    dns, connect, tls = PATHS[place]
    if reached:
        steps = [
            _step(name, took, ()) for name, took in zip(("dns", "connect", "tls"), (dns, connect, tls), strict=True)
        ]
        return Seen(PlaceFacts(place, True, True, None, tuple(steps)))
    failure = replace(VANISHED, place=place)
    steps = [_step("dns", dns, ()), _step("connect", 5000.0, (failure,))]
    return Seen(PlaceFacts(place, True, False, failure, tuple(steps)), ())


def partial_outage(*unreached: str) -> Story:
    """Six runs after a whole one."""
    lines = [seen_from(minutes_ago(minutes), *unreached) for minutes in range(0, 30, 5)]
    return story_of(change(PARTIAL), setting([*lines, *(seen_from(minutes_ago(m)) for m in (30, 35))]))


def partial_outage_ends(*unreached: str) -> Story:
    """From everywhere again, or down."""
    lines = [seen_from(minutes_ago(0), *unreached), *(seen_from(minutes_ago(m), TOKYO) for m in range(5, 40, 5))]
    return story_of(change(PARTIAL, "OK"), setting([*lines, *(seen_from(minutes_ago(m)) for m in (40, 45))]))


def down_by_quorum(*unreached: str) -> Story:
    """Two runs after a whole one."""
    lines = [seen_from(minutes_ago(minutes), *unreached) for minutes in (0, 5)]
    return story_of(change(UNAVAILABLE), setting([*lines, *(seen_from(minutes_ago(m)) for m in (10, 15))]))


def outage_ends_partial() -> Story:
    """The quorum is gone, and one place still does not get there."""
    lines = [seen_from(minutes_ago(minutes), TOKYO) for minutes in (0, 5)]
    lines += [seen_from(minutes_ago(minutes), OHIO, TOKYO) for minutes in range(10, 50, 5)]
    return story_of(change(UNAVAILABLE, "OK"), setting([*lines, *(seen_from(minutes_ago(m)) for m in (50, 55))]))


def storm() -> Story:
    """A dozen checks lose their server, one its schedule, one is back."""
    refused = FailureType.CONNECTION_REFUSED
    told = []
    for number in range(12):
        name = f"acme-{number + 1:02}"
        bad = [log_line(minutes_ago(m), type=refused, fault=FAULTS[refused], check=name) for m in (0, 5)]
        changed = replace(change(UNAVAILABLE), check=name, alarm=f"imapcheck-{name}-unavailable")
        server = {"server": f"imaps://mail{number + 1}.acme.example:993/"}
        told.append((changed, setting([*bad, log_line(minutes_ago(10))], asked=server, others=OTHERS_IN_STORM)))
    silent = setting([log_line(minutes_ago(16))], others=OTHERS_IN_STORM)
    told.append((replace(change(NOT_RUNNING), check="fastmail"), silent))
    back = [log_line(minutes_ago(m)) for m in (0, 5)]
    back += [log_line(minutes_ago(m), type=refused, fault=FAULTS[refused]) for m in (10, 15)]
    ended = replace(change(UNAVAILABLE, "OK"), check="gmx", at=RANG + timedelta(seconds=40))
    lines = [*back, *(log_line(minutes_ago(m)) for m in (20, 25))]
    told.insert(0, (ended, setting(lines, others=OTHERS_IN_STORM)))
    return joint_story_of(told)


SCENES: dict[str, Callable[[], Story]] = {
    **{f"down-{type.value}": partial(down, type) for type in FailureType},
    "paused": paused,
    "sender-refused": sender_refused,
    "late": late,
    "up": up,
    "slow": slow,
    "slow-end": no_longer_slow,
    "certificate": certificate,
    "certificate-end": certificate_renewed,
    "not-running-error": not_running_by_error,
    "not-running-silent": not_running_silent,
    "not-running-outside": machine_outside_is_silent,
    "not-running-outside-error": machine_outside_is_wrong,
    "not-running-end": running_again,
    "down-from-outside": down_from_outside,
    "no-evidence": without_evidence,
    "rehearsal": rehearsal,
    "rehearsal-first": rehearsal_before_the_first_run,
    "rehearsal-old-outage": partial(rehearsal_after_an_outage, "ALARM"),
    "rehearsal-old-outage-end": partial(rehearsal_after_an_outage, "OK"),
    "unstable": unstable,
    "oauth-refused": token_refused,
    "two-failures": found_nothing_as_it_was_full,
    "partial": partial(partial_outage, TOKYO),
    "partial-login-not-tested": partial(partial_outage, FRANKFURT),
    "partial-end": partial_outage_ends,
    "partial-end-down": partial(partial_outage_ends, OHIO, TOKYO),
    "quorum": partial(down_by_quorum, OHIO, TOKYO),
    "quorum-of-all": partial(down_by_quorum, FRANKFURT, OHIO, TOKYO),
    "quorum-end-partial": outage_ends_partial,
    "storm": storm,
    "storm-of-ours": storm_of_ours,
}


def documented(page: str) -> str:
    """A page with each `<!-- story: NAME -->` followed by that story, as people get it by mail."""

    def told(match: re.Match[str]) -> str:
        story = SCENES[match[1]]()
        return f"{match[0].splitlines()[0]}\n```\nSubject: {story.subject}\n\n{_shortened(story.text)}```\n<!-- end -->"

    return re.sub(r"<!-- story: ([a-z_-]+) -->\n.*?<!-- end -->", told, page, flags=re.DOTALL)


def _shortened(text: str) -> str:
    """A page needs no dozen of the same."""
    entries = text.split("\n\n")
    if len(entries) <= 12:
        return text
    return "\n\n".join([*entries[:4], f"(and {len(entries) - 8} more entries, in the mail itself)", *entries[-4:]])
