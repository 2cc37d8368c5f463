"""Commands of the login: AUTHENTICATE, LOGIN and ID (RFC 9051 sections 6.2.2 and 6.2.3, RFC 2971)."""

import base64
import binascii
from collections.abc import Callable
from contextlib import AbstractContextManager

from imapcheck.errors import CheckFailure, ImapcheckError
from imapcheck.imap.commands.command import Commands, Remark
from imapcheck.imap.completion import Completion
from imapcheck.imap.decoder import broken
from imapcheck.imap.encoder import Part, Secret, secret_string, string
from imapcheck.login.mechanisms import Mechanism
from imapcheck.transcript import Redactor

type Aside = AbstractContextManager[None]

_MAX_CHALLENGES = 10


class LoginCommands(Commands):
    """Each login returns its completion, and whether the server volunteered its capabilities with it."""

    def mechanisms(self) -> list[str]:
        """The SASL mechanisms on offer, at most ten, for a person."""
        return [self._redactor.clean_line(name, 40) for name in self._engine.capabilities.mechanisms()]

    def authenticate(
        self, mechanism: Mechanism, aside: Callable[[], Aside], is_refused: Callable[[Completion], bool], remark: Remark
    ) -> tuple[Completion, bool]:
        """AUTHENTICATE, on one line where the server offers SASL-IR (RFC 4959); answers are computed `aside`.

        BAD to the one line, before anything else was asked for, is no refusal of the login unless `is_refused` says so.
        """
        told = self._engine.capabilities.told

        def send(initial_response: bool) -> tuple[Completion, _Authentication]:
            exchange = _Authentication(mechanism, self._redactor, aside)
            command = exchange.command(initial_response=initial_response)
            return self._engine.command(command, on_continuation=exchange.answer, secrecy="login"), exchange

        def not_understood(answer: tuple[Completion, _Authentication]) -> str | None:
            completion, exchange = answer
            unheard = completion.status == "BAD" and not exchange.rounds
            return completion.words if unheard and not is_refused(completion) else None

        on_one_line = self.offers("SASL-IR") and mechanism.initial is not None
        extension = "initial response" if on_one_line else ""
        completion, exchange = self.plain_if_refused(extension, send, not_understood, remark)
        exchange.conclude(completion)
        return completion, self._engine.capabilities.told > told

    def login(self, username: str, password: str) -> tuple[Completion, bool]:
        """The LOGIN command, for servers that offer no SASL mechanism of that name."""
        told = self._engine.capabilities.told
        user = string(username.encode(), shown=username.encode())
        command = [b"LOGIN ", user, b" ", secret_string(password.encode())]
        completion = self._engine.command(command, secrecy="login")
        return completion, self._engine.capabilities.told > told

    def id(self, version: str) -> Completion:
        """ID with our name and version (RFC 2971)."""
        return self._engine.command([b'ID ("name" "imapcheck" "version" "' + version.encode() + b'")'])


class _Authentication:
    """One exchange: the command, an answer to each challenge, and what the completion is worth.

    Answers are computed `aside`: some mechanisms hash for longer than the server takes. Whatever secret is
    sent is known to the redactor from then on. `rounds` is the number of challenges so far.
    """

    def __init__(self, mechanism: Mechanism, redactor: Redactor, aside: Callable[[], Aside]) -> None:
        self._mechanism = mechanism
        self._redactor = redactor
        self._aside = aside
        self._initial = mechanism.initial
        self.rounds = 0
        self._failure: CheckFailure | None = None

    def command(self, *, initial_response: bool) -> list[Part]:
        """The command, with the mechanism's first message on the same line if it may be (SASL-IR, RFC 4959)."""
        command: list[Part] = [b"AUTHENTICATE " + self._mechanism.name.encode()]
        if self._initial is not None and initial_response:
            command += [b" ", Secret(self._encoded(self._initial) or b"=")]
            self._initial = None
        return command

    def answer(self, challenge: bytes) -> bytes:
        """The line that answers a continuation; `*` cancels the exchange, and `conclude` says why."""
        with self._aside():
            answer = self._answer(challenge)
        return b"*" if answer is None else self._encoded(answer)

    def conclude(self, completion: Completion) -> None:
        """Raises `CheckFailure` where the exchange was cancelled, or where OK came before the login was tested."""
        if self._failure is not None:
            raise self._failure
        if completion.ok:
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
