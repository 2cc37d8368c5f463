"""Which mailbox is which: parents of the special ones, and where sent mail belongs (docs/session.md)."""

from collections.abc import Iterable, Sequence

from imapcheck.imap.data import Mailbox
from imapcheck.imap.special_uses import SPECIAL_USES

_SPECIAL_USES = {use.lower() for use in SPECIAL_USES}
NOT_THERE = {"\\nonexistent"}
_CLOSED = {"\\noselect", *NOT_THERE}
_SENT_NAMES = (b"sent items", b"sent messages")


def is_special(mailbox: Mailbox) -> bool:
    """It has a special use."""
    return bool(mailbox.attributes & _SPECIAL_USES)


def unlisted_parents(mailboxes: Iterable[Mailbox], listed: Iterable[Mailbox]) -> list[bytes]:
    """Each distinct parent of `mailboxes` that is not among `listed`, in order of appearance."""
    known = {_fold(mailbox.name) for mailbox in listed}
    parents: list[bytes] = []
    for mailbox in mailboxes:
        parent = mailbox.name.rpartition(mailbox.delimiter)[0] if mailbox.delimiter else b""
        if parent and _fold(parent) not in known:
            known.add(_fold(parent))
            parents.append(parent)
    return parents


def by_special_use(mailboxes: Iterable[Mailbox], use: str) -> bytes | None:
    """The name of the mailbox with that special use (compared without case), if there is one to open."""
    return next((box.name for box in mailboxes if use.lower() in box.attributes and not box.attributes & _CLOSED), None)


def sent_mailbox(listing: Sequence[Mailbox], others: Iterable[Mailbox], prefix: bytes) -> bytes | None:
    """Where sent mail belongs: `Sent` in `listing`, the one flagged \\Sent anywhere, or another usual name.

    `listing` is the top level below `prefix`. Names compare without case, prefix, and delimiter at either end.
    """
    open_ones = [box for box in listing if not box.attributes & _CLOSED]
    by_name = {_bare(box, prefix): box.name for box in reversed(open_ones)}
    if b"sent" in by_name:
        return by_name[b"sent"]
    flagged = by_special_use([*listing, *others], "\\sent")
    if flagged is not None:
        return flagged
    return next((by_name[name] for name in _SENT_NAMES if name in by_name), None)


def _bare(mailbox: Mailbox, prefix: bytes) -> bytes:
    name = mailbox.name.lower().removeprefix(prefix.lower())
    return name.strip(mailbox.delimiter) if mailbox.delimiter else name


def _fold(name: bytes) -> bytes:
    """INBOX is one mailbox in any case; all other names differ by case (RFC 9051 section 5.1)."""
    return b"INBOX" if name.upper() == b"INBOX" else name
