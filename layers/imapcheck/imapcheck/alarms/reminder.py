"""What is still wrong, in short: a reminder while an alarm goes on, and several of one hour as one message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from imapcheck.alarms.causes import server_of
from imapcheck.alarms.chat_card import fenced, harmless, notification
from imapcheck.alarms.kind import Change, Plot
from imapcheck.alarms.layout import ascii_line, names, wrap
from imapcheck.alarms.story import SCHEMA_VERSION, Story, head_line
from imapcheck.alarms.times import date_beside, zone_of
from imapcheck.asked import Asked
from imapcheck.result import isoformat
from imapcheck.wording import count, elapsed

_WORDS = 2


@dataclass(frozen=True)
class Reminder:
    """An alarm that has been in alarm since `since`; `runs` is how many failed meanwhile, None where nobody knows."""

    change: Change
    plot: Plot
    asked: Asked
    since: datetime
    now: datetime
    runs: int | None = None

    @property
    def subject(self) -> tuple[str, ...]:
        """`STILL DOWN mail`, `: login refused`, `, for 2 d (576 runs)`: the cause first, as the story has it."""
        cause = next((part for part in self.plot.subject if part.startswith(":")), "")
        runs = "" if self.runs is None else f" ({count(self.runs, 'run')})"
        return f"STILL {self.plot.word} {self.change.check}", cause, f", for {elapsed(self.now - self.since)}{runs}"


def reminder_story(reminders: Sequence[Reminder], dashboard: str | None = None) -> Story:
    """One message of at least one reminder, those that go on longest first."""
    ordered = sorted(reminders, key=lambda item: (item.since, item.change.alarm))
    lines: list[str] = []
    for item in ordered:
        lines += [*_lines(item, alone=len(ordered) == 1), ""]
    lines += wrap("alarms.remind of the definition says how often this comes, and off ends it.")
    lines += [f"{'Dashboard:':<11}{dashboard}"] if dashboard else []
    parts = ordered[0].subject
    if len(ordered) > 1:
        checks = [*dict.fromkeys(item.change.check for item in ordered)]
        parts = (f"STILL {len(ordered)} alarms", f": {names(checks)}")
    subject = ascii_line(parts)
    return Story(
        subject,
        "\n".join(lines) + "\n",
        notification(
            f"reminder:{ordered[0].change.alarm}:{ordered[0].now:%Y%m%dT%H%M}", harmless(subject), fenced(lines), [],
            keywords=["reminder"], metadata={"eventType": "imapcheck reminder", "summary": harmless(subject)},
        ),
        {
            "schema": SCHEMA_VERSION,
            "check": ordered[0].change.check if len(ordered) == 1 else None,
            "kind": ordered[0].change.kind.name if len(ordered) == 1 else None,
            "state": "ALARM",
            "reminder": True,
            "subject": subject,
            "at": isoformat(ordered[0].now),
            "alarms": [_content(item) for item in ordered],
        },
    )  # fmt: skip


def _lines(item: Reminder, *, alone: bool) -> list[str]:
    lines = [head_line(f"STILL {item.plot.word}", item.change.check, server_of(item.plot.run, item.asked))]
    runs = "" if item.runs is None else f"; {count(item.runs, 'run')} failed"
    began = date_beside(item.since, item.now, zone_of(item.asked.time_zone))
    lines += wrap(f"for {elapsed(item.now - item.since)}, since {began}{runs}", "  ")
    lines += wrap(item.plot.why, "  ")
    for words in item.plot.quoted[:_WORDS]:
        lines += wrap(words, "    ")
    if alone and item.plot.advice is not None:
        lines += ["", *wrap(item.plot.advice, "    ", first="DO: ")]
    return [*lines, f"  Runbook: {item.asked.runbook}"] if item.asked.runbook else lines


def _content(item: Reminder) -> dict[str, object]:
    return {
        "alarm": item.change.alarm,
        "check": item.change.check,
        "kind": item.change.kind.name,
        "since": isoformat(item.since),
        "bad_runs": item.runs,
        "why": item.plot.why,
    }
