"""Commands that wait for mail: IDLE, NOOP, STATUS and FETCH of what is new (RFC 2177, RFC 9051 section 6)."""

from collections.abc import Sequence

from imapcheck.imap.commands.command import Commands
from imapcheck.imap.completion import Completion
from imapcheck.imap.data import fetch_items, header_text, status_uid_next
from imapcheck.imap.decoder import BodyPolicy, Response
from imapcheck.imap.encoder import string
from imapcheck.trace import Deadline

_HEADER_OCTETS = 1 << 16


class WatchingCommands(Commands):
    """What a check does while a message is under way. Nothing here changes a mailbox."""

    @property
    def messages(self) -> int:
        """How many messages are in the open mailbox, as the server told last, with whatever answer."""
        return self._engine.messages

    def status_next(self, mailbox: bytes) -> tuple[Completion, int | None]:
        """STATUS of a mailbox that need not be open: its UIDNEXT; None where the server does not say it."""
        found: list[int | None] = []

        def collect(response: Response) -> None:
            if response.name == b"STATUS":
                found.append(status_uid_next(response))

        completion = self._engine.command([b"STATUS ", string(mailbox), b" (UIDNEXT)"], on_untagged=collect)
        return completion, found[-1] if found else None

    def fetch_new(self, first: int, fields: Sequence[str]) -> tuple[Completion, dict[int, bytes]]:
        """UID FETCH of header fields from UID `first` on: their text by UID.

        `n:*` always holds the last message (RFC 9051 section 9, seq-range): what is below `first` is left out.
        """
        found: dict[int, bytes] = {}

        def collect(response: Response) -> None:
            if response.name == b"FETCH":
                items = fetch_items(response.parsed())
                uid, text = items.get(b"UID"), header_text(items)
                if isinstance(uid, int) and uid >= first and text is not None:
                    found[uid] = text

        names = " ".join(fields).upper().encode()
        command = [b"UID FETCH %d:* (BODY.PEEK[HEADER.FIELDS (" % first + names + b")])"]
        policy = BodyPolicy(_HEADER_OCTETS, _HEADER_OCTETS)
        completion = self._engine.command(command, on_untagged=collect, body=policy, secrecy="body")
        return completion, found

    def noop(self) -> tuple[Completion, bool]:
        """NOOP; returns whether the server told of the number of messages."""
        told: list[Response] = []
        completion = self._engine.command([b"NOOP"], on_untagged=told.append)
        return completion, any(response.name == b"EXISTS" for response in told)

    def idle(self) -> Completion | None:
        """IDLE; None where the server goes along, else its refusal."""
        return self._engine.idle()

    def hears_of_mail(self, until: Deadline) -> bool:
        """While idling: whether the server tells of the number of messages by `until`."""
        while until.remaining():
            response = self._engine.listen(until)
            if response is not None and response.name == b"EXISTS":
                return True
        return False

    def done(self) -> tuple[Completion, bool]:
        """End IDLE; returns whether the server told of the number of messages at last."""
        told: list[Response] = []
        completion = self._engine.done(told.append)
        return completion, any(response.name == b"EXISTS" for response in told)
