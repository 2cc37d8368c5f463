"""Mailbox names on the wire and in the result: modified UTF-7, and UTF-8 with IMAP4rev2 alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import Credentials, run_check
from support.mail_server import Box, MailServer, MailStore
from support.wire_server import Dialect

REV2 = "IMAP4rev2 AUTH=PLAIN"


@pytest.mark.parametrize(
    ("capabilities", "wire"),
    [(REV2, "Gesendet/Entwürfe & Übriges"), ("IMAP4rev1 IMAP4rev2 AUTH=PLAIN", "Gesendet/Entw&APw-rfe &- &ANw-briges")],
)
def test_mailbox_names_on_the_wire_and_in_the_result(
    define: Define, credentials: Credentials, server_context: Any, capabilities: str, wire: str
) -> None:
    """UTF-8 where the server offers IMAP4rev2 and nothing older (RFC 9051 section 5.1); modified UTF-7 else."""
    name = "Gesendet/Entwürfe & Übriges"
    sent = Box(special="\\Sent")
    watched = Box()
    watched.put(b"Subject: x\r\n\r\nx\r\n", datetime.now(UTC))
    store = MailStore({"INBOX": Box(), wire: watched, f"{wire} 2": sent})
    asked: dict[str, Any] = {"search": {"subject": "x", "mailbox": name}, "new_message": NEW_MESSAGE}
    if capabilities != REV2:
        capabilities += " SPECIAL-USE"
    with MailServer(store, Dialect(capabilities=capabilities), tls=server_context) as server:
        given = asked | {"new_message": NEW_MESSAGE | {"mailbox": f"{name} 2"}}
        by_name = run_check(define(server, **given), credentials)
        found = run_check(define(server, **asked), credentials)
    for result in (by_name, found):
        assert result.available, result.failure
        assert result.new_message is not None
        assert result.new_message.mailbox == f"{name} 2"
    assert len(sent.mails) == 2
