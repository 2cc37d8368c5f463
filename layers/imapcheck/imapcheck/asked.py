"""What a check's definition asks for, as whoever shows a run needs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """Plain values; None is what the definition does not say.

    Of a definition that could not be read only the `file` is known. `server` and `send_server` are URLs, `mailbox` is
    the one that is searched, `timeout` in seconds, `thresholds` in milliseconds by the step's name or `total`,
    `authentication` and `send_authentication` are mechanisms, `time_zone` is that of its readers (IANA).
    """

    server: str | None = None
    file: str | None = None
    secret: str | None = None
    send_secret: str | None = None
    runbook: str | None = None
    timeout: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    certificate_days: float = 14
    mailbox: str | None = None
    min_matches: int | None = None
    max_age_seconds: float | None = None
    quota_warn_percent: float | None = None
    authentication: str | None = None
    send_server: str | None = None
    send_authentication: str | None = None
    time_zone: str | None = None
    runs_outside: bool = False
