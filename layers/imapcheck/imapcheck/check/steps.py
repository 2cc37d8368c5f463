"""One function per step, in the order of the reference check (DESIGN section 2).

Each reads what it needs from the `Run`, leaves what it learnt there, and says in its `StepRecord` how it
went. A `CheckFailure` ends the step; whether it ends the session is the failure's own matter.
"""

import email.parser
import email.utils
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

from imapcheck.definition.model import CheckDefinition, NewMessageDefinition, SearchDefinition
from imapcheck.errors import CheckFailure, DefinitionError, FailureType
from imapcheck.imap.data import Found, Mailbox
from imapcheck.imap.encoder import Part, encode_mailbox, string
from imapcheck.imap.mailboxes import by_special_use, sent_mailbox, special, unlisted_parents
from imapcheck.imap.session import Appended, Completion, ImapSession
from imapcheck.login.credentials import Credentials, LoginPause
from imapcheck.login.mechanisms import Mechanism
from imapcheck.network.certificate import CertificateRefused, facts_of
from imapcheck.network.resolver import Address, is_local, resolve
from imapcheck.network.tls import TlsContext
from imapcheck.network.transport import UnreachableAddresses, Wire
from imapcheck.network.transport import connect as tcp_connect
from imapcheck.result import StepName, TlsFacts, isoformat
from imapcheck.trace import Deadline, StepRecord, Tracer
from imapcheck.transcript import Redactor, Transcript
from imapcheck.version import VERSION

if TYPE_CHECKING:
    from imapcheck.check.message import Draft

_HEADER_OCTETS = 1 << 16
_CLEANUP_SECONDS = 10.0


@dataclass
class Run:
    """One attempt under way: what was asked for, what it runs on, and what it has learnt so far."""

    definition: CheckDefinition
    credentials: Credentials | None
    context: TlsContext | None
    mechanism: Mechanism | None
    draft: "Draft | None"
    login_pause: LoginPause | None
    refuse_local_addresses: bool
    deadline: Deadline
    tracer: Tracer
    redactor: Redactor
    transcript: Transcript
    addresses: list[Address] = field(default_factory=list)
    address: Address | None = None
    unreachable: tuple[Address, ...] = ()
    opened: ImapSession | None = None
    tls: TlsFacts | None = None
    prefix: bytes = b""
    listed: list[Mailbox] = field(default_factory=list)
    found: Found | None = None
    fetched_octets: int | None = None
    age_seconds: float | None = None
    delivery_seconds: float | None = None
    sent: bytes | None = None
    append_sent: bool = False
    message_id: str | None = None
    appended: Appended | None = None
    removed: int = 0

    @property
    def session(self) -> ImapSession:
        """The session; every step after `connect` has one."""
        assert self.opened is not None
        return self.opened

    @property
    def asked_search(self) -> SearchDefinition:
        assert self.definition.search is not None
        return self.definition.search

    @property
    def asked_message(self) -> NewMessageDefinition:
        assert self.definition.new_message is not None
        return self.definition.new_message


def dns(run: Run) -> None:
    """Resolve the host; an address is taken as it is."""
    host = run.definition.host
    if run.definition.host_is_address:
        run.tracer.skip("dns", "the server is given as an address")
        run.addresses = [ip_address(host)]
    else:
        with run.tracer.step("dns") as step:
            resolved = resolve(host, run.deadline)
            step.leave_out(resolved.overhead)
            run.addresses = resolved.addresses
    if run.refuse_local_addresses:
        run.addresses = [address for address in run.addresses if not is_local(address)]
        if not run.addresses:
            raise DefinitionError(
                f"{run.definition.label}: server: {host} is a loopback, link-local or unspecified address,"
                " which a check inside Lambda must not reach"
            )


def connect(run: Run) -> None:
    """TCP to the first address that answers."""
    with run.tracer.step("connect") as step:
        try:
            connected = tcp_connect(run.addresses, run.definition.port, run.deadline)
        except UnreachableAddresses as failure:
            run.unreachable = failure.addresses
            raise
        if connected.unreachable:
            step.note("no connection to " + ", ".join(map(str, connected.unreachable)))
    run.address, run.unreachable = connected.address, connected.unreachable
    run.opened = ImapSession(Wire(connected.socket, run.deadline), run.redactor, run.transcript)


def tls(run: Run) -> None:
    """The TLS handshake, at once or after STARTTLS; then, after STARTTLS, CAPABILITY again."""
    definition = run.definition
    assert run.context is not None
    implicit = definition.tls_mode == "implicit"
    with run.tracer.step("tls"):
        try:
            name = definition.tls.server_name or definition.host
            secured = run.session.start_tls(run.context, name, implicit=implicit)
        except CertificateRefused as refused:
            run.tls = refused.facts
            raise
    run.tls = facts_of(secured, verified=definition.tls.verify)
    if not implicit:
        capability(run)


def greeting(run: Run) -> None:
    """Wait for the server's first line."""
    with run.tracer.step("greeting"):
        try:
            run.session.greeting()
        except CheckFailure as failure:
            if failure.type is FailureType.TIMEOUT and run.definition.tls_mode != "implicit":
                hint = "; a port that expects TLS from the start stays silent too: try imaps://"
                raise CheckFailure(failure.type, failure.detail + hint) from failure
            raise


def capability(run: Run) -> None:
    """Ask what the server offers."""
    with run.tracer.step("capability"):
        run.session.capability()


def starttls(run: Run) -> None:
    """Ask for TLS on the clear connection; the definition requires it."""
    with run.tracer.step("starttls"):
        if run.session.preauthenticated:
            raise CheckFailure(
                FailureType.STARTTLS_UNAVAILABLE, "the server greeted with PREAUTH: STARTTLS is no longer possible"
            )
        if not run.session.offers("STARTTLS"):
            raise CheckFailure(FailureType.STARTTLS_UNAVAILABLE, "the server does not offer STARTTLS")
        run.session.starttls()


def authenticate(run: Run) -> None:
    """Log in; then CAPABILITY again unless the server volunteered it."""
    with run.tracer.step("authenticate") as step:
        if run.session.preauthenticated:
            raise CheckFailure(
                FailureType.PROTOCOL_ERROR, "the server greeted with PREAUTH: the login could not be tested"
            )
        volunteered = _log_in(run, step)
    if not volunteered:
        capability(run)


def _log_in(run: Run, step: StepRecord) -> bool:
    """Log in; returns whether the server volunteered its capabilities."""
    session, mechanism = run.session, run.mechanism
    assert run.credentials is not None
    assert mechanism is not None
    offered = session.offers(f"AUTH={mechanism.name}")
    if not offered and not (mechanism.name == "LOGIN" and not session.offers("LOGINDISABLED")):
        raise _not_offered(session, mechanism.name)
    if run.login_pause is not None:
        raise _paused(run.login_pause)
    if offered:
        completion, volunteered = session.authenticate(mechanism, step.aside)
    else:
        completion, volunteered = session.login(run.credentials.username, run.credentials.require_password())
    if not completion.ok:
        raise _refused_login(completion, mechanism.explain())
    return volunteered


def _not_offered(session: ImapSession, mechanism: str) -> CheckFailure:
    offered = ", ".join(session.mechanisms()) or "no mechanism"
    reason = " and disables LOGIN" if session.offers("LOGINDISABLED") else ""
    return CheckFailure(
        FailureType.MECHANISM_NOT_OFFERED, f"the server does not offer {mechanism}: it offers {offered}{reason}"
    )


def _paused(pause: LoginPause) -> CheckFailure:
    return CheckFailure(
        FailureType.AUTHENTICATION_PAUSED,
        f"the login was withheld so as not to lock the mailbox out: first refused at"
        f" {isoformat(pause.first_refused_at)}, tried again at {isoformat(pause.retry_at)} or with other credentials",
    )


# RFC 5530 section 3 and RFC 9051 section 7.1: these say that the login could not be decided.
_LOGIN_DOWN = {"UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT", "THROTTLED"}


def _refused_login(completion: Completion, explanation: str | None) -> CheckFailure:
    advice = f" ({explanation})" if explanation else ""
    if completion.status == "BAD":
        return completion.rejected(FailureType.COMMAND_REJECTED, advice)
    if completion.code in _LOGIN_DOWN:
        return completion.rejected(FailureType.AUTHENTICATION_UNAVAILABLE, advice)
    if completion.code == "PRIVACYREQUIRED":
        return completion.rejected(FailureType.MECHANISM_NOT_OFFERED, advice)
    return completion.rejected(FailureType.AUTHENTICATION_FAILED, advice)


def identify(run: Run) -> None:
    """ID, for servers that want to know who asks."""
    with run.tracer.step("id") as step:
        if run.definition.authentication == "none":
            step.skip("sent only after a login")
        elif not run.session.offers("ID"):
            step.skip("server does not offer ID")
        else:
            completion = run.session.identify(VERSION)
            if not completion.ok:
                step.refuse(completion.words)


def namespace(run: Run) -> None:
    """Learn the prefix of the user's own mailboxes."""
    with run.tracer.step("namespace") as step:
        if not run.session.offers("NAMESPACE"):
            step.skip("server does not offer NAMESPACE")
            return
        completion, run.prefix = run.session.namespace()
        if not completion.ok:
            step.refuse(completion.words)


def list_mailboxes(run: Run) -> None:
    """INBOX, the special-use mailboxes, their parents, and the top level."""
    with run.tracer.step("list") as step:
        session = run.session
        completion, inbox = session.list_mailboxes(b"INBOX")
        run.listed.extend(inbox)
        if not completion.ok:
            step.refuse(completion.words)
        if session.offers("SPECIAL-USE"):
            others, mailboxes = session.list_mailboxes(b"*", selection=b"(SPECIAL-USE)")
            run.listed.extend(mailboxes)
            if not others.ok:
                step.note(f"LIST (SPECIAL-USE): {others.words}")
            for parent in unlisted_parents(special(mailboxes), run.listed):
                _, listed = session.list_mailboxes(parent)
                run.listed.extend(listed)
        else:
            step.note("server does not offer SPECIAL-USE")
        top, mailboxes = _list_top_level(run)
        run.listed.extend(mailboxes)
        if not top.ok:
            step.note(f"LIST %: {top.words}")


def _list_top_level(run: Run) -> tuple[Completion, list[Mailbox]]:
    extended = run.session.offers("LIST-EXTENDED")
    returning = b"(SUBSCRIBED CHILDREN)" if extended else b""
    completion, mailboxes = run.session.list_mailboxes(run.prefix + b"%", returning=returning)
    return completion, list(mailboxes)


def examine(run: Run) -> None:
    """Open the watched mailbox read-only."""
    with run.tracer.step("examine"):
        name = run.definition.search.mailbox if run.definition.search else "INBOX"
        completion = run.session.examine(_watched(run, name))
        if not completion.ok:
            missing = completion.code in ("NONEXISTENT", "TRYCREATE")
            type = FailureType.MAILBOX_NOT_FOUND if missing else FailureType.COMMAND_REJECTED
            raise completion.rejected(type)


def _watched(run: Run, name: str) -> bytes:
    if not name.startswith("\\"):
        return b"INBOX" if name.upper() == "INBOX" else encode_mailbox(name)
    found = by_special_use(run.listed, name)
    if found is None:
        raise CheckFailure(
            FailureType.MAILBOX_NOT_FOUND, f"no mailbox with the special use {name}; set search.mailbox to its name"
        )
    return found


def search(run: Run) -> None:
    """Count the messages that match every term."""
    asked = run.asked_search
    keys, charset = _search_keys(asked.terms())
    with run.tracer.step("search") as step:
        completion, found = run.session.search(keys, charset=charset)
        if not completion.ok:
            raise completion.rejected()
        run.found = found
        step.note(f"{found.count} found")
        if found.count < asked.min_matches:
            words = ", ".join(f'{key.lower()} "{term}"' for key, term in asked.terms())
            raise CheckFailure(
                FailureType.NO_MATCH,
                f"{found.count} found of at least {asked.min_matches} with {words} in {asked.mailbox}",
            )


def _search_keys(terms: tuple[tuple[str, str], ...]) -> tuple[list[Part], bytes]:
    """The search keys and their charset; a term outside ASCII goes out as a literal in UTF-8."""
    parts: list[Part] = []
    for index, (key, term) in enumerate(terms):
        parts += [b" " * bool(index) + key.encode() + b" ", string(term.encode(), shown=term.encode())]
    ascii_only = all(term.isascii() for _, term in terms)
    return parts, b"US-ASCII" if ascii_only else b"UTF-8"


def fetch(run: Run) -> None:
    """Fetch the newest match whole, without setting a flag."""
    asked, found = run.asked_search, run.found
    if found is None or found.highest is None or found.count < asked.min_matches:
        run.tracer.skip("fetch", "no match" if found is None or not found.count else "fewer matches than min_matches")
        return
    with run.tracer.step("fetch") as step:
        completion, message = run.session.fetch(
            found.highest, internal_date=asked.max_age is not None, limit=asked.max_size, keep=_HEADER_OCTETS
        )
        if not completion.ok:
            raise completion.rejected()
        if message is None:
            raise CheckFailure(FailureType.PROTOCOL_ERROR, f"the server answered OK without message {found.highest}")
        run.fetched_octets = message.size
        if asked.max_age is not None:
            _judge_age(run, step, message.internal_date, message.beginning, asked.max_age.total_seconds())


def _judge_age(run: Run, step: StepRecord, arrived: datetime | None, beginning: bytes, max_age: float) -> None:
    """Decide by INTERNALDATE; clocks differ, so an age is never negative."""
    if arrived is None:
        raise CheckFailure(FailureType.PROTOCOL_ERROR, "the server sent no INTERNALDATE that can be read")
    age = max(0.0, round((datetime.now(UTC) - arrived).total_seconds(), 3))
    run.age_seconds = age
    with step.aside():
        _note_delivery(run, arrived, beginning)
    if age > max_age:
        raise CheckFailure(
            FailureType.TOO_OLD, f"the newest match arrived {_spoken(age)} ago, more than {_spoken(max_age)}"
        )


def _note_delivery(run: Run, arrived: datetime, beginning: bytes) -> None:
    """Where the match is one of ours: the time from its Date to its arrival."""
    from imapcheck.check.message import CHECK_HEADER

    headers = email.parser.BytesHeaderParser().parsebytes(beginning)
    if run.definition.new_message is None or str(headers.get(CHECK_HEADER, "")).strip() != run.definition.label:
        return
    try:
        # Anybody may have written this: str() as octets outside ASCII come as a Header object.
        sent = email.utils.parsedate_to_datetime(str(headers.get("Date", "")))
    except (ValueError, OverflowError):
        return
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=UTC)
    run.delivery_seconds = max(0.0, round((arrived - sent).total_seconds(), 3))


def _spoken(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def locate_sent(run: Run) -> None:
    """Find where sent mail belongs, unless the definition says it."""
    asked = run.asked_message
    if asked.mailbox is not None:
        run.sent = b"INBOX" if asked.mailbox.upper() == "INBOX" else encode_mailbox(asked.mailbox)
        run.tracer.skip("locate_sent", "new_message.mailbox is given")
    else:
        with run.tracer.step("locate_sent"):
            completion, listing = _list_top_level(run)
            if not completion.ok:
                raise completion.rejected()
            run.sent = sent_mailbox(listing, run.listed, run.prefix)
            if run.sent is None:
                raise CheckFailure(
                    FailureType.MAILBOX_NOT_FOUND,
                    "no mailbox is named Sent, flagged \\Sent, or named Sent Items or Sent Messages;"
                    " set new_message.mailbox",
                )


def append(run: Run) -> None:
    """File a new message in the sent mailbox."""
    assert run.sent is not None
    assert run.draft is not None
    message = run.draft.dated()

    def sending() -> None:
        run.append_sent = True

    with run.tracer.step("append"):
        appended = run.session.append(run.sent, message.octets, sending)
        if not appended.completion.ok:
            raise _refused_append(appended.completion)
    run.message_id, run.appended = message.message_id, appended


def _refused_append(completion: Completion) -> CheckFailure:
    if completion.code in ("TRYCREATE", "NONEXISTENT"):
        return completion.rejected(FailureType.MAILBOX_NOT_FOUND, "; create it or set new_message.mailbox")
    # Servers older than RFC 5530 say it in words only.
    if completion.code == "OVERQUOTA" or (completion.status == "NO" and "quota" in completion.words.lower()):
        return completion.rejected(FailureType.OVER_QUOTA)
    return completion.rejected()


def cleanup(run: Run) -> None:
    """Remove this check's own older messages; never makes the server unavailable."""
    from imapcheck.check.cleanup import remove_older  # few ask for it

    asked = run.asked_message
    assert run.sent is not None
    assert asked.keep_for is not None
    with run.tracer.step("cleanup") as step:
        run.session.wire.deadline = run.deadline.within(_CLEANUP_SECONDS)
        try:
            run.removed = remove_older(
                run.session, run.sent, run.listed, run.definition.label, asked.subject, asked.keep_for, step
            )
        except CheckFailure as failure:
            # All that the check asks of the server has passed by now: a broken clean-up is no outage.
            step.refuse(failure.detail)


def logout(run: Run, deadline: Deadline) -> None:
    """LOGOUT; never makes the server unavailable."""
    session = run.session
    with run.tracer.step("logout") as step:
        session.wire.deadline = deadline
        problem = session.logout()
        if problem is not None:
            step.refuse(problem)


type Step = Callable[[Run], None]


def plan(definition: CheckDefinition) -> list[tuple[StepName, Step]]:
    """The steps that `definition` asks for, in the order they run; `logout` is last and `check`'s matter."""
    mode, logs_in = definition.tls_mode, definition.authentication != "none"
    searches, sends = definition.search is not None, definition.new_message is not None
    cleans = definition.new_message is not None and definition.new_message.keep_for is not None
    steps: list[tuple[StepName, Step, bool]] = [
        ("dns", dns, True),
        ("connect", connect, True),
        ("tls", tls, mode == "implicit"),
        ("greeting", greeting, True),
        ("capability", capability, True),
        ("starttls", starttls, mode == "starttls"),
        ("tls", tls, mode == "starttls"),
        ("authenticate", authenticate, logs_in),
        ("id", identify, definition.identify),
        ("namespace", namespace, logs_in),
        ("list", list_mailboxes, logs_in),
        ("examine", examine, logs_in),
        ("search", search, searches),
        ("fetch", fetch, searches),
        ("locate_sent", locate_sent, sends),
        ("append", append, sends),
        ("cleanup", cleanup, cleans),
    ]
    return [(name, step) for name, step, asked in steps if asked]
