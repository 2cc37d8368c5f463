"""What a definition asks for that can never turn green, never happen or has no effect: a warning of `validate`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from imapcheck.definition.access import idle_tls
from imapcheck.definition.asked import why_not, why_skipped
from imapcheck.definition.model import CheckDefinition, NewMessageDefinition
from imapcheck.definition.monitoring import ScheduleDefinition
from imapcheck.definition.secret import place_of
from imapcheck.imap.special_uses import SPECIAL_USES
from imapcheck.regions import CITIES
from imapcheck.stack.mute_windows import leave_no_gap
from imapcheck.stack.sending_rules import sending_doubts
from imapcheck.wording import apart, length

DEFAULT_PREFIX = "imapcheck/"
"""The default of the stack's parameter SecretPrefix, which ends with a slash."""
PREFIX_PATTERN = "^[A-Za-z0-9/_+=.@-]{1,200}/$"
"""What the parameter may be, as the template has it."""
_LONGEST_MONTH = timedelta(days=31)
ASKING_SECONDS = 25
"""What asking the other places may take, after a run of the whole timeout."""
_DAYS = {"FEB": 29, "2": 29, "02": 29} | dict.fromkeys(
    ("APR", "4", "04", "JUN", "6", "06", "SEP", "9", "09", "NOV", "11"), 30
)


def doubts(definition: CheckDefinition, source: str, now: datetime, secret_prefix: str = DEFAULT_PREFIX) -> list[str]:
    """What can never turn green, never happen or has no effect, one line each.

    `now` is the time with its zone, `secret_prefix` the SecretPrefix of the stack that the definition is for.
    """
    found = [*_search_doubts(definition), *_threshold_doubts(definition), *_server_doubts(definition)]
    found += [*_mailbox_doubts(definition), *_secret_doubts(definition, secret_prefix), *_effect_doubts(definition)]
    found += sending_doubts(definition)
    found += [*_alarm_doubts(definition, now), *_goal_doubts(definition)]
    return [f"{definition.source_of(field, source)}: warning: {field}: {text}" for field, text in found]


def _search_doubts(definition: CheckDefinition) -> Iterator[tuple[str, str]]:
    search, message = definition.search, definition.new_message
    if search is None or message is None or search.min_matches == 0 or search.mailbox.upper() != "INBOX":
        return
    own = search.subject and all(term.lower() in message.subject.lower() for term in search.subject)
    filed_in = (message.mailbox or "").upper()
    if not own or filed_in == "INBOX":
        return
    what = "looks in INBOX for the subject of new_message, which is filed elsewhere"
    if not _addressed_to_its_sender(message):
        yield (
            "search",
            f"{what} and addressed to others: unless mail with that subject arrives by itself, this never matches",
        )
    elif search.max_age is None and not filed_in.endswith("OUTBOX"):  # from where servers such as Courier send
        yield (
            "search",
            f"{what} and not sent: unless something delivers it, this never matches (docs/delivery.md wants a max_age)",
        )


def _addressed_to_its_sender(message: NewMessageDefinition) -> bool:
    """The sender is the best guess at the watched account: its name stands in the secret."""
    from imapcheck.definition.addresses import parse_address

    recipients = {parse_address(text).addr_spec.lower() for text in [*message.to, *message.cc, *message.bcc]}
    return parse_address(message.from_).addr_spec.lower() in recipients


def _threshold_doubts(definition: CheckDefinition) -> Iterator[tuple[str, str]]:
    for step, limit in definition.thresholds.items():
        reason = None if step == "total" else why_not(definition, step) or why_skipped(definition, step)
        if reason is not None:
            yield f"thresholds.{step}", f"the step does not run: {reason}"
        elif (
            step == "arrival" and definition.send is not None and limit >= definition.send.within.total_seconds() * 1000
        ):
            yield "thresholds.arrival", f"{length(limit)} reach send.within: what takes longer is not_delivered"
        elif limit > definition.timeout * 1000:
            most, timeout = apart(limit, definition.timeout * 1000)
            yield f"thresholds.{step}", f"{most} are more than the timeout of {timeout}"


def _server_doubts(definition: CheckDefinition) -> Iterator[tuple[str, str]]:
    schedule, mode, port = definition.schedule, definition.tls_mode, definition.port
    if (mode, port) == ("starttls", 993):
        yield (
            "server",
            "STARTTLS on port 993, where servers speak TLS from the start (RFC 8314): did you mean imaps://?",
        )
    if (mode, port) == ("implicit", 143):
        yield "server", "TLS from the start on port 143, where servers offer STARTTLS (RFC 8314): did you mean imap://?"
    if schedule is None:
        return
    if definition.timeout >= schedule.seconds:
        yield "timeout", f"{length(definition.timeout * 1000)} reach schedule.every {schedule.every}: runs may overlap"
    elif schedule.places and definition.timeout + ASKING_SECONDS >= schedule.seconds:
        asking = f"with {ASKING_SECONDS} s for asking the places"
        yield (
            "timeout",
            f"{length(definition.timeout * 1000)} {asking} reach schedule.every {schedule.every}: runs may overlap",
        )
    yield from _place_doubts(schedule)


def _place_doubts(schedule: ScheduleDefinition) -> Iterator[tuple[str, str]]:
    if schedule.quorum is not None and not schedule.places:
        yield "schedule.quorum", "there are no places, so the stack's own Region decides alone"
    for index, place in enumerate(schedule.places):
        if place not in CITIES:
            yield f"schedule.places.{index}", f"{place} is no Region that imapcheck knows: is it spelled right?"


def _mailbox_doubts(definition: CheckDefinition) -> Iterator[tuple[str, str]]:
    named = {
        "search.mailbox": definition.search.mailbox if definition.search is not None else None,
        "new_message.mailbox": definition.new_message.mailbox if definition.new_message is not None else None,
        "send.mailbox": definition.send.mailbox if definition.send is not None else None,
    }
    known = {use.lower() for use in SPECIAL_USES}
    for field, mailbox in named.items():
        if mailbox is not None and mailbox.startswith("\\") and field == "new_message.mailbox":
            yield field, f"{mailbox} is taken as a mailbox's name; leave mailbox out to find the sent mailbox"
        elif mailbox is not None and mailbox.startswith("\\") and mailbox.lower() not in known:
            yield field, f"no server knows the special use {mailbox}; they are {', '.join(SPECIAL_USES)} (RFC 6154)"


def _secret_doubts(definition: CheckDefinition, stack_prefix: str) -> Iterator[tuple[str, str]]:
    """The function may read what is under the stack's prefix, and nothing else."""
    if definition.runs_outside:
        return
    send = definition.send
    named = {
        "secret": definition.secret if definition.logs_in else None,
        "send.secret": send.secret if send is not None and send.logs_in else None,
    }
    for field, secret in named.items():
        if secret is None:
            continue
        store, name = place_of(secret)
        if name.startswith(stack_prefix if store == "AWS Secrets Manager" else stack_prefix.removeprefix("/")):
            continue
        prefix = name[: name.find("/", 1) + 1]
        outside = f"its name does not begin with {stack_prefix}"
        if not prefix:
            yield field, f"{outside}, and the function reads no name without a slash"
        elif stack_prefix == DEFAULT_PREFIX:
            yield field, f"{name} does not begin with {stack_prefix}: deploy with SecretPrefix={prefix}"
        else:
            yield field, f"{outside}, the stack's SecretPrefix: the function cannot read it"


def _effect_doubts(definition: CheckDefinition) -> Iterator[tuple[str, str]]:
    """Keys that another key takes the effect from: one line each. Left at its default, a key asks for nothing."""
    no_login = None if definition.logs_in else "authentication is none, so the check does not log in"
    outside = "runs from outside take their credentials from that machine" if definition.runs_outside else None
    keys = [
        ("secret", definition.secret is not None, no_login or outside),
        ("identify", definition.identify, no_login),
        ("quota", definition.quota is not None, no_login),
        *idle_tls(definition.tls, definition.tls_mode, no_login),
    ]
    for field, asked, reason in keys:
        if asked and reason is not None:
            yield field, f"has no effect: {reason}"


def _alarm_doubts(definition: CheckDefinition, now: datetime) -> Iterator[tuple[str, str]]:
    alarms = definition.alarms
    given = alarms.model_fields_set
    if definition.schedule is None and given:
        yield "alarms", "there is no schedule, so this check has no alarms"
    schedule = definition.schedule or ScheduleDefinition(every="5m")
    if given:
        from imapcheck.alarms.kinds import KINDS  # many leave them at their defaults

        useless = (kind for kind in KINDS if kind.key in given and kind.alarm(definition, schedule) is None)
        yield from ((f"alarms.{kind.key}", kind.never) for kind in useless)
    for index, mute in enumerate(alarms.mute):
        if mute.is_over(_last_month(now)):  # until then a report may still leave out what lies in it
            yield f"alarms.mute.{index}.at", f"{mute.at} and its {mute.iso_duration} are over, and so is the next month"
        if mute.at is not None and not _is_on_the_clock(mute.at, mute.timezone):
            yield (
                f"alarms.mute.{index}.at",
                f"the clocks of {mute.timezone} skip {mute.at}: name a time before or after",
            )
        if mute.cron is not None and _names_no_day(mute.cron):
            yield f"alarms.mute.{index}.cron", "no month of these has such a day"
    if leave_no_gap(alarms.mute):
        yield "alarms.mute", "these windows follow each other without a gap: the alarms are silent for ever"


def _last_month(now: datetime) -> datetime:
    """Its beginning in UTC."""
    this = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (this - timedelta(days=1)).replace(day=1)


def _goal_doubts(definition: CheckDefinition) -> Iterator[tuple[str, str]]:
    """A goal that one failed run misses in any month."""
    slo, schedule = definition.slo, definition.schedule
    if slo is None:
        return
    if schedule is None:
        yield "slo", "there is no schedule, so there is no month to measure"
        return
    runs = _LONGEST_MONTH // timedelta(seconds=schedule.seconds)
    if slo.available < 100 and runs * (100 - slo.available) < 100:
        yield "slo.available", f"{slo.available:g} % of {runs:,} runs a month: a single failed run misses the goal"


def _is_on_the_clock(at: str, timezone: str) -> bool:
    """Where clocks go forward, an hour of the night does not exist."""
    local = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(timezone))
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)


def _names_no_day(cron: str) -> bool:
    _, _, day, month, weekday = cron.split()
    days = [int(part.partition("-")[0]) for part in day.split(",") if part != "*"]
    months = month.split(",")
    if not days or "*" in day.split(",") or weekday != "*" or any(part not in _DAYS for part in months):
        return False
    return min(days) > max(_DAYS[part] for part in months)
