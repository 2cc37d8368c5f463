"""SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677) through scramp, without channel binding.

Python offers no channel binding for TLS 1.3, so none is used.
"""

import re
from collections.abc import Callable

from scramp import ScramClient, ScramException

from imapcheck.errors import CheckFailure, CredentialsError
from imapcheck.failures import FailureType

_MOST_ITERATIONS = 1_000_000


class Scram:
    """One SCRAM exchange; the server must prove that it knows the password before a login counts.

    Raises `CredentialsError` for a name or password that SASLprep (RFC 4013) forbids.
    """

    def __init__(self, name: str, username: str, password: str) -> None:
        self.name = name
        try:
            self._client = ScramClient([name], username, password)
        except ScramException as error:
            words = f"credentials: username or password: {name} cannot carry it ({type(error).__name__})"
            raise CredentialsError(words) from None
        self._stage = 0
        self._proved = False
        self._server_error: str | None = None
        self.initial: bytes | None = self._client.get_client_first().encode()

    def respond(self, challenge: bytes) -> bytes:
        """The client-final message, then an empty one for the server's signature."""
        self._stage += 1
        text = challenge.decode("utf-8", "replace")
        if self._stage == 1:
            _refuse_costly(text)
            return self._guarded(self._client.set_server_first, text, self._client.get_client_final).encode()
        if self._stage == 2:
            if text.startswith("e="):
                # RFC 5802 section 7: the server's reason; the refusal itself comes with the tagged answer.
                self._server_error = error[0] if (error := re.match(r"[a-z-]{1,40}", text[2:])) else "other-error"
                return b""
            self._guarded(self._client.set_server_final, text, str)
            self._proved = True
            return b""
        raise _unproved("challenge after challenge")

    def finish(self) -> None:
        """Raise where the server let us in without proving that it knows the password."""
        if not self._proved:
            raise _unproved("no signature came")

    def is_secret(self, message: bytes) -> bool:
        return True

    def explain(self) -> str | None:
        return self._server_error

    def _guarded(self, take: Callable[[str], object], text: str, then: Callable[[], str]) -> str:
        try:
            take(text)
            return then()
        except (ScramException, ValueError, KeyError, IndexError) as error:
            # scramp also refuses parameters that are too weak: its words say which.
            raise _unproved(str(error) if isinstance(error, ScramException) else type(error).__name__) from None


def _refuse_costly(server_first: str) -> None:
    """An iteration count decides how long we compute: a hostile one would outlast the deadline."""
    counts = [part[2:] for part in server_first.split(",") if part.startswith("i=")]
    if len(counts) != 1 or not counts[0].isdigit() or not 1 <= int(counts[0][:9]) <= _MOST_ITERATIONS:
        raise _unproved("an iteration count that cannot be")


def _unproved(why: str) -> CheckFailure:
    return CheckFailure(
        FailureType.AUTHENTICATION_FAILED,
        f"the server could not prove that it knows the password ({why}): it may not be the server it says it is",
    )
