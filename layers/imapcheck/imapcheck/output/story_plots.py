"""What each kind of alarm has to say when it rings: facts in, a plot out."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import TypedDict

from imapcheck.failures import FailureType
from imapcheck.output.story_causes import advice_of, behind, headline_of, may_have_changed, meaning_of, word_of
from imapcheck.output.story_ends import certificate_renewed, no_longer_slow, running_again, up
from imapcheck.output.story_facts import (
    Change,
    Evidence,
    Kind,
    MonitorError,
    Spell,
    certificate_days,
    clean,
    find_spell,
    type_of,
)
from imapcheck.output.story_plot import WORDS, Plot, bare, unfounded
from imapcheck.output.story_sentences import (
    address_of,
    attempts_of,
    certificate_left,
    certificate_names,
    exceeded,
    expiry_of,
    grown_most,
    growth_of,
    last_good,
    last_lines,
    matches_before,
    other_reasons,
    pause_of,
    reason_of,
    refusal_elsewhere,
    share_of,
    since_when,
    skipped,
    step_before,
    what_changed,
    words_of,
)
from imapcheck.output.story_words import clock, ms, stamp, timed_steps
from imapcheck.result import Asked, CheckResult
from imapcheck.text import count, days, duration

_URGENT_DAYS = 3
_CLOUDWATCHS_OWN = "Threshold Crossed"
"""How the reason of an alarm begins that rings for its metric; who sets one by hand gives another."""


def plot(change: Change, asked: Asked, evidence: Evidence) -> Plot:
    """The plot of one change; where the log gave nothing to go by, what the alarm itself says."""
    if change.kind is Kind.NOT_RUNNING:
        return _not_running(change, asked, evidence) if change.state == "ALARM" else running_again(change, evidence)
    spell = find_spell(change, evidence.runs)
    if change.kind is Kind.CERTIFICATE and change.state == "OK":
        return certificate_renewed(change, evidence)
    if spell is None:
        read = evidence.problem is None and evidence.looked_from is not None
        by_hand = evidence.runs or not change.reason.startswith(_CLOUDWATCHS_OWN)
        quiet = change.state == "ALARM" and read and by_hand
        return (unfounded if quiet else bare)(change, asked, evidence)
    tell = _RINGS[change.kind] if change.state == "ALARM" else _ENDS[change.kind]
    return tell(change, asked, spell)


class _SpellFields(TypedDict):
    since: datetime
    bad_runs: int
    run: CheckResult


def _spell(spell: Spell) -> _SpellFields:
    return {"since": spell.since, "bad_runs": len(spell.bad), "run": spell.told}


def _unavailable(change: Change, asked: Asked, spell: Spell) -> Plot:
    run, before = spell.told, spell.last_good
    mark = "not tried" if type_of(run) is FailureType.AUTHENTICATION_PAUSED else "failed"
    return Plot(
        word_of(run),
        (f": {headline_of(run, asked)}", f", {since_when(spell)}", f" ({share_of(spell)})"),
        f"{since_when(spell)}: {share_of(spell)} failed; {last_good(change, spell)}",
        f"{reason_of(run)}{meaning_of(run, asked)}",
        (*words_of(run), *refusal_elsewhere(run), *pause_of(spell)),
        what_changed(change, before) if may_have_changed(run) else "",
        advice_of(run, asked, worked_before=before is not None),
        timed_steps(run.step_ms, {} if run.failure is None else {run.failure.step: mark}),
        (
            *other_reasons(change, spell),
            *matches_before(change, run, before),
            *step_before(change, run, before),
            *skipped(run, before),
            *address_of(run),
            *certificate_left(run),
            *attempts_of(run),
        ),
        last_lines(run),
        **_spell(spell),
    )


def _slow(change: Change, asked: Asked, spell: Spell) -> Plot:
    run, before = spell.bad[0], spell.last_good
    passed = exceeded(run)
    over = [f"{item.name} took {ms(item.duration_ms)} (limit {ms(item.limit_ms)})" for item in passed]
    grown = grown_most(run, before)
    step = grown[0] if grown else next((item.name for item in passed if item.name != "total"), "")
    limits = f"thresholds.{passed[0].name}" if passed else "its limit"
    return Plot(
        "SLOW",
        (f": {over[0] if over else 'over a limit'}", f", {since_when(spell)}", f" ({share_of(spell)})"),
        f"{since_when(spell)}: {_were_slow(spell)}; {last_good(change, spell, 'quick')}",
        f"slow: works, but {over[0] if over else f'the whole took {ms(run.duration_ms)}'} in the last run",
        worked="Everything works, only slower: no hurry, unless users complain. ",
        advice=f"{what_changed(change, before, 'was quick')}Look at load, disk and network of {behind(step)}."
        f" If this speed is normal, raise {limits} in {asked.file or 'the definition'}.",
        steps=timed_steps(run.step_ms, {item.name: "over its limit" for item in passed if item.name != "total"}),
        facts=(
            *growth_of(change, grown, before),
            *(f"Also over: {item}." for item in over[1:]),
            *address_of(run),
            *certificate_left(run),
        ),
        **_spell(spell),
    )


def _were_slow(spell: Spell) -> str:
    share = share_of(spell)
    return f"{share} {'was' if share == 'the last run' else 'were'} slow"


def _certificate(change: Change, asked: Asked, spell: Spell) -> Plot:
    run = spell.bad[0]
    left = certificate_days(run) or 0.0
    limit = days(change.threshold or 0)
    when = "in working hours" if left >= _URGENT_DAYS else "now"
    return Plot(
        "CERTIFICATE",
        (f": expires in {days(left)}", f", on {expiry_of(run)}", "; nothing is broken yet"),
        f"{since_when(spell)}: fewer than {limit} left; nothing is broken yet",
        f"certificate: expires in {days(left)}, on {expiry_of(run)}",
        certificate_names(run.server.tls),
        worked="" if left < _URGENT_DAYS else "This can wait until morning. ",
        advice=f"Renew it {when} and reload the mail server; the next run sees it. Is renewal automatic? Then see why"
        " it has not run, or whether the old file is still loaded. Once expired, mail clients refuse it or warn."
        " Not your server? Tell the provider.",
        facts=address_of(run),
        **_spell(spell),
    )


def _not_running(change: Change, asked: Asked, evidence: Evidence) -> Plot:
    last = next(iter(evidence.runs), None)
    since = last.started_at if last is not None else change.at - change.period * change.periods
    told = f"since {stamp(since)}{'' if last is not None else ' or earlier'}"
    verdict = f" (last result, {'good' if last.available else 'failed'})" if last is not None else ""
    return Plot(
        WORDS[Kind.NOT_RUNNING][0],
        (f" {told}", f": {_stopped(evidence)}", "; the mail server was not tested"),
        f"{told}{verdict}: none for {count(change.periods, 'interval')} of {duration(change.period)}",
        f"monitor: {_monitor_says(change, evidence)}; the mail server was not tested",
        tuple(_shown(change, error) for error in evidence.errors[:1]),
        worked=what_changed(change, last, "worked" if last is None or last.available else "ran"),
        advice=_mend(asked, evidence),
        since=since,
        run=last,
    )


def _monitor_says(change: Change, evidence: Evidence) -> str:
    """The check's own errors; nothing of a cause that the log does not show."""
    if not evidence.errors:
        return evidence.problem or _stopped(evidence)
    first, last = (clock(error.at, change.at) for error in (evidence.errors[-1], evidence.errors[0]))
    when = f"at {last}" if len(evidence.errors) == 1 else f"{count(len(evidence.errors), 'time')}, {first} to {last}"
    return f"{_stopped(evidence)} {when} UTC"


def _stopped(evidence: Evidence) -> str:
    if evidence.errors:
        return "the check stopped with an error"
    return "the log names no cause" if evidence.problem is None else "why is not known"


def _shown(change: Change, error: MonitorError) -> str:
    """The error without what the reader knows: its class and the check's name."""
    return clean(re.sub(rf"^\w+: check {re.escape(change.check)}: ", "", error.text))


def _mend(asked: Asked, evidence: Evidence) -> str:
    """What to do about the newest error, or about silence."""
    if not evidence.errors:
        return (
            "See whether the schedule is on, and whether the alarm dead-letters or dropped-events rings;"
            " then look into the log of run_check."
        )
    text = evidence.errors[0].text
    if asked.secret is not None and "CredentialsError" in text and asked.secret in text:
        return _mend_credentials(text, asked.secret)
    if "DefinitionError" in text:
        return f"Correct {asked.file or 'the definition'} as the error says, and deploy it again."
    return "Put right what the error names, in this stack's account and Region; the next run tries again."


_UNREADABLE = re.compile(r"cannot be read: .*\((\w+)\)")
_MISSING = ("ResourceNotFoundException", "InvalidRequestException")
_REFUSED = ("AccessDeniedException", "DecryptionFailure")
_TOKEN_ENDPOINT = re.compile(r"token endpoint (\S+): (?!it refused with (?:invalid|unauthorized)_)")
_STORED = "in AWS Secrets Manager, in this stack's account and Region; the next run takes it."


def _mend_credentials(text: str, secret: str) -> str:
    """The secret is put right only where it is what is wrong: it may be missing, out of reach, or not even read."""
    if endpoint := _TOKEN_ENDPOINT.search(text):
        return (
            f"See whether {endpoint[1]} is the right token endpoint, whether it works, and whether run_check can reach"
            " it; the next run tries again."
        )
    reason = _UNREADABLE.search(text)
    if reason is None:
        return f"Put right the secret {secret} {_STORED}"
    if reason[1] in _MISSING:
        return f"Create or restore the secret {secret} {_STORED}"
    if reason[1] in _REFUSED:
        return (
            f"Let run_check read the secret {secret}: its name must begin with the stack's SecretPrefix, and a KMS key"
            " of your own must be the stack's SecretKmsKeyArn. The secret itself may be in order."
        )
    return (
        f"See whether AWS Secrets Manager has an outage, and, in a VPC, whether run_check can reach it;"
        f" leave the secret {secret} alone. The next run tries again."
    )


type _Teller = Callable[[Change, Asked, Spell], Plot]
_RINGS: dict[Kind, _Teller] = {Kind.UNAVAILABLE: _unavailable, Kind.SLOW: _slow, Kind.CERTIFICATE: _certificate}
_ENDS: dict[Kind, _Teller] = {Kind.UNAVAILABLE: up, Kind.SLOW: no_longer_slow}
