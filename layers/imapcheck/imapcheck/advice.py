# ruff: noqa: E501 - a table
"""What to do first where the server's words or the kind of login say more than the failure's type does.

Each row of `_READINGS` is a reading of some failures. The first that fits gives the advice and, for a subject, the
headline; where none fits, both are the type's own (`imapcheck.failures`).
"""

import re
from typing import NamedTuple

from imapcheck.failures import FailureType

_T = FailureType
OAUTH = frozenset({"xoauth2", "oauthbearer"})
"""The mechanisms that send an access token: where they are used, there is no password."""
_SAID = re.compile(r"\b(?:BYE|NO|BAD)\b(.*)", re.DOTALL)
_TURNED_AWAY = frozenset({_T.GREETING_REJECTED, _T.AUTHENTICATION_UNAVAILABLE, _T.CONNECTION_LOST, _T.COMMAND_REJECTED})


class Reading(NamedTuple):
    """For failures of these `types`: by the `words` of the server (or, with `ours`, of the detail), by the login."""

    types: frozenset[FailureType]
    advice: str
    headline: str | None = None
    words: str | None = None
    ours: bool = False
    mechanisms: frozenset[str] | None = None

    def fits(self, type: FailureType, detail: str, mechanism: str | None) -> bool:
        if type not in self.types or (self.mechanisms is not None and mechanism not in self.mechanisms):
            return False
        if self.words is None:
            return True
        said = _SAID.search(detail)
        text = detail if self.ours else said[1] if said is not None else ""
        return re.search(self.words, text, re.IGNORECASE) is not None


_CONNECTIONS = (
    r"\btoo many\b(?:\W+\w+){0,4}?\W+(?:connections?|sessions?|clients?|users?)\b|\btoo many (?:concurrent|simultaneous)"
    r"|\b(?:connections?|sessions?)\b.{0,40}\b(?:limit|exceed\w*|maximum|quota)\b|\b(?:limit|maximum|max)\b.{0,30}\b(?:connections?|sessions?)\b"
    r"|mail_max_userip|\bthrottl|\brate.?limit"
)
_PER_ADDRESS = r"\b(?:your|this|same|single|one|per|each|user ?\+ ?)(?: \w+)? ?(?:ip|address|host|client|network)\b|userip|\bip address\b"
_READINGS = (
    Reading(
        frozenset({_T.AUTHENTICATION_FAILED}), headline="the server refused the OAuth2 token", mechanisms=OAUTH,
        advice="Check the app's consent, its permission for this mailbox, and whether IMAP is enabled for the mailbox; then the provider's sign-in log at the time of the failure. The server refused a token, not a password.",
    ),
    Reading(
        frozenset({_T.AUTHENTICATION_PAUSED}), mechanisms=OAUTH,
        advice="Check the app's consent, its permission for this mailbox, and whether IMAP is enabled for the mailbox; the next try follows by itself. The server refused a token, not a password.",
    ),
    Reading(
        _TURNED_AWAY, headline="too many connections from the check's address", words=rf"(?=.*(?:{_CONNECTIONS}))(?=.*(?:{_PER_ADDRESS}))",
        advice="Find what else connects from the check's address: other checks, or clients behind the same NAT gateway. Run fewer at once, or raise the server's per-address limit (Courier: MAXPERIP; after the login, Dovecot: mail_max_userip_connections). Users at other addresses may be fine.",
    ),
    Reading(
        _TURNED_AWAY, headline="too many connections", words=_CONNECTIONS,
        advice="Count the server's open sessions and find who holds them; close what is not needed, or raise the connection limit. Users are turned away as well while the limit is reached.",
    ),
    Reading(
        _TURNED_AWAY, headline="the server is in maintenance or shutting down", words=r"\bmaintenance\b|\bshut(?:ting)? ?down\b|\bgoing down\b|\brestart|\bupgrad|\bmigrat",
        advice="Check whether this maintenance or restart was planned: the server itself announces it. Wait for its end if it was; if not, look into the server's log at the time of the failure.",
    ),
    Reading(
        frozenset({_T.GREETING_REJECTED}), headline="the server blocks the check's address", words=r"\bblock|\b(?:black|deny|ban) ?list|\bbanned\b|\bdenied\b|\bdenies\b|\bnot (?:allowed|permitted|authori[sz]ed|welcome)\b|\bforbidden\b|\breject|\breputation\b|\bspam|\bpolicy\b|\bblacklist",
        advice="Remove the check's address from the server's block list or firewall rules (fail2ban, for example), and find out what put it there. Clients at other addresses may be fine.",
    ),
    Reading(
        frozenset({_T.GREETING_REJECTED}), headline="the server takes no sessions right now", words=r"\bbusy\b|\boverload|\bload\b|\bresource|\bcapacity\b|\btemporar|\btry again\b|\blater\b|\bunavailable\b|\bmemory\b|\binternal\b|\bserverbug\b",
        advice="Check load, memory and process limits of the mail server and of what it logs in with: it says that it takes no sessions right now.",
    ),
    Reading(
        frozenset({_T.TIMEOUT}), words=r"try imaps://", ours=True,
        advice="Check whether this port expects TLS from the start; then write imaps:// in the definition. If it does not, check why the mail service hangs.",
    ),
    Reading(
        frozenset({_T.NOT_IMAP}), words=r"in clear text on a port where TLS was expected.*\bIMAP\b|\bIMAP in clear text", ours=True,
        advice="Check whether TLS was switched off on this port; if STARTTLS is meant, then write imap:// in the definition.",
    ),
)  # fmt: skip


def _reading(type: FailureType, detail: str, mechanism: str | None) -> Reading | None:
    return next((row for row in _READINGS if row.fits(type, detail, mechanism)), None)


def advice_for(type: FailureType, detail: str, mechanism: str | None = None) -> str:
    """What to do first about a failure with this detail; `mechanism` is the definition's `authentication`."""
    found = _reading(type, detail, mechanism)
    return type.advice if found is None else found.advice


def server_says_why(type: FailureType, detail: str) -> bool:
    """Whether the server's own words name the reason, so that nobody need look for one."""
    found = _reading(type, detail, None)
    return found is not None and found.words is not None and not found.ours


def headline_for(type: FailureType, detail: str, mechanism: str | None = None) -> str:
    """A few words for a subject; `{step}` stands for the failed step."""
    found = _reading(type, detail, mechanism)
    headline = None if found is None else found.headline
    return headline if headline is not None and type is not _T.CONNECTION_LOST else type.headline
