"""Every step by every fault: what a check must say. One table; the tests run it, docs/failures.md shows it.

    python -m faults.matrix > docs/failures.md      (make docs)

`-` marks a fault that does not exist at that step. A type in brackets, as `(refused)`, is the
step's status in a run that stays available.
"""

from dataclasses import dataclass

from imapcheck.failures import Category, FailureType

_COLUMNS = (
    "hang drip close reset BYE NO BAD garbage wrong-tag endless-line endless-lines huge-literal echo stops-midway"
)
FAULTS = tuple(_COLUMNS.split())

_TABLE = """
tls          timeout not_imap connection_lost connection_lost not_imap not_imap not_imap tls_handshake_failed - not_imap - - - -
greeting     timeout timeout connection_lost connection_lost greeting_rejected greeting_rejected greeting_rejected not_imap not_imap protocol_error - - - timeout
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


REFERENCE_CLASS = {
    Category.DNS: "DNS", Category.CONNECTION: "Connection", Category.SSL: "SSL", Category.AUTHENTICATION: "Response",
    Category.RESPONSE: "Response", Category.CONTENT: "Response", Category.TIMEOUT: "Timeout",
}  # fmt: skip


def document() -> str:
    """docs/failures.md."""
    lines = [
        "# Failures",
        "",
        "<!-- Generated from imapcheck/failures.py and tests/faults/matrix.py by `make docs`; the tests there run every cell. -->",
        "",
        "`failure` in a result is the first failure that made the run unavailable. It has the step, a type, its category, and one",
        "line of detail with the server's own words. If the server gave a response code (RFC 5530), it has that too.",
        "",
        "| type | category | what it means | what to do |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{t.value}` | `{t.category.value}` | {t.meaning} | {t.advice} |" for t in FailureType]
    lines += [
        "",
        "## The reference product's classes",
        "",
        "| our category | the reference product's class |",
        "|---|---|",
        *(f"| `{category.value}` | {name} |" for category, name in REFERENCE_CLASS.items()),
        "",
        "## Every step by every fault",
        "",
        "The columns are faults of a test server. A type in brackets is the step's status in a run that stays available. `-` marks",
        "a fault that does not exist at that step. `|` separates results that depend on the machine's speed: a flood of lines ends",
        "at the size limit or at the deadline.",
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
