"""The alarm `not-running`: the monitor has published nothing for N intervals, so nobody knows how the server is."""

import re
from collections.abc import Sequence
from datetime import datetime

from imapcheck.alarms.alarm import Alarm, Signal
from imapcheck.alarms.bare import bare
from imapcheck.alarms.kind import AlarmKind, Change, Evidence, MonitorError, Plot, clean
from imapcheck.alarms.sentences import reason_of, what_changed
from imapcheck.alarms.spell import silence
from imapcheck.alarms.times import since_beside
from imapcheck.asked import Asked
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.monitoring import RunsOf, ScheduleDefinition
from imapcheck.definition.secret import place_of
from imapcheck.result import CheckResult
from imapcheck.wording import between, clock, clocks, count, date, elapsed

_LONGEST_WARM_UP = 2880
"""Minutes; CloudWatch takes no more (API reference, WarmUpConfiguration)."""


_VERDICTS = {"up": "good", "partial": "partial", "down": "failed"}


class NotRunning(AlarmKind):
    """It goes by runs that are not there."""

    name = "not-running"
    signal = Signal("Availability", "SampleCount")
    in_short = "the check has published nothing for N intervals"
    word, word_at_end = "NO RESULT", "RUNNING"
    looks_for = "run"
    urgent = True
    reminds = True
    reads_errors = True

    def alarm(self, definition: CheckDefinition, schedule: ScheduleDefinition) -> Alarm:
        """Missing data is what it is for, but not before a new schedule had the time to run."""
        intervals = definition.alarms.not_running
        look = (
            "Look at the machine outside the stack that runs this check, and at its network path to AWS."
            if definition.runs_outside
            else "Look at the stack's other alarms, then in the log for an error that names the check or its secret."
        )
        says = (
            f"The monitor itself is broken: the check {definition.label} has published nothing for {intervals}"
            f" intervals of {schedule.every}, so nobody knows whether {definition.host} works. {look}"
        )
        return Alarm(
            self.name, says, self.signal, "LessThanThreshold", 1, schedule.seconds, RunsOf(intervals, intervals),
            missing="breaching", warm_up=min(4 * schedule.seconds // 60 + 5, _LONGEST_WARM_UP),
        )  # fmt: skip

    def is_bad(self, run: CheckResult, change: Change) -> bool:
        return run.verdict == "down"

    def rule(self, change: Change) -> str:
        return f"no result for {count(change.periods, 'interval')} of {elapsed(change.period)}"

    def is_shown(self, change: Change, runs: Sequence[CheckResult], since: datetime) -> bool:
        return change.state == "ALARM" or bool(runs)

    def is_whole(self, change: Change, runs: Sequence[CheckResult]) -> bool:
        return bool(runs) if change.state == "ALARM" else silence(change, runs) is not None

    def start(self, change: Change, asked: Asked, evidence: Evidence) -> Plot:
        last = next(iter(evidence.runs), None)
        since = last.started_at if last is not None else change.at - change.period * change.periods
        earlier = "" if last is not None else " or earlier"
        told = f"since {date(since, change.at)}{earlier}"
        verdict = f"; last result {_VERDICTS[last.verdict]}" if last is not None else ""
        ran = last is not None and last.verdict == "down"
        return Plot(
            self.word,
            (f" {told}", f": {_stopped(asked, evidence)}", "; the mail server was not tested"),
            f"{since_beside(change, asked, since, earlier)}: none in"
            f" {count(change.periods, 'interval')} of {elapsed(change.period)}{verdict}",
            f"monitor: {_monitor_says(change, asked, evidence)}; the mail server was not tested",
            tuple(_shown(change, error) for error in evidence.errors[:1]),
            worked=what_changed(change, last, "still ran" if ran else "still worked"),
            advice=_fix(asked, evidence),
            since=since,
            run=last,
        )

    def end(self, change: Change, asked: Asked, evidence: Evidence) -> Plot:
        """How long there was no result, and what the newest says."""
        runs = evidence.runs
        if not runs:
            return bare(change, Asked(), evidence)
        silent, failed = silence(change, runs), runs[0].verdict == "down"
        error = tuple(f"the monitor's last error: {clean(item.text)}" for item in evidence.errors[:1])
        since, until = (silent[0].started_at, silent[1].started_at) if silent else (None, runs[-1].started_at)
        after = (
            f"since {date(until, change.at)}" if since is None else f"after {elapsed(until - since)} without a result"
        )
        return Plot(
            self.word_at_end,
            (f" again {after}",),
            _when_silent(change, since, until),
            f"the mail server was not tested meanwhile; the newest run says: {_VERDICTS[runs[0].verdict]}"
            f"{f', {reason_of(runs[0])}' if failed else ''}",
            error,
            advice="Do nothing now."
            if not failed
            else "Open the newest run on the dashboard: it failed. If the next ones fail too, the alarm unavailable"
            " follows with the reason.",
            since=since,
            until=until,
            run=runs[0],
        )


def _monitor_says(change: Change, asked: Asked, evidence: Evidence) -> str:
    """The check's own errors; nothing of a cause that the log does not show."""
    if not evidence.errors:
        return evidence.problem or _stopped(asked, evidence)
    first, last = evidence.errors[-1].at, evidence.errors[0].at
    times = f"{count(len(evidence.errors), 'time')}, {clocks(first, last, change.at)}"
    return f"{_stopped(asked, evidence)} {f'at {clock(last, change.at)}' if len(evidence.errors) == 1 else times}"


def _stopped(asked: Asked, evidence: Evidence) -> str:
    if evidence.errors:
        return f"the check stopped with an error{f' on {evidence.machine}' if evidence.machine else ''}"
    if asked.runs_outside and evidence.problem is None:
        return f"{_machine(evidence)} reports nothing"
    return "the log names no cause" if evidence.problem is None else "why is not known"


def _machine(evidence: Evidence) -> str:
    """The one outside that runs the check, as far as it is known."""
    return f"the machine {evidence.machine}" if evidence.machine is not None else "the machine outside"


def _shown(change: Change, error: MonitorError) -> str:
    """The error without what the reader knows: its class and the check's name."""
    return clean(re.sub(rf"^\w+: check {re.escape(change.check)}: ", "", error.text))


def _fix(asked: Asked, evidence: Evidence) -> str:
    """What to do about the newest error, or about silence."""
    if asked.runs_outside:
        return _fix_outside(evidence)
    if not evidence.errors:
        return (
            "Check in CloudWatch whether the stack's alarm dead-letters or dropped-events is in alarm, and in"
            " EventBridge Scheduler whether the check's schedule is enabled; then look into the log of"
            " run_check."
        )
    text = evidence.errors[0].text
    if asked.secret is not None and "CredentialsError" in text and asked.secret in text:
        return _fix_credentials(text, asked.secret)
    if "DefinitionError" in text:
        return f"Correct {asked.file or 'the definition'} as the error says, and deploy it again."
    return "Fix what the error names, in this stack's account and Region; the next run tries again."


def _fix_outside(evidence: Evidence) -> str:
    if evidence.errors:
        return f"Fix what the error names on {_machine(evidence)}; its next run tries again."
    return (
        f"Check that {_machine(evidence)} is up, that imapcheck runs there (journalctl -u imapcheck-outside), and"
        " that it reaches AWS."
    )


_UNREADABLE = re.compile(r"cannot be read: .*\((\w+)\)")
_MISSING = ("ResourceNotFoundException", "ParameterNotFound", "InvalidRequestException")
_REFUSED = ("AccessDeniedException", "DecryptionFailure")
_TOKEN_ENDPOINT = re.compile(r"token endpoint (\S+): (?!it refused with (?:invalid|unauthorized)_)")
_REFUSED_BY_ENDPOINT = re.compile(
    r"token endpoint \S+: it refused with ((?:invalid|unauthorized|unsupported|consent|interaction)_\w+)"
)
_PARTS = {
    "invalid_client": "client_id and client_secret (or the certificate in its place): a client secret expires",
    "invalid_grant": "refresh_token: it expired or was revoked, as by a changed password; get a new one. If there is"
    " none, check the key and the account that the grant is for",
    "unauthorized_client": "client_id: the app may not use this grant; give it the permission and the admin's consent",
    "invalid_scope": "scope: the provider does not know it, or the app may not ask for it",
    "invalid_request": "token_url or tenant_id, and the fields that the provider requires",
    "unsupported_grant_type": "token_url or tenant_id: the endpoint does not accept this kind of grant",
    "consent_required": "the app's consent: an admin must grant it",
    "interaction_required": "refresh_token: the provider wants a person to sign in again",
}
"""Which part of the secret an error code of the token endpoint is about (RFC 6749 section 5.2)."""
_STORED = "in {store}, in this stack's account and Region; the next run uses it."


def _fix_credentials(text: str, secret: str) -> str:
    """Fix the secret only where it is what is wrong: it may be missing, out of reach, or not even read."""
    if refused := _REFUSED_BY_ENDPOINT.search(text):
        part = next((part for code, part in _PARTS.items() if code == refused[1]), "its OAuth2 fields")
        stored = _STORED.format(store=place_of(secret).store)
        return f"Fix the secret {secret} {stored} The token endpoint refused it with {refused[1]}: check {part}."
    if endpoint := _TOKEN_ENDPOINT.search(text):
        return (
            f"Check whether {endpoint[1]} is the right token endpoint, whether it works, and whether run_check can"
            " reach it; the next run tries again."
        )
    reason, store = _UNREADABLE.search(text), place_of(secret).store
    if reason is None:
        return f"Fix the secret {secret} {_STORED.format(store=store)}"
    if reason[1] in _MISSING:
        return f"Create or restore the secret {secret} {_STORED.format(store=store)}"
    if reason[1] in _REFUSED:
        return (
            f"Let run_check read the secret {secret}: its name must begin with the stack's SecretPrefix, and a KMS key"
            " of your own must be the stack's SecretKmsKeyArn. The secret itself may be in order."
        )
    return (
        f"Check whether {store} has an outage, and, in a VPC, whether run_check can reach it;"
        f" leave the secret {secret} alone. The next run tries again."
    )


def _when_silent(change: Change, since: datetime | None, until: datetime) -> str:
    if since is None:
        return f"since {date(until, change.at)}: results arrive again"
    return f"after {elapsed(until - since)} without a result: {between(since, until, change.at)}"
