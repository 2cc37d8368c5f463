"""SASL mechanisms as they run inside AUTHENTICATE (RFC 4422, RFC 9051 section 6.2.2).

A mechanism deals in decoded octets; the session does the base64 and the lines. Everything a mechanism
sends is masked in the transcript.
"""

import hmac
import json
from typing import Protocol

from imapcheck.errors import broken
from imapcheck.login.credentials import Credentials


class Mechanism(Protocol):
    """One exchange: `initial` is the initial response, None where the server speaks first."""

    name: str
    initial: bytes | None

    def respond(self, challenge: bytes) -> bytes:
        """The answer to a challenge; raises `CheckFailure` where there is none to give."""
        ...

    def finish(self) -> None:
        """Called at the tagged OK; raises `CheckFailure` where the server has not proved itself."""
        ...

    def explain(self) -> str | None:
        """What a challenge said about a refusal, if it said anything."""
        ...

    def is_secret(self, message: bytes) -> bool:
        """Whether a message is a secret wherever it is repeated, and not only where it is sent."""
        ...


class _Sasl:
    """What most mechanisms share: nothing to verify at the end, nothing to explain."""

    name: str
    initial: bytes | None = None

    def respond(self, challenge: bytes) -> bytes:
        raise broken(f"a challenge that is not part of {self.name}")

    def finish(self) -> None:
        """Nothing to verify."""

    def explain(self) -> str | None:
        return None

    def is_secret(self, message: bytes) -> bool:
        return True


class Plain(_Sasl):
    """PLAIN, RFC 4616: user name and password in one UTF-8 message."""

    name = "PLAIN"

    def __init__(self, username: str, password: str) -> None:
        self.initial = f"\0{username}\0{password}".encode()


class Login(_Sasl):
    """LOGIN, never standardised (draft-murchison-sasl-login): user name, then password, each when asked.

    The prompts' words differ between servers, so their order decides.
    """

    name = "LOGIN"

    def __init__(self, username: str, password: str) -> None:
        self._username = username.encode()
        self._answers = [self._username, password.encode()]

    def respond(self, challenge: bytes) -> bytes:
        return self._answers.pop(0) if self._answers else super().respond(challenge)

    def finish(self) -> None:
        if self._answers:
            raise broken("OK before it received any credentials")

    def is_secret(self, message: bytes) -> bool:
        """A name by itself, such as `mail`, would be masked inside the server's words too."""
        return message != self._username


class CramMd5(_Sasl):
    """CRAM-MD5, RFC 2195: the password keys a digest of the server's challenge."""

    name = "CRAM-MD5"

    def __init__(self, username: str, password: str) -> None:
        self._username, self._password = username.encode(), password.encode()
        self._answered = False

    def respond(self, challenge: bytes) -> bytes:
        if self._answered or not challenge:
            return super().respond(challenge)
        self._answered = True
        digest = hmac.new(self._password, challenge, "md5").hexdigest()
        return self._username + b" " + digest.encode()

    def finish(self) -> None:
        if not self._answered:
            raise broken("OK before it received any credentials")


class _Bearer(_Sasl):
    """What XOAUTH2 and OAUTHBEARER share: a refusal comes as a JSON challenge that wants an answer."""

    farewell: bytes

    def __init__(self) -> None:
        self._explanation: str | None = None

    def respond(self, challenge: bytes) -> bytes:
        self._explanation = _json_error(challenge)
        return self.farewell

    def explain(self) -> str | None:
        return self._explanation


class XOAuth2(_Bearer):
    """XOAUTH2 (Google's and Microsoft's, before RFC 7628); an error challenge is answered by an empty line."""

    name = "XOAUTH2"
    farewell = b""

    def __init__(self, username: str, token: str) -> None:
        super().__init__()
        self.initial = f"user={username}\1auth=Bearer {token}\1\1".encode()


class OAuthBearer(_Bearer):
    """OAUTHBEARER, RFC 7628; an error challenge is answered by a single %x01 (section 3.2.3)."""

    name = "OAUTHBEARER"
    farewell = b"\1"

    def __init__(self, username: str, token: str, host: str, port: int) -> None:
        super().__init__()
        identity = username.replace("=", "=3D").replace(",", "=2C")
        self.initial = f"n,a={identity},\1host={host}\1port={port}\1auth=Bearer {token}\1\1".encode()


def mechanism_for(authentication: str, credentials: Credentials, token: str | None, host: str, port: int) -> Mechanism:
    """The mechanism of a definition's `authentication`; raises `CredentialsError` where a password is missing."""
    username = credentials.username
    match authentication:
        case "xoauth2":
            return XOAuth2(username, token or "")
        case "oauthbearer":
            return OAuthBearer(username, token or "", host, port)
    password = credentials.require_password()
    match authentication:
        case "plain":
            return Plain(username, password)
        case "login":
            return Login(username, password)
        case "cram-md5":
            return CramMd5(username, password)
        case "scram-sha-1" | "scram-sha-256":
            from imapcheck.login.scram import Scram  # loaded only for the checks that use it

            return Scram(authentication.upper(), username, password)
    raise AssertionError(f"no mechanism for {authentication}")


def _json_error(challenge: bytes) -> str | None:
    """The members of a JSON error challenge as `key=value` words (RFC 7628 section 3.2.2)."""
    try:
        content = json.loads(challenge)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    known = (key for key in ("status", "error", "schemes", "scope") if isinstance(content.get(key), str | int))
    return " ".join(f"{key}={content[key]}" for key in known) or None
