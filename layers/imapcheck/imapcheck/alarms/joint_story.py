"""Many changes in one story: a storm is reported worst first, grouped by cause and address, and none of it is lost."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from imapcheck.alarms.bare import bare
from imapcheck.alarms.chat_card import DESCRIPTION_LIMIT, fenced, harmless, notification
from imapcheck.alarms.kind import UNTOLD, Change
from imapcheck.alarms.kinds import KINDS
from imapcheck.alarms.layout import ascii_line, cut, flow, wrap
from imapcheck.alarms.storm import Part, Reported, common, company, earliest, groups, suspects_us, where
from imapcheck.alarms.story import Setting, Story, head_line, plot_of
from imapcheck.alarms.times import since_beside
from imapcheck.result import CheckResult, isoformat
from imapcheck.wording import between, count, date

SCHEMA_VERSION = 1
_INDENT = "      "
_WORDS_SHOWN = 160


def joint_story_of(changes: Sequence[tuple[Change, Setting]], part: Part = Part()) -> Story:  # noqa: B008 - immutable
    """One story of all `changes`, at least one; their order does not matter."""
    return _joint([Reported(*item, plot_of(*item)) for item in _in_order(changes)], part)


def bare_joint_story_of(changes: Sequence[tuple[Change, Setting]], part: Part = Part()) -> Story:  # noqa: B008
    """What the alarms themselves say: for where anything more could not be made."""
    return _joint([Reported(*item, bare(item[0], item[1].asked, UNTOLD)) for item in _in_order(changes)], part)


def _in_order(changes: Sequence[tuple[Change, Setting]]) -> list[tuple[Change, Setting]]:
    place = order([change for change, _ in changes])
    return sorted(changes, key=lambda item: place(item[0]))


def order(changes: Sequence[Change]) -> Callable[[Change], tuple[object, ...]]:
    """The key by which `changes` are sorted: the check that is worst off first, each check's as they came."""
    last = {change.alarm: change for change in sorted(changes, key=lambda change: change.at)}
    worst: dict[str, tuple[bool, int]] = {}
    for change in last.values():
        badness = (change.state == "OK", KINDS.index(change.kind))
        worst[change.check] = min(badness, worst.get(change.check, badness))
    return lambda change: (worst[change.check], change.check, change.at, KINDS.index(change.kind))


def _joint(reported: Sequence[Reported], part: Part) -> Story:
    head = _Head(reported, part)
    subject = ascii_line(head.subject)
    return Story(
        subject=subject,
        text="\n".join(_lines(head)) + "\n",
        card=_card(head, subject),
        content=_content(head, subject),
    )


class _Head:
    """What a joint story says above its entries: of how many checks, since when, why, where, and what to do."""

    def __init__(self, reported: Sequence[Reported], part: Part) -> None:
        ours = suspects_us(reported)
        self.reported, self.part, self.suspects_us = reported, part, ours is not None
        self.common, self.company = common(reported), company(reported)
        self.do = ours or (self.common.advice if self.common is not None else None)
        in_alarm = [item for item in reported if item.change.state == "ALARM"]
        self.since = earliest(self.common.items if self.common is not None else in_alarm)
        words, checks = {item.plot.word for item in reported}, {item.change.check for item in reported}
        one_kind = len(words) == 1 and all(item.is_down for item in reported)
        self._one_outage = one_kind and len(checks) == len(reported) > 1 and self.since is not None

    @property
    def subject(self) -> tuple[str, ...]:
        """Verdict and number, since when, cause; whom to suspect, or where all of it is."""
        if self.common is None or self.since is None or not self._one_outage:
            most = f"; most: {self.common.cause.replace(':', '')}" if self.common is not None else ""
            return self.title, most, f" since {date(self.since, self.last)}" if most and self.since is not None else ""
        since, headline = f" since {date(self.since, self.last)}", self.common.headline
        if self.suspects_us:
            return self.title, since, ": suspect our own network first", f" ({headline})"
        place = f"; {self.common.where}" if self.common.where.startswith("all on") else ""
        return self.title, since, f": {headline}", place

    @property
    def title(self) -> str:
        """`12 of 40 checks DOWN`, or `14 alarms: 12 DOWN, 1 NO RESULT, 1 UP` where they are not of one kind."""
        parts = f" (part {self.part.number} of {self.part.of})" if self.part.of > 1 else ""
        if self._one_outage:
            of = f" of {self.company.total}" if self.company is not None and self.part.of == 1 else ""
            return f"{len(self.reported)}{of} checks {self.reported[0].plot.word}{parts}"
        words = Counter(item.plot.word for item in self.reported).items()
        return f"{count(len(self.reported), 'alarm')}{parts}: {', '.join(f'{number} {word}' for word, number in words)}"

    @property
    def when(self) -> str:
        """`since 24 Nov 10:12 UTC (5 min); alarms at 24 Nov 10:17 UTC`."""
        first = min(item.change.at for item in self.reported)
        times = f"at {date(first, first)}" if date(first) == date(self.last) else f"{between(first, self.last, first)}"
        if self.since is None:
            return f"alarms {times}"
        at_the_end = replace(self.reported[0].change, at=self.last)
        return f"{since_beside(at_the_end, self.reported[0].setting.asked, self.since)}; alarms {times}"

    @property
    def cause(self) -> str | None:
        """`12 of them: connect: connection_refused, all on 192.0.2.10`."""
        if self.common is None:
            return None
        number, place = len(self.common.items), self.common.where
        them = f"all {number}" if number == len(self.reported) else f"{number} of them"
        return f"{them}: {self.common.cause}{f', {place}' if place else ''}"

    @property
    def rest(self) -> str | None:
        """How the other checks are."""
        if self.company is None:
            return None
        return self.company.rest or "Every check of this stack is in alarm."

    @property
    def dashboard(self) -> str | None:
        return self.reported[0].setting.links.dashboard

    @property
    def last(self) -> datetime:
        return max(item.change.at for item in self.reported)


def _lines(head: _Head) -> list[str]:
    lines = [*wrap(head.title, "  ", first=""), *wrap(head.when, "  ", first="")]
    for line in (head.cause, head.rest):
        lines += wrap(line, "  ", first="") if line is not None else []
    if head.do is not None:
        lines += ["", *wrap(head.do, "    ", first="DO: ")]
    for group in groups(head.reported):
        lines += ["", *_entry(group)]
    return [*lines, *(["", f"Dashboard: {head.dashboard}"] if head.dashboard is not None else [])]


def _entry(group: Sequence[Reported]) -> list[str]:
    """What and where, since when, why, and the words that came with it; of several alike, their names."""
    first = group[0]
    if len(group) == 1:
        lines = [head_line(first.plot.word, first.change.check, first.server)]
        lines += wrap(first.plot.when, f"{_INDENT}  ", first=_INDENT)
    else:
        lines = wrap(f"{first.plot.word}  {_alike(group)}", _INDENT, first="")
    lines += wrap(first.cause, f"{_INDENT}  ", first=_INDENT)
    if first.plot.quoted:
        lines += wrap(cut(first.plot.quoted[0], _WORDS_SHOWN), f"{_INDENT}  ", first=f"{_INDENT}  ")
    if len(group) > 1:
        lines += [f"{_INDENT}{line}" for line in flow([item.change.check for item in group], columns=74)]
    return lines


def _alike(group: Sequence[Reported]) -> str:
    """`12 checks of imaps://imap.example.com:993/, all on 192.0.2.10, since 24 Nov 10:12 UTC`."""
    place, began = where(group), earliest(group)
    servers = {item.server for item in group}
    of = f" of {servers.pop()}" if len(servers) == 1 and None not in servers else ""
    since = f", since {date(began, max(item.change.at for item in group))}" if began is not None else ""
    return f"{count(len(group), 'check')}{of}{f', {place}' if place else ''}{since}"


def _card(head: _Head, subject: str) -> dict[str, Any]:
    ours = [head.when, *([head.rest] if head.rest is not None else [])]
    lines: list[str] = [head.cause] if head.cause is not None else []
    left, shown = DESCRIPTION_LIMIT - 200 - sum(map(len, (*ours, *lines))), 0
    for group in groups(head.reported):
        names = ", ".join(item.change.check for item in group)
        line = f"{group[0].plot.word} {cut(names, 400)}: {cut(group[0].plot.why, 400)}"
        if (left := left - len(line) - 1) < 0:
            break
        lines.append(line)
        shown += len(group)
    left_out = len(head.reported) - shown
    more = f"\nand {left_out} more: see the mail or the dashboard" if left_out else ""
    return notification(
        f"joint:{head.last:%Y%m%dT%H%M%SZ}:{head.part.number}",
        subject,
        f"{'\n'.join(ours)}\n{fenced(lines)}{more}",
        [
            *([harmless(head.do)] if head.do is not None else []),
            *([f"Dashboard: {head.dashboard}"] if head.dashboard is not None else []),
        ],
        keywords=["joint"],
        metadata={"summary": harmless(subject), "eventType": "imapcheck joint"},
    )


def _content(head: _Head, subject: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA_VERSION,
        "check": None,
        "kind": "joint",
        "subject": subject,
        "since": isoformat(head.since) if head.since is not None else None,
        "do": head.do,
        "part": {"number": head.part.number, "of": head.part.of},
        "changes": [
            {
                "check": item.change.check,
                "kind": item.change.kind.name,
                "state": item.change.state,
                "at": isoformat(item.change.at),
                "since": isoformat(item.plot.since) if item.plot.since is not None else None,
                "until": isoformat(item.plot.until) if item.plot.until is not None else None,
                **_failure(item.plot.run),
                "alarm": item.change.alarm,
                "now": item.setting.now,
            }
            for item in head.reported
        ],
    }


def _failure(run: CheckResult | None) -> dict[str, str | None]:
    failure = None if run is None else run.reason
    return {"step": failure.step if failure else None, "type": failure.type.value if failure else None}
