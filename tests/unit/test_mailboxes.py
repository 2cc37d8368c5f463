"""Which mailbox is which: special uses, parents, where sent mail belongs."""

import pytest

from imapcheck.imap.data import Mailbox
from imapcheck.imap.mailboxes import by_special_use, is_special, sent_mailbox, unlisted_parents


def box(name: str, *attributes: str, delimiter: str = "/") -> Mailbox:
    return Mailbox(
        attributes=frozenset(attribute.lower() for attribute in attributes),
        delimiter=delimiter.encode(),
        name=name.encode(),
    )


@pytest.mark.parametrize("use", ["All", "Archive", "Drafts", "Flagged", "Important", "Junk", "Sent", "Trash"])
def test_special_uses(use: str) -> None:
    """RFC 6154 section 2 and RFC 8457, without case."""
    mailbox = box("x", f"\\{use}")
    assert is_special(mailbox)
    assert not is_special(box("y", "\\HasNoChildren"))
    assert by_special_use([box("y"), mailbox], f"\\{use.upper()}") == b"x"


@pytest.mark.parametrize("closed", ["\\Noselect", "\\NonExistent"])
def test_closed_mailbox_is_never_chosen(closed: str) -> None:
    """Neither by its use nor by its name: APPEND would fail, and that would be a false alarm."""
    assert by_special_use([box("a", "\\Trash", closed), box("b", "\\Trash")], "\\trash") == b"b"
    assert by_special_use([box("a", "\\Trash", closed)], "\\trash") is None
    assert sent_mailbox([box("Sent", closed), box("Sent Items")], [], b"") == b"Sent Items"
    assert sent_mailbox([box("Sent", closed)], [box("x", "\\Sent", closed)], b"") is None


@pytest.mark.parametrize(
    ("top", "others", "prefix", "sent"),
    [
        ([box("SENT"), box("Post", "\\Sent")], [], b"", b"SENT"),
        ([box("Post", "\\Sent"), box("Sent Items")], [], b"", b"Post"),
        ([box("Sent Items")], [box("a/b", "\\Sent")], b"", b"a/b"),
        ([box("sent items"), box("Sent Messages")], [], b"", b"sent items"),
        ([box("Sent Messages")], [], b"", b"Sent Messages"),
        ([box("INBOX.Sent")], [], b"INBOX.", b"INBOX.Sent"),
        ([box("Gesendet")], [], b"", None),
        ([box("sent"), box("Sent")], [], b"", b"sent"),
        ([box("/Sent")], [], b"", b"/Sent"),
        ([box("/Sent Items")], [], b"", b"/Sent Items"),
        ([box("Inbox.Sent", delimiter=".")], [], b"INBOX.", b"Inbox.Sent"),
        ([box("inbox/SENT")], [], b"INBOX/", b"inbox/SENT"),
        ([box("INBOX.Sent Messages")], [], b"inbox.", b"INBOX.Sent Messages"),
    ],
)
def test_where_sent_mail_belongs(top: list[Mailbox], others: list[Mailbox], prefix: bytes, sent: bytes | None) -> None:
    """By name, by flag, by the other usual names (docs/session.md)."""
    assert sent_mailbox(top, others, prefix) == sent


@pytest.mark.parametrize(
    ("mailboxes", "listed", "parents"),
    [
        ([box("a/Sent"), box("a/Trash"), box("b/c/Junk")], [], [b"a", b"b/c"]),
        ([box("a.Sent", delimiter=".")], [], [b"a"]),
        ([box("a.Sent")], [], []),
        ([box("a/Sent", delimiter="")], [], []),
        ([box("Sent")], [], []),
        ([box("a/Sent")], [box("a")], []),
        ([box("A/Sent")], [box("a")], [b"A"]),
        ([box("inbox/Sent"), box("Inbox/Junk")], [box("INBOX")], []),
    ],
)
def test_parents_not_listed_yet(mailboxes: list[Mailbox], listed: list[Mailbox], parents: list[bytes]) -> None:
    """By the mailbox's own delimiter, each once; INBOX is one in any case, other names differ by case."""
    assert unlisted_parents(mailboxes, listed) == parents
