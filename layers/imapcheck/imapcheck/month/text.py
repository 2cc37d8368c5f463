"""What a month's figures say, line by line: in the report, in the message about a budget, on the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta, tzinfo

from imapcheck.alarms.chat_card import fenced, harmless, notification
from imapcheck.alarms.layout import ascii_line, wrap
from imapcheck.alarms.story import SCHEMA_VERSION, Story
from imapcheck.alarms.times import date_beside, stretch_beside
from imapcheck.month.calendar import Month
from imapcheck.month.figures import Figures, Outage, Passed, Times, longest_first
from imapcheck.result import isoformat
from imapcheck.wording import count, elapsed, length, number, percent

_OUTAGES_IN_TEXT = 10


def head_of(month: Figures) -> str:
    """`mail: 99.86 % available, goal 99.9 %: missed`; a check without a run has neither number nor verdict."""
    check, available = month.plan.check, month.available
    if available is None:
        return f"{check}: no run counts in {month.month.name}"
    so_far = "" if month.is_whole else " so far"
    return f"{check}: {percent(available)} available{so_far}{goal_of(month)}"


def goal_of(month: Figures) -> str:
    """`, goal 99.9 %: kept`; empty without a goal or a run."""
    goal, kept = month.plan.goal, month.kept
    if goal is None or kept is None:
        return ""
    if month.is_whole:
        return f", goal {_as_written(goal)}: {'kept' if kept else 'missed'}"
    return f", goal {_as_written(goal)}: {'kept until now' if kept else 'not kept until now'}"


def _as_written(goal: float) -> str:
    return f"{number(goal, 6)} %"


def lines_of(month: Figures, zone: tzinfo | None = None) -> list[str]:
    """What is under the head: numbers, outages with their causes, places, times; beside UTC the clock of `zone`."""
    return [*counts_of(month, zone), *_outages(month, zone), *_places(month), *times_of_month(month)]


def counts_of(month: Figures, zone: tzinfo | None = None) -> Iterator[str]:
    """What failed, what was allowed, what does not count."""
    if month.runs:
        allowed = month.allowed
        goal = "" if allowed is None else f"; the goal allows {number(float(allowed), 2)}"
        yield f"{_lacking(month)}{goal}"
    if month.runs and month.began > month.month.start:
        yield f"counted from its first run on, {date_beside(month.began, month.month.start, zone)}"
    if month.muted:
        yield f"{_runs(month.muted)} in mute windows not counted"
    if month.not_run:
        yield f"{_runs(month.not_run)} did not happen: neither good nor bad"
    if month.not_tested:
        yield f"in {_runs(month.not_tested)} the login was not tested: not good"


def _lacking(month: Figures) -> str:
    lacking, of = month.lacking, f"{month.runs:,} {'run' if month.runs == 1 else 'runs'}"
    if lacking.denominator == 1:
        return f"{lacking.numerator:,} of {of} failed" if lacking else f"all of {of} were good"
    return f"{number(float(lacking), 2)} of {of} failed, those that only some places could make by their share"


def _runs(number: int) -> str:
    return f"{number:,} run{'' if number == 1 else 's'}"


def _outages(month: Figures, zone: tzinfo | None) -> Iterator[str]:
    found = longest_first(month.outages)
    if not found:
        return
    yield f"{count(len(found), 'outage')}{', the longest first' if len(found) > 1 else ''}:"
    yield from (f"  {_outage_line(outage, month, zone)}" for outage in found[:_OUTAGES_IN_TEXT])
    if len(found) > _OUTAGES_IN_TEXT:
        yield f"  and {len(found) - _OUTAGES_IN_TEXT} shorter ones"


def _outage_line(outage: Outage, month: Figures, zone: tzinfo | None) -> str:
    """`24 Nov 10:10 to 10:45 UTC, 35 min: authenticate: authentication_failed`, in a report that names the year."""
    if outage.ended is None:
        over = "not over at the end of the month" if month.is_whole else "not over"
        when = f"since {date_beside(outage.began, month.month.start, zone)}, {over}, {elapsed(outage.length)}"
    else:
        when = f"{stretch_beside(outage.began, outage.ended, month.month.start, zone)}, {elapsed(outage.length)}"
    unseen = f" (no run for {elapsed(outage.unseen)} of it)" if outage.unseen else ""
    return f"{when}{unseen}: {outage.cause or 'cause not known'}"


def _places(month: Figures) -> Iterator[str]:
    if month.places:
        yield f"reached from {', '.join(f'{place} {percent(share)}' for place, share in month.places.items())}"


def times_of_month(month: Figures) -> Iterator[str]:
    """Median and 95th percentile, beside the month before's."""
    if month.times is None:
        return
    average = " (of averages of 5 minutes)" if month.plan.every < timedelta(minutes=5) else ""
    before = month.times_before
    than = f"in {month.month.before.word} " + ("not known" if before is None else f"{_pair(before)}")
    yield f"time of good runs: {_pair(month.times)}{average}; {than}"


def _pair(times: Times) -> str:
    return f"median {length(times.median)}, 95 % within {length(times.p95)}"


def report_text(
    month: Month, found: Sequence[Figures], notes: Sequence[str] = (), zone: tzinfo | None = None
) -> list[str]:
    """The report's lines of at most 80 columns; a check's stand together. Times are UTC, and that of `zone` beside."""
    lines = [f"{month.name} (UTC)", ""]
    for item in found:
        lines += wrap(head_of(item), "  ", first="")
        for line in lines_of(item, zone):
            deeper = line[: len(line) - len(line.lstrip())]
            lines += wrap(line.strip(), f"    {deeper}", first=f"  {deeper}")
        lines.append("")
    for note in notes:
        lines += wrap(note, "  ", first="")
    return lines


def report_story(
    month: Month, found: Sequence[Figures], notes: Sequence[str] = (), zone: tzinfo | None = None
) -> Story:
    """The month's report as a message."""
    lines = report_text(month, found, notes, zone)
    missed = sum(item.kept is False for item in found)
    if len(found) == 1:
        parts = (f"imapcheck, {month.name}: ", head_of(found[0]))
    else:
        parts = (f"imapcheck, {month.name}: {count(len(found), 'check')}", f", {missed} missed the goal" * bool(missed))
    return _story("report", parts, lines, {"month": str(month), "checks": [content_of(item) for item in found]}, notes)


def budget_story(found: Sequence[Passed], zone: tzinfo | None = None) -> Story:
    """Of the marks that were passed in one hour: one message."""
    lines: list[str] = []
    for item in found:
        lines += [*wrap(_budget_line(item, zone), "  ", first=""), ""]
    lines += wrap("A budget is counted by the month (UTC); runs in mute windows do not use it. docs/reports.md")
    first = found[0]
    parts = (
        (f"BUDGET {first.figures.plan.check}", f": {_used_up(first)}")
        if len(found) == 1
        else (f"BUDGET of {len(found)} checks", f": {', '.join(item.figures.plan.check for item in found)}")
    )
    content = {"checks": [content_of(item.figures) | {"budget_percent": int(100 * item.mark)} for item in found]}
    return _story("budget", parts, lines, content)


def _used_up(item: Passed) -> str:
    word = item.figures.month.word
    return f"{word}'s is used up" if item.mark == 1 else f"{int(100 * item.mark)} % of {word}'s is used"


def _budget_line(item: Passed, zone: tzinfo | None) -> str:
    figures = item.figures
    allowed = number(float(figures.allowed or 0), 2)
    used = number(float(figures.lacking), 2)
    until = date_beside(figures.until, figures.month.start, zone)
    return (
        f"BUDGET {figures.plan.check}: {_used_up(item)}. {used} of {figures.runs:,} runs failed until"
        f" {until}; the goal of {_as_written(figures.plan.goal or 0)} allows {allowed} in"
        f" {figures.month.name}."
    )


def content_of(month: Figures) -> dict[str, object]:
    """The figures for programs: JSON types, null where nothing is known."""
    allowed = month.allowed
    return {
        "check": month.plan.check,
        "month": str(month.month),
        "until": isoformat(month.until),
        "available_percent": month.available,
        "goal_percent": month.plan.goal,
        "kept": month.kept,
        "runs": month.runs,
        "failed_runs": float(month.lacking),
        "allowed_runs": None if allowed is None else float(allowed),
        "not_run": month.not_run,
        "not_counted": month.muted,
        "login_not_tested": month.not_tested,
        "outages": [_outage_content(outage) for outage in longest_first(month.outages)],
        "places": month.places or None,
        "times_ms": _times_content(month.times),
        "times_ms_month_before": _times_content(month.times_before),
    }


def _outage_content(outage: Outage) -> dict[str, object]:
    return {
        "began": isoformat(outage.began),
        "ended": None if outage.ended is None else isoformat(outage.ended),
        "seconds": outage.length.total_seconds(),
        "cause": outage.cause,
    }


def _times_content(times: Times | None) -> dict[str, float] | None:
    return None if times is None else {"median": times.median, "p95": times.p95}


def _story(
    kind: str, parts: Sequence[str], lines: Sequence[str], content: Mapping[str, object], notes: Sequence[str] = ()
) -> Story:
    subject = ascii_line(parts)
    card = notification(
        f"{kind}:{content.get('month', '')}", harmless(subject), fenced(lines), [],
        keywords=[kind], metadata={"eventType": f"imapcheck {kind}", "summary": harmless(subject)},
    )  # fmt: skip
    told = {"schema": SCHEMA_VERSION, "check": None, "kind": kind, "subject": subject, "notes": list(notes)}
    return Story(subject, "\n".join(lines) + "\n", card, {**told, **content})
