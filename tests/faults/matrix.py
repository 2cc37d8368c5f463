"""Every step by every fault: what a check must say. One table; the tests run it, docs/failures.md shows it.

    python -m faults.matrix > docs/failures.md      (make docs)

`-` marks what cannot be: a fault that does not exist at that step. A type in brackets, as `(refused)`, is the
step's status in a run that stays available.
"""

from dataclasses import dataclass

from imapcheck.errors import Category, FailureType

_COLUMNS = (
    "hang drip close reset BYE NO BAD garbage wrong-tag endless-line endless-lines huge-literal echo stops-midway"
)
FAULTS = tuple(_COLUMNS.split())

_TABLE = """
tls          timeout not_imap connection_lost connection_lost not_imap not_imap not_imap tls_handshake_failed - not_imap - - - -
greeting     timeout timeout connection_lost connection_lost greeting_rejected protocol_error protocol_error not_imap not_imap protocol_error - - - timeout
capability   timeout timeout connection_lost connection_lost connection_lost command_rejected command_rejected protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
starttls     timeout timeout connection_lost connection_lost connection_lost starttls_unavailable starttls_unavailable protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
authenticate timeout timeout connection_lost connection_lost connection_lost authentication_failed command_rejected protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
id           timeout timeout connection_lost connection_lost connection_lost (refused) (refused) protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
namespace    timeout timeout connection_lost connection_lost connection_lost (refused) (refused) protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
list         timeout timeout connection_lost connection_lost connection_lost (refused) (refused) protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
examine      timeout timeout connection_lost connection_lost connection_lost command_rejected command_rejected protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
search       timeout timeout connection_lost connection_lost connection_lost command_rejected command_rejected protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
fetch        timeout timeout connection_lost connection_lost connection_lost command_rejected command_rejected protocol_error protocol_error protocol_error timeout|protocol_error message_too_large protocol_error timeout
locate_sent  timeout timeout connection_lost connection_lost connection_lost command_rejected command_rejected protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
append       timeout timeout connection_lost connection_lost connection_lost command_rejected command_rejected protocol_error protocol_error protocol_error timeout|protocol_error protocol_error protocol_error timeout
cleanup      (refused) (refused) (refused) (refused) (refused) (refused) (refused) (refused) (refused) (refused) (refused) (refused) (refused) (refused)
logout       (refused) (refused) (refused) (refused) (passed) (refused) (refused) (refused) (refused) (refused) (refused) (refused) (refused) (refused)
"""


@dataclass(frozen=True)
class Expected:
    """What a run must say: one of `types`, or, where it stays available, the step's `status`."""

    step: str
    fault: str
    types: frozenset[str]
    status: str | None


def expectations() -> list[Expected]:
    """Every combination that is possible."""
    found = []
    for line in _TABLE.strip().splitlines():
        step, *cells = line.split()
        for fault, cell in zip(FAULTS, cells, strict=True):
            if cell.startswith("("):
                found.append(Expected(step, fault, frozenset(), cell.strip("()")))
            elif cell != "-":
                found.append(Expected(step, fault, frozenset(cell.split("|")), None))
    return found


MEANINGS: dict[FailureType, tuple[str, str]] = {
    FailureType.NAME_NOT_RESOLVED: ("There is no such name, or it has no address.", "Look at the zone; was the name misspelt in the definition?"),
    FailureType.RESOLVER_FAILED: ("The name server did not answer, or answered with an error.", "Look at the resolver of the network the check runs in."),
    FailureType.CONNECTION_REFUSED: ("The host is up; nothing listens on that port.", "Start the service; look at the port."),
    FailureType.NETWORK_UNREACHABLE: ("There is no route to the host.", "Look at routes and security groups; IPv6 needs a dual-stack VPC."),
    FailureType.CONNECTION_LOST: ("The connection ended in the middle of the step named, after BYE in the server's words.", "Look at the server's log at that time: a crash, a restart, a limit, a load balancer."),
    FailureType.CERTIFICATE_EXPIRED: ("The certificate has expired: no mail client connects any more.", "Renew it and reload the server."),
    FailureType.CERTIFICATE_NOT_YET_VALID: ("The certificate is not valid yet.", "Look at the server's clock and at what was installed."),
    FailureType.CERTIFICATE_NAME_MISMATCH: ("The certificate is for other names.", "Serve the right one, or set tls.server_name."),
    FailureType.CERTIFICATE_UNTRUSTED: ("No authority that is trusted has signed the chain.", "Serve the intermediates; for a private authority set tls.ca_file."),
    FailureType.CERTIFICATE_INVALID: ("The certificate is refused for another reason, which the detail gives.", "Read the detail; issue a new one."),
    FailureType.TLS_HANDSHAKE_FAILED: ("The two sides found no common protocol or cipher, or what came was no TLS.", "Look at the server's TLS settings and at tls.minimum_version."),
    FailureType.STARTTLS_UNAVAILABLE: ("The server does not offer STARTTLS, refuses it, or greets with PREAUTH.", "Switch STARTTLS on, or use imaps://."),
    FailureType.AUTHENTICATION_FAILED: ("The server refused the user name and password, or could not prove that it knows them (SCRAM).", "Put the right password into the secret; look at the account."),
    FailureType.AUTHENTICATION_UNAVAILABLE: ("The login service is down: UNAVAILABLE, SERVERBUG, INUSE, LIMIT (RFC 5530).", "Look at the directory or database behind the logins."),
    FailureType.AUTHENTICATION_PAUSED: ("The login was withheld after refusals, so as not to lock the mailbox out.", "Put the right password into the secret: the next run takes it."),
    FailureType.MECHANISM_NOT_OFFERED: ("The server does not offer the mechanism of the definition, or no login without TLS.", "Set authentication to one that the detail lists."),
    FailureType.GREETING_REJECTED: ("The server greeted with BYE: it serves nobody, or not us.", "Read its words: maintenance, too many connections, a block list."),
    FailureType.NOT_IMAP: ("Something else answers on that port; the detail names it.", "Look at server and port of the definition: imaps:// or imap://?"),
    FailureType.PROTOCOL_ERROR: ("The server broke the grammar of IMAP.", "Read the transcript: a proxy in between, or a bug of the server."),
    FailureType.COMMAND_REJECTED: ("The server answered NO or BAD to a command that must work.", "Read the server's words in the detail."),
    FailureType.MAILBOX_NOT_FOUND: ("The mailbox does not exist, or no sent mailbox could be found.", "Create it, or set search.mailbox or new_message.mailbox."),
    FailureType.OVER_QUOTA: ("The mailbox is full.", "Make room; set new_message.keep_for."),
    FailureType.NO_MATCH: ("The server works; fewer messages match than min_matches.", "Where does that mail come from, and where did it go?"),
    FailureType.TOO_OLD: ("The server works; the newest match is older than max_age.", "Delivery has stopped: look at the queue and the sender."),
    FailureType.MESSAGE_TOO_LARGE: ("The newest match is larger than max_size, or than 25 MiB.", "Search for another message, or raise max_size."),
    FailureType.TIMEOUT: ("The step named had no complete answer in time.", "Look at load, disk and network of what that step needs."),
}  # fmt: skip

REFERENCE_CLASS = {
    Category.DNS: "DNS", Category.CONNECTION: "Connection", Category.SSL: "SSL", Category.AUTHENTICATION: "Response",
    Category.RESPONSE: "Response", Category.CONTENT: "Response", Category.TIMEOUT: "Timeout",
}  # fmt: skip


def document() -> str:
    """docs/failures.md."""
    lines = [
        "# Failures",
        "",
        "<!-- Generated from tests/faults/matrix.py by `make docs`; the tests there run every cell. -->",
        "",
        "`failure` in a result is the first thing that made the run unavailable: the step, a type, its category, one line of",
        "detail with the server's own words, and the server's response code where it gave one (RFC 5530).",
        "",
        "| type | category | what it means | what to do |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{t.value}` | `{t.category.value}` | {m} | {a} |" for t, (m, a) in MEANINGS.items()]
    lines += [
        "",
        "## The reference product's classes",
        "",
        "| our category | its class |",
        "|---|---|",
        *(f"| `{category.value}` | {name} |" for category, name in REFERENCE_CLASS.items()),
        "",
        "## Every step by every fault",
        "",
        "What is in brackets is the step's status in a run that stays available. `|` separates what depends on the machine's",
        "speed: a flood ends at the limit on octets or at the deadline.",
        "",
        "| step | " + " | ".join(FAULTS) + " |",
        "|---" * (len(FAULTS) + 1) + "|",
    ]
    for line in _TABLE.strip().splitlines():
        step, *cells = line.split()
        shown = [cell.replace("|", " or ") for cell in cells]
        lines.append(f"| `{step}` | " + " | ".join(shown) + " |")
    return "\n".join(lines).replace("`|` separates", "`or` separates") + "\n"


if __name__ == "__main__":
    print(document(), end="")
