"""What the steps of an attempt share: what is asked for, what it runs on, and what it has learnt."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imapcheck.definition.model import CheckDefinition, NewMessageDefinition, SearchDefinition
from imapcheck.imap.completion import Appended
from imapcheck.imap.data import Mailbox, Resource
from imapcheck.imap.search_result import Matches
from imapcheck.imap.session import ImapSession
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.login.mechanisms import Mechanism
from imapcheck.network.resolver import Address
from imapcheck.network.tls import TlsContext
from imapcheck.result import TlsFacts
from imapcheck.trace import Deadline, Hook, Tracer
from imapcheck.transcript import Redactor, Transcript

if TYPE_CHECKING:
    from imapcheck.check.message import Draft
    from imapcheck.check.sending import RoundTrip, Sending
    from imapcheck.login.oauth import Token
    from imapcheck.smtp.session import SmtpSession


@dataclass(frozen=True)
class Prepared:
    """What is asked for, and made ready before a session begins: the same in every attempt of a run."""

    definition: CheckDefinition
    credentials: Credentials | None
    token: "Token | None"
    context: TlsContext | None
    draft: "Draft | None"
    login_pause: LoginPause | None
    refuse_local_addresses: bool
    hooks: tuple[Hook, ...]
    sending: "Sending | None" = None

    @property
    def search(self) -> SearchDefinition:
        assert self.definition.search is not None
        return self.definition.search

    @property
    def new_message(self) -> NewMessageDefinition:
        assert self.definition.new_message is not None
        return self.definition.new_message


@dataclass
class Learnt:
    """What the steps have found out, for the steps after them and for the result's facts."""

    # connection
    addresses: list[Address] = field(default_factory=list)
    address: Address | None = None
    unreachable: tuple[Address, ...] = ()
    dead: tuple[tuple[Address, str], ...] = ()
    tls: TlsFacts | None = None
    # reading; mailbox names are as on the wire
    prefix: bytes = b""
    utf8_names: bool = False
    listed: list[Mailbox] = field(default_factory=list)
    watched: bytes = b"INBOX"
    matches: Matches | None = None
    fetched_octets: int | None = None
    age_seconds: float | None = None
    delivery_seconds: float | None = None
    empty_uid: int | None = None
    never_fetched: bool = False
    seconds_ahead: float | None = None
    quota: Resource | None = None
    # filing
    sent: bytes | None = None
    append_sent: bool = False
    message_id: str | None = None
    appended: Appended | None = None
    removed: int = 0
    # sending
    round_trip: "RoundTrip | None" = None


@dataclass
class Attempt:
    """One attempt under way: a step reads what is `asked`, works with the rest, and leaves what it `learnt`.

    `extends_to` is what the attempt may last to once no other can follow it: the run's own end.
    """

    asked: Prepared
    deadline: Deadline
    tracer: Tracer
    redactor: Redactor
    transcript: Transcript
    mechanism: Mechanism | None
    learnt: Learnt = field(default_factory=Learnt)
    opened: ImapSession | None = None
    sender: "SmtpSession | None" = None
    extends_to: Deadline | None = None

    @property
    def sending(self) -> "Sending":
        assert self.asked.sending is not None
        return self.asked.sending

    @property
    def session(self) -> ImapSession:
        """The session; every step after `connect` has one."""
        assert self.opened is not None
        return self.opened
