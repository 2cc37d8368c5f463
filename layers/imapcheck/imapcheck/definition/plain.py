"""What a definition asks for, as the plain values that outputs, stories and the dashboard show."""

from imapcheck.asked import Asked
from imapcheck.definition.model import CheckDefinition
from imapcheck.text import printable


def plain(definition: CheckDefinition, file: str | None = None) -> Asked:
    """The values of `definition`, which stands in `file` as its readers know it."""
    search, send_secret = definition.search, definition.send_secret
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
        send_authentication=None if definition.send is None else definition.send.authentication,
        quota_warn_percent=definition.quota.warn_percent if definition.quota is not None else None,
        runs_outside=definition.runs_outside,
    )


def server_url(definition: CheckDefinition) -> str:
    """Where a check goes, by the one name that it has everywhere: `imaps://host:993/`."""
    scheme = "imaps" if definition.tls_mode == "implicit" else "imap"
    host = f"[{definition.host}]" if ":" in definition.host else definition.host
    return f"{scheme}://{host}:{definition.port}/"
