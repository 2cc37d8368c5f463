"""A second connection that says what a check did to a mailbox, and what it did not."""

import ssl
from dataclasses import dataclass
from datetime import datetime

from imapclient import IMAPClient


@dataclass(frozen=True)
class Message:
    """What a message is to the probe: its flags, size and octets."""

    flags: frozenset[bytes]
    octets: bytes


type Snapshot = dict[str, dict[int, Message]]


class Probe:
    """Reads and writes mailboxes through imapclient, as any other client would."""

    def __init__(
        self, host: str, port: int, ca: str, username: str, password: str, *, server_name: str | None = None
    ) -> None:
        context = ssl.create_default_context(cafile=ca)
        context.check_hostname = server_name in (None, host)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._client = IMAPClient(host, port, ssl=True, ssl_context=context)
        self._client.plain_login(username, password)

    def close(self) -> None:
        self._client.logout()

    def put(self, mailbox: str, message: bytes, arrived: datetime | None = None, flags: tuple[bytes, ...] = ()) -> None:
        self._client.append(mailbox, message, flags=flags, msg_time=arrived)

    def create(self, mailbox: str) -> None:
        if not self._client.folder_exists(mailbox):
            self._client.create_folder(mailbox)

    def delete(self, mailbox: str) -> None:
        if self._client.folder_exists(mailbox):
            self._client.delete_folder(mailbox)

    def empty(self, mailbox: str) -> None:
        self._client.select_folder(mailbox)
        if uids := self._client.search("ALL"):
            self._client.delete_messages(uids)
            self._client.expunge()
        self._client.unselect_folder()

    def snapshot(self) -> Snapshot:
        """Every message of every mailbox; \\Recent, which is no client's doing, is left out."""
        found: Snapshot = {}
        for attributes, _, name in self._client.list_folders():
            if b"\\Noselect" in attributes:
                continue
            self._client.select_folder(name, readonly=True)
            fetched = self._client.fetch(self._client.search("ALL"), ["FLAGS", "BODY.PEEK[]"])
            found[name] = {
                uid: Message(frozenset(data[b"FLAGS"]) - {b"\\Recent"}, data[b"BODY[]"])
                for uid, data in fetched.items()
            }
        return found
