"""Commands that write: APPEND, and what removes a check's own messages (RFC 9051 sections 6.3.12 and 6.4)."""

from collections.abc import Callable, Sequence
from datetime import datetime

from imapcheck.imap.commands.command import Commands
from imapcheck.imap.completion import Appended, Completion
from imapcheck.imap.data import fetch_items, header_text, internal_date_of
from imapcheck.imap.decoder import BodyPolicy, Response
from imapcheck.imap.encoder import Literal, Part, string, uid_set
from imapcheck.imap.search_result import SearchCollector


class FilingCommands(Commands):
    """What a check files, and what it takes away again: only the messages whose UIDs it is given."""

    def append(self, mailbox: bytes, message: bytes, on_send: Callable[[], None]) -> Appended:
        """APPEND without flags or date, with a synchronising literal; `on_send` is called before the message goes."""
        literal = Literal(message, b"{%d octets}" % len(message))
        command = [b"APPEND ", string(mailbox), b" ", literal]
        return Appended.of(self._engine.command(command, before_literal=on_send))

    def select(self, mailbox: bytes) -> Completion:
        """SELECT: opens the mailbox writable; only the clean-up does."""
        return self._engine.command([b"SELECT ", string(mailbox)])

    def fetch_header(
        self, uids: Sequence[int], fields: bytes
    ) -> tuple[Completion, dict[int, tuple[bytes, datetime | None]]]:
        """UID FETCH of header fields and INTERNALDATE; returns (their text, date) by UID, for `uids` only."""
        wanted, found = set(uids), dict[int, tuple[bytes, datetime | None]]()

        def collect(response: Response) -> None:
            if response.name == b"FETCH":
                items = fetch_items(response.parsed())
                uid, text = items.get(b"UID"), header_text(items)
                if isinstance(uid, int) and uid in wanted and text is not None:
                    found[uid] = (text, internal_date_of(items))

        items = b" (INTERNALDATE BODY.PEEK[HEADER.FIELDS (" + fields + b")])"
        policy = BodyPolicy(1 << 16, 1 << 16)
        command = [b"UID FETCH " + uid_set(uids) + items]
        completion = self._engine.command(command, on_untagged=collect, body=policy, secrecy="body")
        return completion, found

    def store_deleted(self, uids: Sequence[int]) -> Completion:
        """UID STORE +FLAGS.SILENT (\\Deleted) on exactly these messages."""
        return self._engine.command([b"UID STORE " + uid_set(uids) + b" +FLAGS.SILENT (\\Deleted)"])

    def expunge(self, uids: Sequence[int]) -> tuple[Completion, int]:
        """UID EXPUNGE of exactly these messages (RFC 4315); returns how many of them went.

        A bare EXPUNGE is never sent.
        """
        return self._counting_expunged([b"UID EXPUNGE " + uid_set(uids)], uids)

    def move(self, uids: Sequence[int], mailbox: bytes) -> tuple[Completion, int]:
        """UID MOVE of exactly these messages (RFC 6851); returns how many of them went."""
        return self._counting_expunged([b"UID MOVE " + uid_set(uids) + b" ", string(mailbox)], uids)

    def _counting_expunged(self, command: Sequence[Part], uids: Sequence[int]) -> tuple[Completion, int]:
        """The server says what went: EXPUNGE for each message, or VANISHED (RFC 7162) for several."""
        gone = SearchCollector(b"", 0)
        expunged = 0

        def collect(response: Response) -> None:
            nonlocal expunged
            if response.name == b"EXPUNGE":
                expunged += 1
            elif response.name == b"VANISHED":
                gone.take_set(response.text.removeprefix(b"(EARLIER)").strip())

        completion = self._engine.command(command, on_untagged=collect)
        return completion, min(len(set(uids)), expunged + gone.matches().count)
