"""One SASL exchange as base64 lines, which IMAP's AUTHENTICATE and SMTP's AUTH share (RFC 4422 section 4).

Answers are computed `aside`: some mechanisms hash for longer than the server takes. Whatever secret is sent is known
to the redactor from then on.
"""

import base64
import binascii
from collections.abc import Callable
from contextlib import AbstractContextManager

from imapcheck.errors import CheckFailure, ImapcheckError, broken
from imapcheck.login.mechanisms import Mechanism
from imapcheck.transcript import Redactor

type Aside = AbstractContextManager[None]

_MAX_CHALLENGES = 10


class Exchange:
    """The mechanism's first message, an answer to each challenge, and what the server's OK is worth.

    `rounds` is the number of challenges so far.
    """

    def __init__(self, mechanism: Mechanism, redactor: Redactor, aside: Callable[[], Aside]) -> None:
        self._mechanism = mechanism
        self._redactor = redactor
        self._aside = aside
        self._initial = mechanism.initial
        self.rounds = 0
        self._failure: CheckFailure | None = None

    def initial_response(self, most: int | None = None) -> bytes | None:
        """The first message for the command's own line, at most `most` octets long; None where it must wait.

        An empty one is `=` (RFC 4959 section 3, RFC 4954 section 4).
        """
        if self._initial is None or (most is not None and (len(self._initial) + 2) // 3 * 4 > most):
            return None
        initial, self._initial = self._initial, None
        return self._encoded(initial) or b"="

    def answer(self, challenge: bytes) -> bytes:
        """The line that answers a challenge; `*` cancels the exchange, and `conclude` says why."""
        with self._aside():
            answer = self._answer(challenge)
        return b"*" if answer is None else self._encoded(answer)

    def conclude(self, ok: bool) -> None:
        """Raises `CheckFailure` where the exchange was cancelled, or where OK came before the login was tested."""
        if self._failure is not None:
            raise self._failure
        if ok:
            if self._initial is not None:
                raise broken("OK before it received any credentials")
            self._guarded(self._mechanism.finish)

    def _answer(self, challenge: bytes) -> bytes | None:
        self.rounds += 1
        if self._initial is not None:
            initial, self._initial = self._initial, None
            return initial
        try:
            if self.rounds > _MAX_CHALLENGES:
                raise broken("too many challenges")
            return self._guarded(lambda: self._mechanism.respond(_decoded(challenge)))
        except CheckFailure as failure:
            self._failure = failure
            return None

    def _guarded[T](self, step: Callable[[], T]) -> T:
        """What a server's octets make a mechanism, or a library below it, raise is the server's."""
        try:
            return step()
        except (CheckFailure, ImapcheckError, MemoryError):
            raise
        except Exception as error:
            raise broken(f"a {self._mechanism.name} challenge that cannot be used: {type(error).__name__}") from error

    def _encoded(self, message: bytes) -> bytes:
        encoded = base64.b64encode(message)
        if self._mechanism.is_secret(message):
            self._redactor.add(message)
            self._redactor.add(encoded)
        return encoded


def _decoded(challenge: bytes) -> bytes:
    """Some servers send LOGIN's prompts without encoding them."""
    try:
        return base64.b64decode(challenge, validate=True)
    except binascii.Error:
        return challenge
