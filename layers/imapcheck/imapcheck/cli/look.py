"""What a server says of itself, learnt in two short runs: one without a login, one with."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from imapcheck.check.observed import Observed
from imapcheck.check.run import run_check
from imapcheck.definition.access import Authentication
from imapcheck.definition.files import parse_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.plain import server_url
from imapcheck.failures import FailureType
from imapcheck.imap.data import Mailbox
from imapcheck.login.credentials import Credentials
from imapcheck.result import CheckResult
from imapcheck.wording import failure_line

# Over TLS the password is safe with the simplest, which every server offers; then those that hide it.
_PREFERRED: tuple[Authentication, ...] = ("plain", "scram-sha-256", "scram-sha-1", "login", "cram-md5")
_TOKEN: tuple[Authentication, ...] = ("oauthbearer", "xoauth2")
_WORDS_OF_SENT = ("sent", "sent items", "sent messages")


@dataclass(frozen=True)
class Look:
    """A server as it showed itself: `result` is the run's; `sent` is what `search.mailbox` calls the sent mailbox.

    `instead_of` is the URL that was tried first, where it did not work, for the `reason` in words.
    """

    definition: CheckDefinition
    result: CheckResult
    mechanisms: tuple[str, ...] = ()
    sent: str | None = None
    instead_of: str | None = None
    reason: str | None = None

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

    A port that greets in clear text is asked for STARTTLS there; what is given as a URL is tried as it stands.
    `tls` is the definition's, whose `ca_file` stands in `directory`. Raises `DefinitionError`.
    """
    looked = _look(_definition(server, tls, directory))
    failure = looked.result.failure
    if failure is None or "://" in server:
        return looked
    speaks_in_clear = failure.step == "tls" and failure.type is FailureType.NOT_IMAP
    if not speaks_in_clear and (_has_port(server) or failure.step not in ("connect", "tls")):
        return looked
    again = _look(_definition(f"imap://{_bracketed(server)}/", tls, directory))
    if not again.result.available:
        return looked
    reason = failure_line(failure.step, failure.type, failure.detail)
    return replace(again, instead_of=server_url(looked.definition), reason=reason)


def _has_port(server: str) -> bool:
    """`host:993` and `[::1]:993`; an address of IPv6 without brackets has none."""
    return server.rpartition("]")[2].count(":") == 1


def _bracketed(server: str) -> str:
    return server if server.startswith("[") or server.count(":") < 2 else f"[{server}]"


def log_in(looked: Look, credentials: Credentials, authentication: Authentication, directory: Path) -> Look:
    """The mailboxes, as far as a login shows them; `result` says whether it worked."""
    content = looked.definition.model_dump(mode="json", by_alias=True, exclude_unset=True)
    definition = parse_definition({**content, "authentication": authentication}, source="init", directory=directory)
    result = run_check(definition, credentials, observed=(observed := Observed()))
    return replace(looked, result=result, sent=_sent(observed.mailboxes))


def _definition(server: str, tls: dict[str, str], directory: Path) -> CheckDefinition:
    content = {"name": "init", "server": server, "authentication": "none", "timeout": 20, "tls": tls}
    return parse_definition(content, source="init", directory=directory)


def _look(definition: CheckDefinition) -> Look:
    result = run_check(definition, observed=(observed := Observed()))
    return Look(definition, result, _mechanisms(observed.capabilities))


def _mechanisms(capabilities: Collection[str]) -> tuple[str, ...]:
    words = {name.lower() for name in capabilities}
    mechanisms = sorted(word.removeprefix("auth=") for word in words if word.startswith("auth="))
    plain_login = [] if "logindisabled" in words or "login" in mechanisms else ["login"]
    return (*mechanisms, *plain_login)


def _sent(mailboxes: Collection[Mailbox]) -> str | None:
    r"""`\Sent` where a mailbox has that special use, else the usual name that exists."""
    if any("\\sent" in mailbox.attributes for mailbox in mailboxes):
        return "\\Sent"
    names = {name.lower(): name for mailbox in mailboxes if (name := mailbox.name.decode("ascii", "replace"))}
    return next((names[word] for word in _WORDS_OF_SENT if word in names), None)
