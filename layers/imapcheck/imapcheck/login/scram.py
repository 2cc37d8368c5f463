"""SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677) through scramp, without channel binding.

Python offers no channel binding for TLS 1.3, so none is used.
"""

import re

from scramp import ScramClient, ScramException

from imapcheck.errors import CheckFailure, CredentialsError, broken
from imapcheck.failures import FailureType

_LEAST_ITERATIONS, _MOST_ITERATIONS = 4096, 1_000_000
_LEAST_SALT = 12
"""What scramp takes (RFC 7677 section 4 asks for that many iterations), and what does not outlast the deadline."""
_ITERATIONS = re.compile(r"[1-9][0-9]{0,18}")


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
        if text.startswith("e=") and self._stage <= 2:
            # RFC 5802 section 7: the server's reason; the refusal itself comes with the tagged answer.
            self._server_error = error[0] if (error := re.match(r"[a-z-]{1,40}", text[2:])) else "other-error"
            self._stage = 2
            return b""
        if self._stage == 1:
            return self._client_final(text)
        if self._stage == 2:
            self._take_signature(text)
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

    def _client_final(self, server_first: str) -> bytes:
        _refuse_parameters(self.name, server_first)
        try:
            self._client.set_server_first(server_first)
            final: str = self._client.get_client_final()
        except (ScramException, ValueError, KeyError, IndexError) as error:
            raise _unusable(self.name, _reason(error)) from None
        return final.encode()

    def _take_signature(self, server_final: str) -> None:
        try:
            self._client.set_server_final(server_final)
        except (ScramException, ValueError, KeyError, IndexError) as error:
            raise _unproved(_reason(error)) from None
        self._proved = True


def _refuse_parameters(name: str, server_first: str) -> None:
    """Refuse what is too weak, and what would outlast the deadline; neither says anything about the password."""
    attributes = [part.split("=", 1) for part in server_first.split(",") if part[1:2] == "="]
    counts = [value for key, value in attributes if key == "i"]
    if len(counts) != 1 or not _ITERATIONS.fullmatch(counts[0]):
        raise _unusable(name, "an iteration count that cannot be")
    iterations = int(counts[0])
    if not _LEAST_ITERATIONS <= iterations <= _MOST_ITERATIONS:
        raise _not_taken(name, f"{iterations} iterations; from {_LEAST_ITERATIONS} to {_MOST_ITERATIONS} are taken")
    for salt in (value for key, value in attributes if key == "s"):
        length = len(salt.rstrip("=")) * 3 // 4
        if length < _LEAST_SALT:
            raise _not_taken(name, f"a salt of {length} bytes; at least {_LEAST_SALT} are taken")


def _reason(error: Exception) -> str:
    return str(error.args[0]) if isinstance(error, ScramException) and error.args else type(error).__name__


def _unusable(name: str, what: str) -> CheckFailure:
    return broken(f"a {name} challenge that cannot be used: {what}")


def _not_taken(name: str, what: str) -> CheckFailure:
    """No word about the password: nothing was sent, and no login is withheld after it."""
    return CheckFailure(
        FailureType.MECHANISM_NOT_OFFERED,
        f"the server offers {name} with {what}: have it store the password anew, or set authentication to another"
        " mechanism",
    )


def _unproved(why: str) -> CheckFailure:
    return CheckFailure(
        FailureType.AUTHENTICATION_FAILED,
        f"the server could not prove that it knows the password ({why}): it may not be the server it says it is",
    )
