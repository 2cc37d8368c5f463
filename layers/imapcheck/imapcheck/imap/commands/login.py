"""Commands of the login: AUTHENTICATE, LOGIN and ID (RFC 9051 sections 6.2.2 and 6.2.3, RFC 2971)."""

from collections.abc import Callable

from imapcheck.imap.commands.command import Commands, Remark
from imapcheck.imap.completion import Completion
from imapcheck.imap.encoder import Part, Secret, secret_string, string
from imapcheck.login.exchange import Aside, Exchange
from imapcheck.login.mechanisms import Mechanism


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
        lists = self._engine.capabilities.lists

        def send(on_one_line: bool) -> tuple[Completion, Exchange]:
            exchange = Exchange(mechanism, self._redactor, aside)
            command: list[Part] = [b"AUTHENTICATE " + mechanism.name.encode()]
            if on_one_line and (initial := exchange.initial_response()) is not None:
                command += [b" ", Secret(initial)]
            return self._engine.command(command, on_continuation=exchange.answer, secrecy="login"), exchange

        def not_understood(answer: tuple[Completion, Exchange]) -> str | None:
            completion, exchange = answer
            unheard = completion.status == "BAD" and not exchange.rounds
            return completion.words if unheard and not is_refused(completion) else None

        on_one_line = self.offers("SASL-IR") and mechanism.initial is not None
        extension = "initial response" if on_one_line else ""
        completion, exchange = self.plain_if_refused(extension, send, not_understood, remark)
        exchange.conclude(completion.ok)
        return completion, self._engine.capabilities.lists > lists

    def login(self, username: str, password: str) -> tuple[Completion, bool]:
        """The LOGIN command, for servers that offer no SASL mechanism of that name."""
        lists = self._engine.capabilities.lists
        user = string(username.encode(), shown=username.encode())
        command = [b"LOGIN ", user, b" ", secret_string(password.encode())]
        completion = self._engine.command(command, secrecy="login")
        return completion, self._engine.capabilities.lists > lists

    def id(self, version: str) -> Completion:
        """ID with our name and version (RFC 2971)."""
        return self._engine.command([b'ID ("name" "imapcheck" "version" "' + version.encode() + b'")'])
