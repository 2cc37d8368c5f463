"""What all commands share."""

import re
from collections.abc import Callable

from imapcheck.imap.completion import Completion
from imapcheck.imap.idling import IdlingEngine
from imapcheck.network.transport import Wire
from imapcheck.transcript import Redactor, Transcript

type Remark = Callable[[str], None]
"""Takes one line for the detail of the step under way."""

_ALERT = re.compile(rb"^\[ALERT[^\]]*\] ?", re.IGNORECASE)


class Commands:
    """Commands over one `Wire`. After a failure that ends the session `usable` is False: nothing more is sent.

    Every method raises `CheckFailure` with `timeout`, `connection_lost` or `protocol_error`; a NO or BAD is
    returned as a `Completion` unless the method says otherwise.
    """

    def __init__(self, wire: Wire, redactor: Redactor, transcript: Transcript) -> None:
        self.wire = wire
        self.preauthenticated = False
        self._broken: set[str] = set()
        self._listed = 0
        self._redactor = redactor
        self._engine = IdlingEngine(wire, redactor, transcript)

    @property
    def usable(self) -> bool:
        return self._engine.usable

    @property
    def asides(self) -> tuple[Completion, ...]:
        """What the server said besides answering the latest command: an untagged NO or BAD, and BYE."""
        return tuple(said for said in (self._engine.complaint, self._engine.bye) if said is not None)

    @property
    def alerts(self) -> tuple[str, ...]:
        """The words that the server wants shown (ALERT, RFC 9051 section 7.1), redacted, each once."""
        return tuple(self._redactor.show(_ALERT.sub(b"", text)) for text in self._engine.alerts)

    @property
    def utf8_names(self) -> bool:
        """Mailbox names are UTF-8: the server offers IMAP4rev2 and nothing older (RFC 9051 section 5.1)."""
        return self.offers("IMAP4REV2") and not self.offers("IMAP4REV1")

    def capabilities(self) -> frozenset[str]:
        """All that the server last said, in upper case."""
        return self._engine.capabilities.names()

    def offers(self, capability: str) -> bool:
        """The server advertises it, or IMAP4rev2, which implies it (RFC 9051 appendix E)."""
        return self._engine.capabilities.offers(capability)

    def plain_if_refused[T](
        self, extension: str, send: Callable[[bool], T], fault: Callable[[T], str | None], remark: Remark
    ) -> T:
        """`send(True)`, which uses `extension`; where that has a `fault`, once more in the plain form: `send(False)`.

        Not everything that is advertised works, and mail clients live with that. Where the plain form worked, the
        session uses the extension no more. Without an extension (``) the plain form is all there is.
        """
        if not extension or extension in self._broken:
            return send(False)
        answer = send(True)
        told = fault(answer)
        if told is None:
            return answer
        remark(f"{extension}: {told}; sent once more without it")
        answer = send(False)
        if fault(answer) is None:
            self._broken.add(extension)
        return answer


def refusal[T](answer: tuple[Completion, T]) -> str | None:
    """The server's words where it answered NO or BAD."""
    completion, _ = answer
    return None if completion.ok else completion.words
