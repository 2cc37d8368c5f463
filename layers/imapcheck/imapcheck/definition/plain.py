"""What a definition asks for, as the plain values that outputs, stories and the dashboard show."""

from typing import Literal

from imapcheck.asked import Asked
from imapcheck.definition.access import Reached
from imapcheck.definition.model import CheckDefinition
from imapcheck.text import printable


def plain(definition: CheckDefinition, file: str | None = None) -> Asked:
    """The values of `definition`, which stands in `file` as its readers know it."""
    search, send, send_secret = definition.search, definition.send, definition.send_secret
    return Asked(
        server=server_url(definition),
        file=file,
        secret=None if definition.secret is None else printable(definition.secret),
        send_secret=None if send_secret is None else printable(send_secret),
        runbook=definition.alarms.runbook,
        timeout=definition.timeout,
        thresholds=dict(definition.thresholds),
        certificate_days=definition.alarms.certificate_days,
        mailbox=printable(search.mailbox) if search is not None else None,
        min_matches=search.min_matches if search is not None else None,
        max_age_seconds=search.max_age.total_seconds() if search is not None and search.max_age is not None else None,
        authentication=definition.authentication,
        send_server=None if send is None else server_url(send, "smtp"),
        send_authentication=None if send is None else send.authentication,
        quota_warn_percent=definition.quota.warn_percent if definition.quota is not None else None,
        runs_outside=definition.runs_outside,
    )


def server_url(server: Reached, protocol: Literal["imap", "smtp"] = "imap") -> str:
    """Where a check goes, by the one name that it has everywhere: `imaps://host:993/`."""
    scheme = f"{protocol}s" if server.tls_mode == "implicit" else protocol
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{scheme}://{host}:{server.port}/"
