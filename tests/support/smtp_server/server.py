"""The server: `WireServer`'s listener and threads, with another session behind it."""

import ssl
from collections.abc import Callable, Mapping
from typing import Any

from support.smtp_server.session import Envelope, SmtpConversation, Submission
from support.wire_server import Action, Connection, WireServer


class SmtpServer(WireServer):
    """Serves each connection in a thread until the context ends."""

    def __init__(
        self,
        offer: Submission | None = None,
        script: Mapping[str, Action] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        deliver: Callable[[Envelope], None] | None = None,
    ) -> None:
        super().__init__(None, script, tls=tls, starttls=starttls)
        self.offer = offer or Submission()
        self.envelopes: list[Envelope] = []
        self.received: list[Envelope] = []
        self.deliver = deliver

    def session(self, connection: Connection) -> Any:
        return SmtpConversation(self, connection)
