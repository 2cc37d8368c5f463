"""The alarm `certificate`: it expires in a few days, and nothing is broken yet."""

from collections.abc import Sequence

from imapcheck.alarms.alarm import Alarm, Signal
from imapcheck.alarms.bare import bare
from imapcheck.alarms.by_runs import ByRuns, fields_of
from imapcheck.alarms.kind import Change, Evidence, Plot, clean
from imapcheck.alarms.sentences import address_of, certificate_names, expiry_of, since_and_how_long
from imapcheck.alarms.spell import Spell, certificate_days
from imapcheck.asked import Asked
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.monitoring import RunsOf, ScheduleDefinition
from imapcheck.result import CheckResult, TlsFacts
from imapcheck.wording import date, days

_URGENT_DAYS = 5
"""Friday evening's five days end before a Wednesday."""


class Certificate(ByRuns):
    """A run that saw fewer days than the limit is bad; one that verified no certificate says nothing."""

    name, key = "certificate", "certificate_days"
    signal = Signal("CertificateDaysRemaining", "Minimum")
    in_short = "the certificate is valid for fewer than `alarms.certificate_days` days"
    word, word_at_end = "CERTIFICATE", "CERTIFICATE OK"
    looks_for = "run that saw so few days left"
    urgent = False
    reminds = True
    never = "no certificate is verified, so this is never in alarm"

    def alarm(self, definition: CheckDefinition, schedule: ScheduleDefinition) -> Alarm | None:
        if not definition.verifies_certificate:
            return None
        limit, runs = definition.alarms.certificate_days, RunsOf(1, 1)
        says = (
            f"The certificate of the mail server {definition.host} (check {definition.label}) is valid for fewer than"
            f" {limit} days. Once it expires, mail clients refuse it or warn. Renew it, and reload the server."
        )
        period = schedule.certificate_seconds
        return Alarm(self.name, says, self.signal, "LessThanThreshold", limit, period, runs, missing="ignore")

    def is_bad(self, run: CheckResult, change: Change) -> bool | None:
        left = certificate_days(run)
        return None if left is None else left < (change.threshold or 0)

    def rule(self, change: Change) -> str:
        return "the certificate has few days left"

    def start_of(self, change: Change, asked: Asked, spell: Spell) -> Plot:
        run = spell.bad[0]
        left = certificate_days(run) or 0.0
        limit = days(change.threshold or 0)
        when = "in working hours" if left >= _URGENT_DAYS else "now"
        return Plot(
            "CERTIFICATE",
            (f": expires in {days(left)}", f", on {expiry_of(run)}", "; nothing is broken yet"),
            f"{since_and_how_long(change, asked, spell)}: fewer than {limit} left; nothing is broken yet",
            f"certificate: expires in {days(left)}, on {expiry_of(run)}",
            certificate_names(run.server.tls),
            worked="" if left < _URGENT_DAYS else "Wait until morning: nothing is broken yet. ",
            advice=_renew(run.server.tls, when),
            facts=address_of(run),
            **fields_of(spell),
        )

    def end(self, change: Change, asked: Asked, evidence: Evidence) -> Plot:
        """The new date."""
        known = ((run, left) for run in evidence.runs if (left := certificate_days(run)) is not None)
        run, left = next(known, (None, 0.0))
        if run is None or left < (change.threshold or 0):
            return bare(change, Asked(), evidence)
        return Plot(
            "CERTIFICATE OK",
            (f": {days(left)} left", f", until {expiry_of(run)}"),
            f"since {date(change.at, change.at)}: {days(change.threshold or 0)} or more are left again",
            f"certificate: expires in {days(left)}, on {expiry_of(run)}",
            certificate_names(run.server.tls),
            advice="Do nothing now.",
            until=run.started_at,
            run=run,
        )

    def is_whole(self, change: Change, runs: Sequence[CheckResult]) -> bool:
        return bool(runs) if change.state == "OK" else super().is_whole(change, runs)


def _renew(tls: TlsFacts | None, when: str) -> str:
    """The server's own certificate is renewed; one above it comes from the authority, in the chain that is served."""
    if tls is not None and tls.certificate_expiring is not None:
        return (
            f"Have the server send the current chain of its authority {when}: what expires is"
            f" {clean(tls.certificate_expiring)}, above the server's own certificate. Once it expires, mail clients"
            " reject it. If you do not run this server, forward this message to its provider."
        )
    return (
        f"Renew it {when} and reload the mail server; the next run sees it. If renewal is automatic, find out why it"
        " has not run, or whether the old file is still loaded. Once it expires, mail clients reject it or"
        " show a warning. If you do not run this server, forward this message to its provider."
    )
