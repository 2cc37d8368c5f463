"""Commands of the login: AUTHENTICATE, LOGIN and ID (RFC 9051 sections 6.2.2 and 6.2.3, RFC 2971)."""

from collections.abc import Callable

from imapcheck.imap.commands.command import Commands
from imapcheck.imap.completion import Completion
from imapcheck.imap.encoder import Part, Secret, secret_string, string
from imapcheck.login.exchange import Aside, Exchange
from imapcheck.login.mechanisms import Mechanism


class LoginCommands(Commands):
    """Each login returns its completion, and whether the server volunteered its capabilities with it."""

    def mechanisms(self) -> list[str]:
        """The SASL mechanisms on offer, at most ten, for a person."""
        return [self._redactor.clean_line(name, 40) for name in self._engine.capabilities.mechanisms()]

    def authenticate(self, mechanism: Mechanism, aside: Callable[[], Aside]) -> tuple[Completion, bool]:
        """AUTHENTICATE, on one line where the server offers SASL-IR (RFC 4959); answers are computed `aside`."""
        told = self._engine.capabilities.told
        exchange = Exchange(mechanism, self._redactor, aside)
        command: list[Part] = [b"AUTHENTICATE " + mechanism.name.encode()]
        if self.offers("SASL-IR") and (initial := exchange.initial_response()) is not None:
            command += [b" ", Secret(initial)]
        completion = self._engine.command(command, on_continuation=exchange.answer, secrecy="login")
        exchange.conclude(completion.ok)
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
