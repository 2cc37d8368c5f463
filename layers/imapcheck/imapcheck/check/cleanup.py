"""Removing a check's own older messages, and provably nothing else (`keep_for`, docs/session.md).

The server's search only proposes. A UID is removed when a FETCH on this very connection showed that the
message carries this check's `X-Imapcheck` header and an INTERNALDATE older than `keep_for`; and then by
`UID EXPUNGE` of exactly those UIDs (RFC 4315), as a bare EXPUNGE would take the user's own deletions
with it. On Gmail, where expunging only archives, they are moved to the `\\Trash` mailbox.
"""

import email.parser
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from imapcheck.check.message import CHECK_HEADER
from imapcheck.imap.completion import Completion
from imapcheck.imap.data import Mailbox
from imapcheck.imap.encoder import string
from imapcheck.imap.mailboxes import by_special_use
from imapcheck.imap.session import ImapSession
from imapcheck.trace import StepRecord

MOST_REMOVED = 200
_MOST_PROPOSED = 4000
_CONFIRMED_AT_ONCE = 400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def remove_older(
    session: ImapSession,
    mailbox: bytes,
    listed: Sequence[Mailbox],
    check: str,
    subject: str,
    keep_for: timedelta,
    step: StepRecord,
) -> int:
    """Remove the messages of `check` in `mailbox` that are older than `keep_for`; returns how many went.

    What stands in the way is said in `step` (`skip` or `refuse`); only a broken connection raises
    `CheckFailure`.
    """
    gmail = session.offers("X-GM-EXT-1")
    trash = by_special_use(listed, "\\trash") if gmail else None
    if reason := _obstacle(session, mailbox, gmail, trash):
        step.skip(reason)
        return 0
    opened = session.select(mailbox)
    if not opened.ok or opened.code == "READ-ONLY":
        step.refuse(opened.words)
        return 0
    now = datetime.now(UTC)
    completion, confirmed = _confirmed(session, check, subject, now - keep_for)
    if completion is not None:
        step.refuse(completion.words)
        return 0
    if not confirmed:
        step.note("nothing to remove")
        return 0
    refused = _remove(session, confirmed, trash)
    if refused is not None:
        step.refuse(refused.words)
        return 0
    step.note(f"{len(confirmed)} removed")
    return len(confirmed)


def _obstacle(session: ImapSession, mailbox: bytes, gmail: bool, trash: bytes | None) -> str | None:
    """Why nothing may be removed here, or None."""
    if mailbox.upper() == b"INBOX":
        return "INBOX is never opened writable"
    if gmail:
        if trash is None:
            return "there is no \\Trash mailbox to move messages to"
        return None if session.offers("MOVE") else "server does not offer MOVE"
    return None if session.offers("UIDPLUS") else "server does not offer UIDPLUS"


def _confirmed(session: ImapSession, check: str, subject: str, before: datetime) -> tuple[Completion | None, list[int]]:
    """UIDs that this connection has shown to be this check's own and older than `before`.

    Returns the completion that stood in the way, if one did.
    """
    # Days on the wire are the server's own: ask for two more, INTERNALDATE decides. What is \Deleted already is
    # asked for too: a run that broke off between the flag and the expunge is made good by the next.
    day = (before + timedelta(days=2)).astimezone(UTC)
    date = f"BEFORE {day.day}-{_MONTHS[day.month - 1]}-{day.year} ".encode()
    term = subject.encode()
    charset = b"US-ASCII" if subject.isascii() else b"UTF-8"
    keys = [date + b"SUBJECT ", string(term, shown=term)]
    completion, found = session.search(keys, charset=charset, keep=_MOST_PROPOSED)
    if not completion.ok:
        return completion, []
    confirmed: list[int] = []
    # Lowest UIDs first. Another check that keeps its mail under the same subject may hold the first of
    # them, so this goes on until enough are ours or a batch ends in mail that is to be kept.
    for batch in itertools.batched(sorted(set(found.uids)), _CONFIRMED_AT_ONCE, strict=False):
        completion, headers = session.fetch_header(batch, CHECK_HEADER.upper().encode())
        if not completion.ok:
            return completion, []
        old = {uid for uid, (_, arrived) in headers.items() if arrived is not None and arrived < before}
        confirmed += sorted(uid for uid in old if _is_own(headers[uid][0], check))
        if len(confirmed) >= MOST_REMOVED or (batch[-1] in headers and batch[-1] not in old):
            break
    return None, confirmed[:MOST_REMOVED]


def _is_own(header: bytes, check: str) -> bool:
    """The header field names this check, exactly and once."""
    values = email.parser.BytesHeaderParser().parsebytes(header).get_all(CHECK_HEADER, [])
    return [str(value).strip() for value in values] == [check]


def _remove(session: ImapSession, uids: Sequence[int], trash: bytes | None) -> Completion | None:
    """Remove exactly `uids`; returns the completion that stood in the way, if one did."""
    if trash is not None:
        moved = session.move(uids, trash)
        return None if moved.ok else moved
    flagged = session.store_deleted(uids)
    if not flagged.ok:
        return flagged
    expunged = session.expunge(uids)
    return None if expunged.ok else expunged
