"""Removing a check's own older messages, and provably nothing else (`keep_for`, docs/session.md).

The server's search only proposes. A UID is removed when a FETCH on this very connection showed that the message carries
this check's `X-Imapcheck` header (where sent messages arrive, `X-Imapcheck-Run` too) and an INTERNALDATE older than
`keep_for`; and then by `UID EXPUNGE` of exactly those UIDs (RFC 4315), as a bare EXPUNGE would take the user's own
deletions with it. On Gmail, where expunging only archives, they are moved to the `\\Trash` mailbox.
"""

import email.parser
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from imapcheck.check.arrival import CHECK_HEADER, RUN_HEADER
from imapcheck.imap.commands.command import Remark
from imapcheck.imap.completion import Completion
from imapcheck.imap.data import Mailbox
from imapcheck.imap.encoder import Part, string
from imapcheck.imap.mailboxes import by_special_use
from imapcheck.imap.search_result import Matches
from imapcheck.imap.session import ImapSession
from imapcheck.trace import StepRecord

MOST_REMOVED = 200
_MOST_PROPOSED = 4000
_CONFIRMED_AT_ONCE = 400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Own(NamedTuple):
    """What proves that a check wrote a message: filed it, or with `arrived` sent it."""

    check: str
    arrived: bool

    @property
    def fields(self) -> bytes:
        """The header fields that are fetched for it."""
        return " ".join((CHECK_HEADER, RUN_HEADER)[: 1 + self.arrived]).upper().encode()

    def wrote(self, header: bytes) -> bool:
        """The header names this check, exactly and once, and with `arrived` one run."""
        fields = email.parser.BytesHeaderParser().parsebytes(header)
        names = [str(value).strip() for value in fields.get_all(CHECK_HEADER, [])]
        return names == [self.check] and (not self.arrived or len(fields.get_all(RUN_HEADER, [])) == 1)


def remove_older(
    session: ImapSession,
    mailbox: bytes,
    listed: Sequence[Mailbox],
    check: str,
    subject: str,
    keep_for: timedelta,
    step: StepRecord,
    *,
    arrived: bool = False,
) -> int:
    """Remove the messages of `check` in `mailbox` that are older than `keep_for`; returns how many went.

    What stands in the way is said in `step` (`skip` or `refuse`); only a broken connection raises
    `CheckFailure`. With `arrived`, only messages that were sent go, and INBOX may be opened writable.
    """
    gmail = session.offers("X-GM-EXT-1")
    trash = by_special_use(listed, "\\trash") if gmail else None
    if reason := _obstacle(session, mailbox, gmail, trash, arrived):
        step.skip(reason)
        return 0
    opened = session.select(mailbox)
    if not opened.ok or opened.code == "READ-ONLY":
        step.refuse(opened.words)
        return 0
    refusal, confirmed = _confirmed(session, _Own(check, arrived), subject, keep_for, step.remark)
    if refusal is not None:
        step.refuse(refusal.words)
        return 0
    if not confirmed:
        step.note("nothing to remove")
        return 0
    refusal, removed = _remove(session, confirmed, trash)
    if refusal is not None:
        step.refuse(refusal.words)
    else:
        step.note(f"{removed} removed" if removed == len(confirmed) else f"{removed} of {len(confirmed)} removed")
    return removed


def _obstacle(session: ImapSession, mailbox: bytes, gmail: bool, trash: bytes | None, arrived: bool) -> str | None:
    """Why nothing may be removed here, or None."""
    if mailbox.upper() == b"INBOX" and not arrived:
        return "INBOX is never opened writable"
    if gmail:
        if trash is None:
            return "there is no \\Trash mailbox to move messages to"
        return None if session.offers("MOVE") else "server does not offer MOVE"
    return None if session.offers("UIDPLUS") else "server does not offer UIDPLUS"


def _confirmed(
    session: ImapSession, own: _Own, subject: str, keep_for: timedelta, remark: Remark
) -> tuple[Completion | None, list[int]]:
    """UIDs that this connection has shown to be this check's own and older than `keep_for`.

    The search narrows by our header field; where that finds nothing, by the subject, as not every server finds
    every field (Gmail not reliably). Returns the completion that stood in the way, if one did.
    """
    before = datetime.now(UTC) - keep_for
    by_header: list[Part] = [b" HEADER " + CHECK_HEADER.encode() + b" ", string(own.check.encode())]
    by_subject: list[Part] = [b" SUBJECT ", string(subject.encode(), shown=subject.encode())]
    refusal: Completion | None = None
    for keys, charset in ((by_header, b"US-ASCII"), (by_subject, b"US-ASCII" if subject.isascii() else b"UTF-8")):

        def propose(first: int, keys: list[Part] = keys, charset: bytes = charset) -> tuple[Completion, Matches]:
            rest = [*keys, b" UID %d:*" % first] if first > 1 else keys
            plain = [_before(before), *rest]
            if not session.offers("WITHIN"):
                return session.search(plain, remark, charset=charset, keep=_MOST_PROPOSED)
            older = [b"OLDER %d" % keep_for.total_seconds(), *rest]
            return session.search(older, remark, charset=charset, plain_keys=plain, keep=_MOST_PROPOSED)

        refusal, confirmed = _paged(session, propose, own, before)
        if confirmed:
            return None, confirmed
    return refusal, []


def _before(moment: datetime) -> bytes:
    """Where OLDER (RFC 5032) is not offered, or does not work.

    Days on the wire are the server's own: two more are asked for, as INTERNALDATE decides. What is \\Deleted already
    is asked for too: a run that broke off between the flag and the expunge is made good by the next.
    """
    return f"BEFORE {date(moment + timedelta(days=2))}".encode()


def date(day: datetime) -> str:
    """`7-Dec-2026`, as SEARCH takes it (RFC 9051 section 9, date-text); the months of strftime are the locale's."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"


def _paged(
    session: ImapSession, propose: Callable[[int], tuple[Completion, Matches]], own: _Own, before: datetime
) -> tuple[Completion | None, list[int]]:
    """Confirm what the search proposes, page by page, lowest UIDs first, until enough are ours or no more are old."""
    confirmed: list[int] = []
    first = 1
    while True:
        completion, found = propose(first)
        if not completion.ok:
            return completion, confirmed
        proposed = [uid for uid in found.uids if uid >= first]  # `n:*` always holds the last message
        for batch in itertools.batched(proposed, _CONFIRMED_AT_ONCE):
            completion, headers = session.fetch_header(batch, own.fields)
            if not completion.ok:
                return completion, confirmed
            old = {uid for uid, (_, arrived) in headers.items() if arrived is not None and arrived < before}
            confirmed += sorted(uid for uid in old if own.wrote(headers[uid][0]))
            last = batch[-1]
            ours_to_keep = last in headers and last not in old and own.wrote(headers[last][0])
            if len(confirmed) >= MOST_REMOVED or ours_to_keep:
                return None, confirmed[:MOST_REMOVED]
        if len(found.uids) == found.count or not proposed:
            return None, confirmed
        first = proposed[-1] + 1


def _remove(session: ImapSession, uids: Sequence[int], trash: bytes | None) -> tuple[Completion | None, int]:
    """Remove exactly `uids`; returns the completion that stood in the way, if one did, and how many went."""
    if trash is None:
        flagged = session.store_deleted(uids)
        if not flagged.ok:
            return flagged, 0
    completion, gone = session.expunge(uids) if trash is None else session.move(uids, trash)
    return (None if completion.ok else completion), gone
