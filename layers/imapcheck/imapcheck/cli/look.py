"""What a server says of itself, read from the results of two short runs: one without a login, one with."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from imapcheck.check.run import run_check
from imapcheck.definition.files import parse_definition
from imapcheck.definition.model import Authentication, CheckDefinition
from imapcheck.login.credentials import Credentials
from imapcheck.result import CheckResult

# Over TLS the password is safe with the simplest, which every server offers; then those that hide it.
_PREFERRED: tuple[Authentication, ...] = ("plain", "scram-sha-256", "scram-sha-1", "login", "cram-md5")
_TOKEN: tuple[Authentication, ...] = ("oauthbearer", "xoauth2")
_CAPABILITIES = re.compile(r"^S: (?:\* CAPABILITY |.*?\[CAPABILITY )([^\]]*)")
_LISTED = re.compile(r'^S: \* LIST \(([^)]*)\) (?:"[^"]*"|NIL) (?:"((?:[^"\\]|\\.)*)"|(\S+))$')
_WORDS_OF_SENT = ("sent", "sent items", "sent messages")


@dataclass(frozen=True)
class Look:
    """A server as it showed itself: `result` is the run's; `sent` is what `search.mailbox` calls the sent mailbox."""

    definition: CheckDefinition
    result: CheckResult
    mechanisms: tuple[str, ...] = ()
    sent: str | None = None

    @property
    def authentication(self) -> Authentication | None:
        """The login with a password that suits, or None where the server offers none that we know."""
        return next((name for name in _PREFERRED if name in self.mechanisms), None)

    @property
    def token_authentication(self) -> Authentication | None:
        """The login with an OAuth2 token, or None."""
        return next((name for name in _TOKEN if name in self.mechanisms), None)


def look(server: str, tls: dict[str, str], directory: Path) -> Look:
    """TLS and capabilities. A bare host is tried on 993 with TLS, then on 143 with STARTTLS.

    `tls` is the definition's, whose `ca_file` stands in `directory`. Raises `DefinitionError`.
    """
    looked = _look(_definition(server, tls, directory))
    if looked.result.available or "://" in server or ":" in server:
        return looked
    if looked.result.failure is not None and looked.result.failure.step not in ("connect", "tls"):
        return looked
    again = _look(_definition(f"imap://{server}/", tls, directory))
    return again if again.result.available else looked


def log_in(looked: Look, credentials: Credentials, authentication: Authentication, directory: Path) -> Look:
    """The mailboxes, as far as a login shows them; `result` says whether it worked."""
    content = looked.definition.model_dump(mode="json", by_alias=True, exclude_unset=True)
    definition = parse_definition({**content, "authentication": authentication}, source="init", directory=directory)
    result = run_check(definition, credentials)
    return replace(looked, result=result, sent=_sent(result))


def _definition(server: str, tls: dict[str, str], directory: Path) -> CheckDefinition:
    content = {"name": "init", "server": server, "authentication": "none", "timeout": 20, "tls": tls}
    return parse_definition(content, source="init", directory=directory)


def _look(definition: CheckDefinition) -> Look:
    result = run_check(definition)
    return Look(definition, result, _mechanisms(result))


def _mechanisms(result: CheckResult) -> tuple[str, ...]:
    """The last that the server said counts: after STARTTLS it may offer more."""
    said = [match[1].lower().split() for line in result.transcript if (match := _CAPABILITIES.match(line))]
    words = said[-1] if said else []
    mechanisms = [word.removeprefix("auth=") for word in words if word.startswith("auth=")]
    plain_login = [] if "logindisabled" in words or "login" in mechanisms else ["login"]
    return (*mechanisms, *plain_login)


def _sent(result: CheckResult) -> str | None:
    r"""`\Sent` where a mailbox has that special use, else the usual name that exists."""
    listed = [match for line in result.transcript if (match := _LISTED.match(line))]
    if any("\\sent" in match[1].lower().split() for match in listed):
        return "\\Sent"
    names = {(match[2] or match[3] or "").lower(): match[2] or match[3] for match in listed}
    return next((names[word] for word in _WORDS_OF_SENT if word in names), None)
