"""What a server offers and holds."""

from dataclasses import dataclass

REFERENCE = (
    "IMAP4rev1 SASL-IR NAMESPACE SPECIAL-USE LIST-EXTENDED CONDSTORE ESEARCH UIDPLUS ID CHILDREN AUTH=PLAIN AUTH=LOGIN"
    " AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=XOAUTH2 AUTH=OAUTHBEARER"
)
MINIMAL = "IMAP4rev1 AUTH=PLAIN"
MESSAGE = (
    b"From: a@example.com\r\nSubject: IMAP testing\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nbody-canary-4711\r\n"
)


@dataclass
class Dialect:
    """What the server offers and holds. Mailboxes are lines of LIST after `* LIST `."""

    capabilities: str = REFERENCE
    after_login: str | None = None
    volunteer: bool = True
    greeting: bytes = b"* OK IMAP4 ready"
    namespace: bytes = b'(("" "/")) NIL NIL'
    special: tuple[bytes, ...] = (
        b'(\\HasNoChildren \\Sent) "/" "[Special]/Sent Mail"',
        b'(\\HasNoChildren \\Trash) "/" "[Special]/Trash"',
    )
    top: tuple[bytes, ...] = (
        b'(\\HasNoChildren) "/" "INBOX"',
        b'(\\HasChildren \\Noselect) "/" "[Special]"',
        b'(\\HasNoChildren) "/" "Sent"',
    )
    inbox: bytes = b'(\\HasNoChildren) "/" "INBOX"'
    uids: tuple[int, ...] = (2, 4)
    message: bytes = MESSAGE
    internal_date: bytes = b"23-Nov-2026 09:00:01 +0000"
    username: str = "alice"
    password: str = "canary-pa55word"
    check_password: bool = True

    def offers(self, capability: str) -> bool:
        return capability.upper() in self.capabilities.upper().split()
