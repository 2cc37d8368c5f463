"""One submission through the package's `smtp` room alone, without a check around it."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from imapcheck.errors import CheckFailure
from imapcheck.login.credentials import Credentials
from imapcheck.login.mechanisms import mechanism_for
from imapcheck.network.tls import client_context
from imapcheck.network.transport import Wire, connect
from imapcheck.smtp.reply import Reply
from imapcheck.smtp.session import SmtpSession
from imapcheck.trace import Deadline
from imapcheck.transcript import Redactor, Transcript
from support.smtp_server import SmtpServer

MESSAGE = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: round trip\r\n\r\n.\r\n..two\r\nbody-canary-4711\r\n"


@dataclass
class Submitted:
    """How it went: the replies by command, the failure if there was one, and what the transcript shows."""

    session: SmtpSession
    replies: dict[str, Reply] = field(default_factory=dict)
    failure: CheckFailure | None = None
    transcript: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, str]:
        assert self.failure is not None, self.replies
        return self.failure.type.value, self.failure.detail


def submit(
    server: SmtpServer,
    authority: Path | None = None,
    *,
    authentication: str | None = "plain",
    username: str = "sender",
    password: str = "canary-s3nding",
    token: str | None = None,
    message: bytes = MESSAGE,
    seconds: float = 2,
) -> Submitted:
    """From the connection to QUIT, or to the first failure or refusal; TLS as the server has it."""
    credentials = Credentials.model_validate({"username": username, "password": password, "access_token": token})
    redactor = Redactor(credentials.secret_values())
    transcript = Transcript(redactor)
    deadline = Deadline.after(seconds)
    wire = Wire(connect([ip_address("127.0.0.1")], server.port, deadline).socket, deadline)
    session = SmtpSession(wire, redactor, transcript, "[127.0.0.1]")
    submitted = Submitted(session)
    context = client_context(verify=authority is not None, minimum_version="1.2", ca_path=authority)
    try:
        if server.tls is not None:
            session.start_tls(context, "localhost", implicit=True)
        session.banner()
        session.ehlo()
        if server.starttls is not None:
            session.starttls()
            session.start_tls(context, "localhost", implicit=False)
            session.ehlo()
        if authentication is not None:
            mechanism = mechanism_for(authentication, credentials, token, "localhost", server.port)
            if not _went_on(submitted, "AUTH", session.authenticate(mechanism, nullcontext)):
                return submitted
        if (
            _went_on(submitted, "MAIL", session.mail("a@example.com"))
            and _went_on(submitted, "RCPT", session.rcpt("b@example.com"))
            and _went_on(submitted, "DATA", session.data())
        ):
            _went_on(submitted, "MESSAGE", session.message(message))
        session.quit()
        session.farewell()
    except CheckFailure as failure:
        submitted.failure = failure
    finally:
        submitted.transcript = transcript.lines()
        wire.close()
    return submitted


def _went_on(submitted: Submitted, name: str, reply: Reply) -> bool:
    submitted.replies[name] = reply
    return reply.code < 400
