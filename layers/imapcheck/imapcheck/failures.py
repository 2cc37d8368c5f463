# ruff: noqa: E501 - a table
"""The types of failure: one row says all that is known of each, and adding a type begins with its row.

docs/failures.md is made from the rows, `imapcheck explain` displays them, stories and advice are worded by them.
"""

from enum import StrEnum
from typing import NamedTuple, Self


class Category(StrEnum):
    """The closed list of failure categories (docs/failures.md)."""

    DNS = "dns"
    CONNECTION = "connection"
    SSL = "ssl"
    AUTHENTICATION = "authentication"
    RESPONSE = "response"
    CONTENT = "content"
    TIMEOUT = "timeout"


DOWN, SENDING_DOWN = "DOWN", "SENDING DOWN"


class Row(NamedTuple):
    """What is known of one type.

    `meaning` says what has happened and `advice` what to do first; `headline` is for a subject.
    `in_story` is what a story adds to the detail instead of the meaning: empty where the detail says it all. `word` is a
    story's first word. `hosted`: the server's provider may help. `passes`: it may be gone a second later. `may_lock`:
    another try may lock the account.

    A story puts names in place of `the secret or the credentials file`, `the definition`, `such mailbox` and
    `behind the failed step`; in a headline, in place of `{step}`.
    """

    category: Category
    headline: str
    meaning: str
    advice: str
    in_story: str | None = None
    word: str = DOWN
    hosted: bool = True
    passes: bool = False
    may_lock: bool = False


_REFUSED_CERTIFICATE = "the check refused the certificate and sent no password"
_RIGHT_PASSWORD = "Put the right password into the secret or the credentials file; the next run uses it. If it is right, check whether the account is locked."  # noqa: S105 - advice


class FailureType(StrEnum):
    """The closed list of failure types."""

    category: Category
    headline: str
    meaning: str
    advice: str
    in_story: str | None
    word: str
    hosted: bool
    passes: bool
    may_lock: bool

    def __new__(cls, value: str, row: Row) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        vars(member).update(row._asdict())
        return member

    @property
    def explained_by(self) -> tuple[bool, bool]:
        """Sorts failures of one run: what ends a session explains what was then not found, and not the reverse."""
        return self.word not in (DOWN, SENDING_DOWN), self.category is Category.CONTENT

    # fmt: off
    NAME_NOT_RESOLVED = "name_not_resolved", Row(
        Category.DNS, "no such name in DNS",
        "The name does not exist, or it has no address.",
        "Check whether the DNS record still exists and the domain is still registered, then check the name in the definition.",
        in_story="", passes=True,
    )
    RESOLVER_FAILED = "resolver_failed", Row(
        Category.DNS, "DNS gives no answer",
        "The name servers gave no usable answer, so it is not known whether the name exists.",
        "Resolve the name from another network. If that fails too, check the zone's name servers. If not, check the resolver of the check's network.",
        passes=True,
    )
    CONNECTION_REFUSED = "connection_refused", Row(
        Category.CONNECTION, "connection refused",
        "No service listens on that port, or a firewall rejects connections.",
        "Check whether the mail service runs and listens, then firewall and load balancer, then the port in the definition.",
        passes=True,
    )
    NETWORK_UNREACHABLE = "network_unreachable", Row(
        Category.CONNECTION, "no route to the server",
        "There is no route to the host.",
        "Check routes, firewalls and security groups between the check and the server.",
        in_story="", passes=True,
    )
    CONNECTION_LOST = "connection_lost", Row(
        Category.CONNECTION, "connection lost in {step}",
        "The connection ended in the middle of the step.",
        "Look into the server's log at the time of the failure: a crash, a restart, a limit or a load balancer.",
        passes=True,
    )
    CERTIFICATE_EXPIRED = "certificate_expired", Row(
        Category.SSL, "certificate expired",
        "The certificate has expired: mail clients reject it or show a warning.",
        "Renew the certificate and reload the mail server; then find out why it was not renewed.",
        in_story=_REFUSED_CERTIFICATE,
    )
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid", Row(
        Category.SSL, "certificate not yet valid",
        "The certificate is not valid yet.",
        "Check the clock of this machine, then the dates of the certificate that was installed.",
        in_story=_REFUSED_CERTIFICATE,
    )
    CERTIFICATE_NAME_MISMATCH = "certificate_name_mismatch", Row(
        Category.SSL, "certificate is for other names",
        "The certificate is for other names.",
        "Check where the name points and which certificate is loaded there. If another name is right, set tls.server_name.",
        in_story=_REFUSED_CERTIFICATE,
    )
    CERTIFICATE_UNTRUSTED = "certificate_untrusted", Row(
        Category.SSL, "certificate not trusted",
        "No trusted authority has signed the chain.",
        "Check which certificate was installed, and serve its intermediate certificates. For a private authority set tls.ca_file.",
        in_story=_REFUSED_CERTIFICATE,
    )
    CERTIFICATE_INVALID = "certificate_invalid", Row(
        Category.SSL, "certificate invalid",
        "The certificate was refused for another reason; the detail names it.",
        "Check which certificates the server sends, those of the chain too, and replace the faulty one.",
        in_story=_REFUSED_CERTIFICATE,
    )
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed", Row(
        Category.SSL, "TLS handshake failed",
        "The two sides could not agree on TLS, or the answer was not TLS.",
        "Check TLS versions (tls.minimum_version), ciphers and client certificates on the server and on any proxy in front of it.",
    )
    STARTTLS_UNAVAILABLE = "starttls_unavailable", Row(
        Category.SSL, "no STARTTLS",
        "The server does not offer STARTTLS, refuses it, or greets with PREAUTH.",
        "Check whether STARTTLS is switched off, or whether something in between removes it. Otherwise use imaps:// in the definition.",
        in_story="the check sent no password",
    )
    AUTHENTICATION_FAILED = "authentication_failed", Row(
        Category.AUTHENTICATION, "login refused",
        "The server refused the login, or (with SCRAM) could not prove that it knows the password.",
        _RIGHT_PASSWORD,
        in_story="the server refused the login", may_lock=True,
    )
    AUTHENTICATION_UNAVAILABLE = "authentication_unavailable", Row(
        Category.AUTHENTICATION, "the server cannot check logins",
        "The server cannot verify logins right now; this says nothing about the credentials.",
        "Check the directory or database behind the logins, and its connection limits. Keep the credentials as they are.",
        passes=True,
    )
    AUTHENTICATION_PAUSED = "authentication_paused", Row(
        Category.AUTHENTICATION, "login paused after a refusal",
        "The check did not log in: after a refused login, more tries could lock the account.",
        _RIGHT_PASSWORD, may_lock=True,
    )
    MECHANISM_NOT_OFFERED = "mechanism_not_offered", Row(
        Category.AUTHENTICATION, "login mechanism not offered",
        "The server does not offer the definition's login mechanism, or offers no login without TLS.",
        "Check the server's login settings. If they are as intended, set authentication in the definition to a mechanism that it offers.",
        in_story="",
    )
    GREETING_REJECTED = "greeting_rejected", Row(
        Category.RESPONSE, "turned away at the greeting",
        "The server turned the check away with its greeting: it refuses everyone, or only this address.",
        "Check the server's log for the reason: a limit, a block, or a service that is not ready.",
    )
    NOT_IMAP = "not_imap", Row(
        Category.RESPONSE, "something else answers on that port",
        "Something unexpected answers on that port.",
        "Check which service or proxy answers on that port and where it forwards to, then check the server in the definition.",
    )
    NOT_SMTP = "not_smtp", Row(
        Category.RESPONSE, "something else answers where mail is sent",
        "Something unexpected answers where mail should be submitted.",
        "Check which service or proxy answers on that port and where it forwards to, then check send.server in the definition.",
        word=SENDING_DOWN,
    )
    PROTOCOL_ERROR = "protocol_error", Row(
        Category.RESPONSE, "broken answer to {step}",
        "The server broke the rules of its protocol, IMAP or SMTP.",
        "Read the answer in the transcript. Then check whether the server, or a proxy in front of it, was updated.",
    )
    COMMAND_REJECTED = "command_rejected", Row(
        Category.RESPONSE, "the server refused {step}",
        "The server refused a command that must work.",
        "Search the server's log for the words of its refusal, at the time of the failure.",
    )
    MAILBOX_NOT_FOUND = "mailbox_not_found", Row(
        Category.RESPONSE, "the account sees no such mailbox",
        "The server works, but the account sees no such mailbox.",
        "Find out who renamed, moved or deleted it, or removed the account's rights. Restore it, or name the new one in the definition.",
        word="MAILBOX MISSING", hosted=False,
    )
    OVER_QUOTA = "over_quota", Row(
        Category.RESPONSE, "no room for a new message",
        "The server works, but the mailbox has no room left.",
        "Make room in the mailbox or raise its quota. If the check's own messages fill it, set new_message.keep_for.",
        word="MAILBOX FULL",
    )
    SUBMISSION_REFUSED = "submission_refused", Row(
        Category.RESPONSE, "the sending server refused the message",
        "The sending server refused the message for good (5xx).",
        "Check what the server's words name (sender, recipient, rights of the account, a block list), then its log.",
        word="SENDING REFUSED",
    )
    SUBMISSION_DEFERRED = "submission_deferred", Row(
        Category.RESPONSE, "the sending server did not take the message now",
        "The sending server did not take the message now (4xx): greylisting, a limit, or a problem behind it.",
        "Wait for the next run if the server's words name a limit or greylisting, which pass by themselves. Otherwise check its log and queue.",
        word="SENDING DEFERRED",
    )
    NOT_DELIVERED = "not_delivered", Row(
        Category.CONTENT, "a sent message has not arrived",
        "Both servers work, but an accepted message has not arrived in time.",
        "Look for the message's queue id in the sending server's log and queue, then look in the receiving server's log.",
        in_story="both servers work", word="NOT DELIVERED",
    )
    DELIVERED_TO_JUNK = "delivered_to_junk", Row(
        Category.CONTENT, "a sent message arrived in junk",
        "Both servers work, but the message arrived in the junk mailbox.",
        "Check which of SPF, DKIM and DMARC fails, whether the sending address is on a block list, and why the filter marked it as junk.",
        in_story="both servers work", word="IN JUNK",
    )
    NO_MATCH = "no_match", Row(
        Category.CONTENT, "fewer messages found than expected",
        "The server works, but fewer messages match than min_matches.",
        "Look for the message in the account's archive, junk and trash. If it is in none of them, check the server's log or ask the sender.",
        in_story="the server works", word="MAIL MISSING", hosted=False,
    )
    TOO_OLD = "too_old", Row(
        Category.CONTENT, "the newest message is too old",
        "The server works, but the newest match is older than max_age.",
        "Look for newer mail in the server's delivery queue and in the junk mailbox. If there is none in either, ask the sender.",
        in_story="the server works", word="NO NEW MAIL", hosted=False,
    )
    MESSAGE_TOO_LARGE = "message_too_large", Row(
        Category.CONTENT, "the newest message is too large",
        "The server works, but the newest match is larger than max_size, or than 25 MiB.",
        "Check who sent the newest match. Raise search.max_size in the definition only if you expect mail of that size.",
        in_story="the server works", word="MAIL TOO LARGE", hosted=False,
    )
    TIMEOUT = "timeout", Row(
        Category.TIMEOUT, "{step} timed out",
        "The step got no complete answer in time.",
        "Check the load, disk and network behind the failed step, then repeat the check by hand.",
        passes=True,
    )
    # fmt: on
