"""What will need a person though the server works: a mailbox that fills up, and what the server wants shown."""

import json
from typing import Any

import pytest

from conftest import Define
from imapcheck import Credentials, run_check
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import REFERENCE, Action, Dialect, Exchange, WireServer, raw, reply

WITH_QUOTA = f"{REFERENCE} QUOTA"


@pytest.mark.parametrize(
    ("answer", "percent", "resource", "warns"),
    [
        (b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 10 512)', 2.0, "STORAGE", False),
        (b'* QUOTAROOT "INBOX" "User quota"\r\n* QUOTA "User quota" (STORAGE 500 512)', 97.7, "STORAGE", True),
        (b'* QUOTA "" (STORAGE 10 512 MESSAGE 90 100)', 90.0, "MESSAGE", True),
        (b"* QUOTA a (STORAGE 89 100)\r\n* QUOTA b (STORAGE 899 1000)", 89.9, "STORAGE", False),
        (b'* QUOTA "" (STORAGE 600 512)', 117.2, "STORAGE", True),
        (b'* QUOTA "" (STORAGE 0 0)', 100.0, "STORAGE", True),
        (b"* QUOTA {4}\r\nroot (STORAGE 99 100)", 99.0, "STORAGE", True),
    ],
)
def test_quota_is_asked_for_and_warned_of(
    define: Define,
    credentials: Credentials,
    server_context: Any,
    answer: bytes,
    percent: float,
    resource: str,
    warns: bool,
) -> None:
    """The fullest resource of all roots; never a failure."""
    script = {"GETQUOTAROOT": raw(answer + b"\r\n%t OK done\r\n")}
    with WireServer(Dialect(capabilities=WITH_QUOTA), script, tls=server_context) as server:
        result = run_check(define(server, quota={"warn_percent": 90}, search="x"), credentials)
    assert result.available, result.failure
    assert result.quota is not None
    assert (result.quota.used_percent, result.quota.resource) == (percent, resource)
    assert [warning.type for warning in result.warnings] == (["quota"] if warns else [])
    names = [step.name for step in result.steps]
    assert names.index("examine") < names.index("quota") < names.index("search")
    assert "GETQUOTAROOT INBOX" in server.commands


@pytest.mark.parametrize(
    ("capabilities", "answer", "status"),
    [
        (REFERENCE, b"%t OK", "skipped"),
        (WITH_QUOTA, b"%t NO [SERVERBUG] quota service is down", "refused"),
        (WITH_QUOTA, b"%t BAD what", "refused"),
        (WITH_QUOTA, b"* QUOTAROOT INBOX\r\n%t OK no roots", "passed"),
        (f"{REFERENCE} QUOTA=RES-STORAGE", b"* QUOTA x ()\r\n%t OK done", "passed"),
        *(
            (WITH_QUOTA, b"* QUOTA " + odd + b"\r\n%t OK done", "refused")
            for odd in (
                b'"" (STORAGE 10)',
                b'"" (STORAGE -5 3)',
                b'"" (STORAGE 10.5 20)',
                b'"" (STORAGE 10 NIL)',
                b'""',
                b'"" (STORAGE 10 20',
                b'"" (X 99999999999999999999 1)',
            )
        ),
    ],
)
def test_quota_that_is_not_told_is_no_outage(
    define: Define, credentials: Credentials, server_context: Any, capabilities: str, answer: bytes, status: str
) -> None:
    with WireServer(Dialect(capabilities=capabilities), {"GETQUOTAROOT": reply(answer)}, tls=server_context) as server:
        result = run_check(define(server, quota={}, search="x"), credentials)
    step = result.step("quota")
    assert result.available, result.failure
    assert step is not None
    assert step.status == status
    assert result.quota is None
    assert result.warnings == ()


def test_quota_of_the_watched_mailbox(define: Define, credentials: Credentials, server_context: Any) -> None:
    """Not INBOX's where another is watched; and nothing is asked where no quota is."""
    store = MailStore({"INBOX": Box(), "Sent": Box(), "Archive": Box()})
    script = {"GETQUOTAROOT": raw(b'* QUOTA "" (STORAGE 1 2)\r\n%t OK\r\n')}
    search = {"subject": "x", "mailbox": "Archive", "min_matches": 0}
    with MailServer(store, Dialect(capabilities=WITH_QUOTA), script, tls=server_context) as server:
        assert run_check(define(server, quota={}, search=search), credentials).available
        assert "GETQUOTAROOT Archive" in server.commands
        run_check(define(server, search=search), credentials)
    assert sum("GETQUOTAROOT" in command for command in server.commands) == 1


def test_alerts_are_warnings_wherever_they_come(define: Define, credentials: Credentials, server_context: Any) -> None:
    """RFC 9051 section 7.1 wants them shown: in the greeting, untagged, tagged; each once, clean, ten at most."""

    def say(exchange: Exchange) -> bool:
        exchange.send(b"* OK [alert] second\x1b\r\n* NO [ALERT] third\r\n* OK [ALERT] first\r\n")
        return True

    script: dict[str, Action] = {
        "NAMESPACE": reply(b"%t NO [ALERT] fourth"), "EXAMINE": say, "LIST#1": reply(b"%t OK [ALERT] canary-pa55word"),
        "LIST#2": reply(*(b"* OK [ALERT] more %d" % number for number in range(30)), then=lambda _: True),
    }  # fmt: skip
    with WireServer(Dialect(greeting=b"* OK [ALERT] first"), script, tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert result.available, result.failure
    details = [warning.detail for warning in result.warnings]
    assert {warning.type for warning in result.warnings} == {"server_alert"}
    assert details[:3] == ["first", "fourth", "********"]
    assert len(details) == len(set(details)) == 10
    assert all(detail.isprintable() for detail in details)
    json.dumps(result.to_dict())
