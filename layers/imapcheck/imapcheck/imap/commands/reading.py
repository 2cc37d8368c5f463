"""Commands that read: NAMESPACE, LIST, EXAMINE, SEARCH and FETCH (RFC 9051 sections 6.3 and 6.4); none sets a flag."""

from collections.abc import Sequence

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.imap.commands.command import Commands
from imapcheck.imap.completion import Completion
from imapcheck.imap.data import (
    Fetched,
    Mailbox,
    Resource,
    fetched_message,
    mailbox_of,
    personal_prefix,
    resources_of,
)
from imapcheck.imap.decoder import MAX_BODY, BodyPolicy, Response, broken
from imapcheck.imap.encoder import Part, string
from imapcheck.imap.search_result import Found, SearchCollector

_MAX_LISTED = 20_000


class ReadingCommands(Commands):
    """What a check looks at. The mailbox is opened read-only."""

    def namespace(self) -> tuple[Completion, bytes]:
        """NAMESPACE (RFC 2342); returns the prefix of the first personal namespace, empty where there is none."""
        prefixes: list[bytes] = []

        def collect(response: Response) -> None:
            if response.name == b"NAMESPACE" and not prefixes:
                prefixes.append(personal_prefix(response))

        completion = self._engine.command([b"NAMESPACE"], on_untagged=collect)
        return completion, prefixes[0] if completion.ok and prefixes else b""

    def list_mailboxes(
        self, pattern: bytes, *, selection: bytes = b"", returning: bytes = b""
    ) -> tuple[Completion, Sequence[Mailbox]]:
        """LIST "" pattern, with selection and return options of LIST-EXTENDED where they are given."""
        listed: list[Mailbox] = []

        def collect(response: Response) -> None:
            if response.name == b"LIST":
                if len(listed) >= _MAX_LISTED:
                    raise broken(f"more than {_MAX_LISTED} mailboxes")
                listed.append(mailbox_of(response))

        options = selection + b" " if selection else b""
        tail = b" RETURN " + returning if returning else b""
        completion = self._engine.command([b"LIST " + options + b'"" ', string(pattern), tail], on_untagged=collect)
        return completion, listed

    def examine(self, mailbox: bytes) -> Completion:
        """EXAMINE, never SELECT: the mailbox is opened read-only (with CONDSTORE, RFC 7162, where offered)."""
        tail = b" (CONDSTORE)" if self.offers("CONDSTORE") else b""
        return self._engine.command([b"EXAMINE ", string(mailbox), tail])

    def quota_root(self, mailbox: bytes) -> tuple[Completion, list[Resource] | None]:
        """GETQUOTAROOT (RFC 9208): the resources of all quota roots of `mailbox`; None where one cannot be read.

        What cannot be read was framed well, so that the session goes on.
        """
        resources: list[Resource] = []
        unreadable = False

        def collect(response: Response) -> None:
            nonlocal unreadable
            if response.name == b"QUOTA":
                try:
                    resources.extend(resources_of(response))
                except CheckFailure:
                    unreadable = True

        completion = self._engine.command([b"GETQUOTAROOT ", string(mailbox)], on_untagged=collect)
        return completion, None if unreadable else resources

    @property
    def offers_quota(self) -> bool:
        """QUOTA (RFC 2087), or one of the resources of RFC 9208."""
        return self.offers("QUOTA") or self._engine.capabilities.offers_kind("QUOTA=")

    @property
    def expunged(self) -> bool:
        """Since the latest search the server said that some message is gone."""
        return self._engine.expunged

    def search(
        self, keys: Sequence[Part], *, charset: bytes | None = b"US-ASCII", keep: int = 0
    ) -> tuple[Completion, Found]:
        """UID SEARCH, with RETURN () where ESEARCH is offered (RFC 4731).

        An answer may come as ESEARCH, as SEARCH, or not at all where nothing matched. `keep` UIDs, the
        lowest ones, are returned one by one.
        """
        head = b"UID SEARCH "
        if self.offers("ESEARCH"):
            head += b"RETURN () "
        if charset is not None:
            head += b"CHARSET " + charset + b" "
        collector = SearchCollector(self._engine.next_tag, keep)
        self._engine.expunged = False
        completion = self._engine.command([head, *keys], on_untagged=collector.take, stream=collector)
        return completion, collector.found()

    def fetch(
        self, uid: int, *, internal_date: bool, limit: int | None, keep: int
    ) -> tuple[Completion, Fetched | None]:
        """UID FETCH of the whole message without setting a flag; octets are counted and not kept.

        Returns None for the message if the server sent none. Raises `message_too_large` too.
        """
        policy = BodyPolicy(min(limit or MAX_BODY, MAX_BODY), keep, uid)
        fetched: list[Fetched] = []
        announced: list[int | None] = [None]

        def collect(response: Response) -> None:
            if response.name == b"FETCH":
                if (message := fetched_message(response, uid)) is None:
                    policy.announced = announced[-1]  # it was another message's
                else:
                    fetched.append(message)
                    announced.append(policy.announced)

        items = b"(INTERNALDATE BODY.PEEK[])" if internal_date else b"(BODY.PEEK[])"
        command = [b"UID FETCH %d " % uid + items]
        try:
            completion = self._engine.command(command, on_untagged=collect, body=policy, secrecy="body")
        except CheckFailure as failure:
            if policy.announced is not None and failure.type is not FailureType.MESSAGE_TOO_LARGE:
                raise policy.too_large() from failure
            raise
        message = _whole(fetched)
        if completion.ok and message is not None and message.size > policy.limit:
            policy.announced = message.size
        if policy.announced is not None:
            raise policy.too_large(ends_session=False)
        return completion, message


def _whole(fetched: Sequence[Fetched]) -> Fetched | None:
    """The message that was told, the last time if more than once; an empty one contradicts one that is not."""
    if not fetched:
        return None
    different = not fetched[-1].size and any(earlier.size for earlier in fetched)
    return fetched[-1]._replace(contradicted=True) if different else fetched[-1]
