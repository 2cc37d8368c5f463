"""A submission server and a mail server of ours, with a way between them that a test may bend."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from support.mail_server import Box, MailServer, MailStore
from support.smtp_server import Envelope, SmtpServer, Submission
from support.wire_server import REFERENCE, Action, Dialect

RECEIVED = (
    b"Authentication-Results: mx.example; spf=pass smtp.mailfrom=example.com; dkim=pass header.d=example.com;"
    b" dmarc=pass header.from=example.com\r\n"
    b"Received: from mail.example by mx.example (LMTP) with ESMTPS id 1; Sun, 29 Nov 2026 07:00:00 +0000\r\n"
)


@dataclass
class World:
    """`store` is what is in the mailboxes; a message lands in `lands_in` (None is nowhere) after `after` seconds."""

    imap: MailServer
    smtp: SmtpServer
    store: MailStore
    lands_in: str | None = "INBOX"
    after: float = 0.05
    headers: bytes = RECEIVED
    on_the_way: Callable[[Envelope], None] | None = None
    timers: list[threading.Timer] = field(default_factory=list)

    def deliver(self, envelope: Envelope) -> None:
        def land() -> None:
            if self.on_the_way is not None:
                self.on_the_way(envelope)
            if self.lands_in is not None:
                with self.store.lock:
                    self.store[self.lands_in].put(self.headers + envelope.octets)

        timer = threading.Timer(self.after, land)
        timer.daemon = True
        self.timers.append(timer)
        timer.start()

    def define(
        self, send: Mapping[str, Any] | None = None, *, seconds: float | None = None, **fields: Any
    ) -> CheckDefinition:
        """A definition of the round trip, with `within` of two seconds.

        `seconds` is what the whole run has: fewer than a definition may say, so that nobody waits for a hanging server.
        """
        data: dict[str, Any] = {
            "name": "wire",
            "server": f"imap://localhost:{self.imap.port}",
            "tls": {"mode": "none"},
            "authentication": "cram-md5",
            "timeout": 14,
            "send": {
                "server": f"smtp://localhost:{self.smtp.port}",
                "tls": {"mode": "none"},
                "authentication": "cram-md5",
                "from": "monitor@example.com",
                "to": "seed@example.net",
                "within": "2s",
                **(send or {}),
            },
        }
        definition = CheckDefinition.model_validate(data | fields)
        return definition if seconds is None else definition.model_copy(update={"timeout": seconds})

    def run(self, send: Mapping[str, Any] | None = None, **fields: Any) -> CheckResult:
        return run_check(self.define(send, **fields), CREDENTIALS)


CREDENTIALS = Credentials.model_validate(
    {
        "username": "alice",
        "password": "canary-pa55word",
        "send": {"username": "sender", "password": "canary-s3nding", "host": "localhost"},
    }
)


@contextmanager
def world(
    smtp_script: Mapping[str, Action] | None = None,
    imap_script: Mapping[str, Action] | None = None,
    *,
    capabilities: str = f"{REFERENCE} IDLE",
    offer: Submission | None = None,
    boxes: Mapping[str, Box] | None = None,
    **tls: Any,
) -> Iterator[World]:
    """Both servers, each by its script."""
    store = MailStore(boxes or {"INBOX": Box(), "Spam": Box(special="\\Junk"), "Sent": Box(special="\\Sent")})
    with (
        MailServer(store, Dialect(capabilities=capabilities), imap_script) as imap,
        SmtpServer(offer, smtp_script, **tls) as smtp,
    ):
        there = World(imap, smtp, store)
        smtp.deliver = there.deliver
        yield there
        for timer in there.timers:
            timer.cancel()
