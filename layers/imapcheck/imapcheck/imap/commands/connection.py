"""Commands of a connection: greeting, CAPABILITY, STARTTLS and LOGOUT (RFC 9051 sections 6.1, 6.2.1 and 7.1)."""

from imapcheck.errors import CheckFailure, broken
from imapcheck.failures import FailureType
from imapcheck.imap.commands.command import Commands
from imapcheck.network.tls import TlsConnection, TlsContext


class ConnectionCommands(Commands):
    """What needs no login."""

    def greeting(self) -> None:
        """Wait for the greeting (RFC 9051 section 7.1); raises `greeting_rejected` or `not_imap` too."""
        greeting = self._engine.greeting()
        match greeting.status:
            case "OK":
                return
            case "PREAUTH":
                self.preauthenticated = True
            case "BYE" | "NO" | "BAD":
                self._engine.abandon()
                raise greeting.rejected(FailureType.GREETING_REJECTED)
            case _:
                self._engine.abandon()
                raise broken(f"something else instead of a greeting: {greeting.words}")

    def capability(self) -> None:
        """CAPABILITY; raises `command_rejected` too."""
        lists = self._engine.capabilities.lists
        completion = self._engine.command([b"CAPABILITY"])
        if not completion.ok:
            raise completion.rejected()
        if self._engine.capabilities.lists == lists:
            raise broken("OK to CAPABILITY but no list of capabilities")

    def starttls(self) -> None:
        """STARTTLS up to the tagged OK (RFC 9051 section 6.2.1); raises `starttls_unavailable` too."""
        completion = self._engine.command([b"STARTTLS"])
        if not completion.ok:
            raise completion.rejected(FailureType.STARTTLS_UNAVAILABLE)
        if self.wire.unread():
            self._engine.abandon()
            raise broken("data between its OK to STARTTLS and TLS (response injection)")

    def start_tls(self, context: TlsContext, server_name: str, *, implicit: bool) -> TlsConnection:
        """The TLS handshake. After STARTTLS all that the server said before is forgotten."""
        return self._engine.start_tls(context, server_name, implicit=implicit)

    def logout(self) -> str | None:
        """LOGOUT; returns None where it went well, else what did not. BYE and the end of the connection is well."""
        try:
            completion = self._engine.command([b"LOGOUT"])
        except CheckFailure as failure:
            left = self._engine.bye is not None and failure.type in (
                FailureType.CONNECTION_LOST, FailureType.TLS_HANDSHAKE_FAILED,
            )  # fmt: skip
            return None if left else failure.detail
        finally:
            self._engine.abandon()
        return None if completion.ok else f"the server answered {completion.words}"
