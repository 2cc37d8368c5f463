"""Commands that read: NAMESPACE, LIST, EXAMINE, SEARCH and FETCH (RFC 9051 sections 6.3 and 6.4); none sets a flag."""

import re
from collections.abc import Callable, Sequence

from imapcheck.errors import CheckFailure, broken
from imapcheck.failures import FailureType
from imapcheck.imap.commands.command import Commands, Remark, refusal
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
from imapcheck.imap.decoder import MAX_BODY, BodyPolicy, Response
from imapcheck.imap.encoder import Part, string
from imapcheck.imap.mailboxes import is_special
from imapcheck.imap.search_result import Matches, SearchCollector
from imapcheck.wording import count

_MAX_LISTED = 20_000
_UID_NEXT = re.compile(rb"\[UIDNEXT ([0-9]{1,10})\]", re.IGNORECASE)
_MAX_LISTED_IN_ALL = 80_000
"""Of one LIST, and of all of a session: a mailbox that is kept takes some 500 octets besides its name."""


class ReadingCommands(Commands):
    """What a check looks at. The mailbox is opened read-only."""

    uid_next: int | None = None

    def namespace(self) -> tuple[Completion, bytes]:
        """NAMESPACE (RFC 2342); returns the prefix of the first personal namespace, empty where there is none."""
        prefixes: list[bytes] = []

        def collect(response: Response) -> None:
            if response.name == b"NAMESPACE" and not prefixes:
                prefixes.append(personal_prefix(response))

        completion = self._engine.command([b"NAMESPACE"], on_untagged=collect)
        return completion, prefixes[0] if completion.ok and prefixes else b""

    def list_mailboxes(self, pattern: bytes) -> tuple[Completion, list[Mailbox]]:
        """LIST "" pattern."""
        return self._list(pattern)

    def list_special(self, remark: Remark) -> tuple[Completion, list[Mailbox]]:
        """The mailboxes with a special use (RFC 6154); servers may tell it in a plain LIST of all, too."""

        def send(selecting: bool) -> tuple[Completion, list[Mailbox]]:
            if selecting:
                return self._list(b"*", selection=b"(SPECIAL-USE) ")
            return self._list(b"*", keep=is_special)

        return self.plain_if_refused("LIST (SPECIAL-USE)", send, refusal, remark)

    def list_top_level(
        self, prefix: bytes, remark: Remark, suffices: Callable[[list[Mailbox]], bool]
    ) -> tuple[Completion, list[Mailbox]]:
        """One level below `prefix`; with RETURN (RFC 5258) where offered and what it gives `suffices`."""

        def send(returning: bool) -> tuple[Completion, list[Mailbox]]:
            return self._list(prefix + b"%", tail=b" RETURN (SUBSCRIBED CHILDREN)" if returning else b"")

        def fault(answer: tuple[Completion, list[Mailbox]]) -> str | None:
            _, mailboxes = answer
            return refusal(answer) or (None if suffices(mailboxes) else f"{count(len(mailboxes), 'mailbox')} listed")

        extension = "LIST … RETURN" if self.offers("LIST-EXTENDED") else ""
        return self.plain_if_refused(extension, send, fault, remark)

    def _list(
        self,
        pattern: bytes,
        *,
        selection: bytes = b"",
        tail: bytes = b"",
        keep: Callable[[Mailbox], bool] | None = None,
    ) -> tuple[Completion, list[Mailbox]]:
        listed: list[Mailbox] = []

        def collect(response: Response) -> None:
            if response.name == b"LIST":
                mailbox = mailbox_of(response)
                if keep is not None and not keep(mailbox):
                    return
                self._listed += 1
                for number, most in ((len(listed) + 1, _MAX_LISTED), (self._listed, _MAX_LISTED_IN_ALL)):
                    if number > most:
                        raise broken(f"more than {most} mailboxes")
                listed.append(mailbox)

        completion = self._engine.command([b"LIST " + selection + b'"" ', string(pattern), tail], on_untagged=collect)
        return completion, listed

    def examine(self, mailbox: bytes, remark: Remark) -> Completion:
        """EXAMINE, never SELECT: the mailbox is opened read-only (with CONDSTORE, RFC 7162, where offered).

        `uid_next` is then the UID that the next message in it will have, None where the server does not say it.
        """

        def send(condstore: bool) -> tuple[Completion, int | None]:
            told: list[int] = []

            def collect(response: Response) -> None:
                if response.name == b"OK" and (match := _UID_NEXT.match(response.text)):
                    told.append(int(match[1]))

            tail = b" (CONDSTORE)" if condstore else b""
            completion = self._engine.command([b"EXAMINE ", string(mailbox), tail], on_untagged=collect)
            return completion, told[-1] if told else None

        extension = "CONDSTORE" if self.offers("CONDSTORE") else ""
        completion, self.uid_next = self.plain_if_refused(extension, send, refusal, remark)
        return completion

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
        self,
        keys: Sequence[Part],
        remark: Remark,
        *,
        charset: bytes = b"US-ASCII",
        plain_keys: Sequence[Part] | None = None,
        keep: int = 0,
    ) -> tuple[Completion, Matches]:
        """UID SEARCH, with RETURN () where ESEARCH is offered (RFC 4731), and with the charset of its terms.

        An answer may come as ESEARCH, as SEARCH, or not at all where nothing matched. `keep` UIDs, the
        lowest ones, are returned one by one. The plain form names no charset where all is ASCII, and has
        `plain_keys` where `keys` need WITHIN (RFC 5032).
        """
        returning = b"RETURN () " if self.offers("ESEARCH") else b""
        named = b"CHARSET " + charset + b" "
        within = b"WITHIN" if plain_keys is not None else b""
        extension = (returning + (named if charset == b"US-ASCII" else b"") + within).decode().strip()

        def send(extended: bool) -> tuple[Completion, Matches]:
            if extended:
                return self._search([b"UID SEARCH " + returning + named, *keys], keep)
            head = b"UID SEARCH " + (b"" if charset == b"US-ASCII" else named)
            return self._search([head, *(keys if plain_keys is None else plain_keys)], keep)

        return self.plain_if_refused(extension, send, refusal, remark)

    def _search(self, command: Sequence[Part], keep: int) -> tuple[Completion, Matches]:
        collector = SearchCollector(self._engine.next_tag, keep)
        self._engine.expunged = False
        completion = self._engine.command(command, on_untagged=collector.take, stream=collector)
        return completion, collector.matches()

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
