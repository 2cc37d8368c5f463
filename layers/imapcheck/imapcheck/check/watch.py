"""Watching mailboxes for one message: IDLE where it works, else NOOP, and a look at what is new.

Nothing here searches, as indexes lag: each message that is new since the watch began is looked at, and the run's
number in its header decides.
"""

import email.parser
import time
from email.message import Message

from imapcheck.check.arrival import RUN_HEADER
from imapcheck.check.bounce import is_final
from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.imap.session import ImapSession
from imapcheck.trace import Deadline, StepRecord
from imapcheck.wording import length

NOOP_SECONDS = 2.0
_FIELDS = (RUN_HEADER, "Received", "Authentication-Results", "Content-Type")
_MOST_OF_A_BOUNCE = 1 << 16


class Watch:
    """The mailbox in which a message should arrive, and `junk`, in which it should not, if there is one.

    `new_from` is the UID from which on a mailbox's messages are new; `opened` is the mailbox that is open. `returned`
    holds a bounce of this run's message, once one came.
    """

    def __init__(self, session: ImapSession, mailbox: bytes, run_id: str, *, reads_bounces: bool) -> None:
        self.mailbox = self.opened = mailbox
        self.junk: bytes | None = None
        self.new_from: dict[bytes, int] = {}
        self.idles = session.offers("IDLE")
        self.returned: bytes | None = None
        self._session = session
        self._run_id = run_id
        self._reads_bounces = reads_bounces
        self._idling = False
        self._messages = 0
        self._next_noop = 0.0

    def begin(self, step: StepRecord, junk: bytes | None) -> None:
        """Note what is there before anything is sent, then wait for news of the open mailbox."""
        session = self._session
        first = session.uid_next
        if first is None:
            completion, first = session.status_next(self.mailbox)
            if not completion.ok:
                raise completion.rejected()
        if first is None:
            raise CheckFailure(FailureType.PROTOCOL_ERROR, "the server does not say which UID is next (UIDNEXT)")
        self.new_from[self.mailbox] = first
        if junk is not None and junk != self.mailbox:
            self._note_junk(step, junk)
        self._messages = session.messages
        self.listen(step)

    def _note_junk(self, step: StepRecord, junk: bytes) -> None:
        completion, first = self._session.status_next(junk)
        if first is None:
            step.remark(f"the junk mailbox is not watched: {completion.words}")
        else:
            self.junk, self.new_from[junk] = junk, first

    def listen(self, step: StepRecord) -> None:
        """Open the mailbox again if it is not, and let the server tell of mail in it."""
        if self.opened != self.mailbox:
            self._open(step, self.mailbox)
        if self.idles and not self._idling:
            refusal = self._session.idle()
            self._idling = refusal is None
            if refusal is not None:
                self.idles = False
                step.remark(f"IDLE: {refusal.words}; NOOP every {length(NOOP_SECONDS * 1000)} instead")

    def hears_of_mail(self, until: Deadline) -> bool:
        """Whether the server tells of mail in the mailbox by `until`, or has told of it in an answer since a look."""
        if self._session.messages != self._messages:
            return True
        if self._idling:
            return self._session.hears_of_mail(until)
        pause = Deadline(self._next_noop).remaining()
        time.sleep(min(pause, until.remaining()))
        if Deadline(self._next_noop).remaining():
            return False
        self._next_noop = time.monotonic() + NOOP_SECONDS
        completion, told = self._session.noop()
        if not completion.ok:
            raise completion.rejected()
        return told

    def pause(self) -> None:
        """Stop idling, so that other commands can be sent."""
        if self._idling:
            self._idling = False
            completion, _ = self._session.done()
            self.idles = completion.ok

    def look(self, step: StepRecord, mailbox: bytes) -> bytes | None:
        """The header of the message among what is new in `mailbox`; None while it is not there."""
        if self.opened != mailbox:
            self._open(step, mailbox)
        if mailbox == self.mailbox:
            self._messages = self._session.messages
        completion, headers = self._session.fetch_new(self.new_from[mailbox], _FIELDS)
        if not completion.ok:
            raise completion.rejected()
        for uid, header in sorted(headers.items()):
            fields = email.parser.BytesHeaderParser().parsebytes(header)
            if [str(value).strip() for value in fields.get_all(RUN_HEADER, [])] == [self._run_id]:
                return header
            if self._reads_bounces and self.returned is None and _is_report(fields):
                self._read_bounce(uid)
            self.new_from[mailbox] = uid + 1
        return None

    def look_into_junk(self, step: StepRecord) -> bytes | None:
        """As `look`, where STATUS says that something is new in the junk mailbox."""
        if self.junk is None:
            return None
        completion, following = self._session.status_next(self.junk)
        if not completion.ok or following is None:
            step.remark(f"the junk mailbox is not watched any more: {completion.words}")
            self.junk = None
            return None
        return self.look(step, self.junk) if following > self.new_from[self.junk] else None

    def _open(self, step: StepRecord, mailbox: bytes) -> None:
        completion = self._session.examine(mailbox, step.remark)
        if not completion.ok:
            raise completion.rejected()
        self.opened = mailbox

    def _read_bounce(self, uid: int) -> None:
        """Keep the beginning of a report, if it says that this run's message could not be delivered."""
        try:
            _, report = self._session.fetch(uid, internal_date=False, limit=None, keep=_MOST_OF_A_BOUNCE)
        except CheckFailure as failure:
            if failure.ends_session:
                raise
            return  # larger than any report is
        if report is not None and self._run_id.encode() in report.beginning and is_final(report.beginning):
            self.returned = report.beginning


def _is_report(fields: Message) -> bool:
    return str(fields.get("Content-Type", "")).lower().lstrip().startswith("multipart/report")
