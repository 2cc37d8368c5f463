"""Many changes in one story: a storm is reported worst first, with its counts, and none of it is lost."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from imapcheck.alarms.bare import bare
from imapcheck.alarms.chat_card import DESCRIPTION_LIMIT, fenced, harmless, notification
from imapcheck.alarms.kind import UNTOLD, Change, Plot
from imapcheck.alarms.kinds import KINDS
from imapcheck.alarms.layout import ascii_line, cut, wrap
from imapcheck.alarms.story import Setting, Story, head_line, plot_of
from imapcheck.result import CheckResult, isoformat
from imapcheck.wording import between, count, date

SCHEMA_VERSION = 1
_INDENT = "      "
_WORDS_SHOWN = 160


class Part(NamedTuple):
    """Which of how many stories this one is, where a storm needs several."""

    number: int = 1
    of: int = 1


class _Entry(NamedTuple):
    change: Change
    setting: Setting
    plot: Plot


def tell_together(changes: Sequence[tuple[Change, Setting]], part: Part = Part()) -> Story:  # noqa: B008 - immutable
    """One story of all `changes`, at least one; their order does not matter."""
    return _joint([_Entry(*item, plot_of(*item)) for item in _in_order(changes)], part)


def tell_together_bare(changes: Sequence[tuple[Change, Setting]], part: Part = Part()) -> Story:  # noqa: B008
    """What the alarms themselves say: for where anything more could not be made."""
    return _joint([_Entry(*item, bare(item[0], item[1].asked, UNTOLD)) for item in _in_order(changes)], part)


def _in_order(changes: Sequence[tuple[Change, Setting]]) -> list[tuple[Change, Setting]]:
    place = order([change for change, _ in changes])
    return sorted(changes, key=lambda item: place(item[0]))


def order(changes: Sequence[Change]) -> Callable[[Change], tuple[object, ...]]:
    """The key by which `changes` are sorted: the check worst off at the end first, each check's as they came."""
    last = {change.alarm: change for change in sorted(changes, key=lambda change: change.at)}
    worst: dict[str, tuple[bool, int]] = {}
    for change in last.values():
        badness = (change.state == "OK", KINDS.index(change.kind))
        worst[change.check] = min(badness, worst.get(change.check, badness))
    return lambda change: (worst[change.check], change.check, change.at, KINDS.index(change.kind))


def _joint(entries: Sequence[_Entry], part: Part) -> Story:
    verdicts = ", ".join(f"{number} {word}" for word, number in Counter(item.plot.word for item in entries).items())
    common = _common(entries)
    most = f"; most: {common[0].replace(':', '')}" if common is not None else ""
    parts = f" (part {part.number} of {part.of})" if part.of > 1 else ""
    title = f"{count(len(entries), 'alarm')}{parts}: {verdicts}"
    subject = ascii_line((title, most))
    return Story(
        subject=subject,
        text="\n".join(_lines(entries, title, common)) + "\n",
        card=_card(entries, subject, part),
        content=_content(entries, subject, part),
    )


def _common(entries: Sequence[_Entry]) -> tuple[str, int, str | None] | None:
    """(reason, how often, what to do) of what more than half of those that ring have in common."""
    ringing = [item for item in entries if item.change.state == "ALARM" and item.plot.run is not None]
    reasons = Counter(item.plot.why.partition(" - ")[0] for item in ringing)
    [(reason, number)] = reasons.most_common(1) or [("", 0)]
    if number < 2 or number * 2 <= len(ringing):
        return None
    advice = Counter(item.plot.advice for item in ringing if item.plot.why.startswith(reason)).most_common(1)
    return reason, number, advice[0][0]


def _lines(entries: Sequence[_Entry], title: str, common: tuple[str, int, str | None] | None) -> list[str]:
    times = sorted(item.change.at for item in entries)
    first, last = (date(moment, times[-1]) for moment in (times[0], times[-1]))
    when = f"at {last}" if first == last else f"from {between(times[0], times[-1], times[-1])}"
    lines = [*wrap(title, "  ", first=""), when]
    if common is not None:
        reason, number, advice = common
        lines += wrap(f"{number} of them: {reason}", "  ", first="")
        lines += ["", *wrap(advice, "    ", first="DO: ")] if advice is not None else []
    for before, item in zip([None, *entries], entries, strict=False):
        lines += ["", *_entry(item, () if before is None else before.plot.quoted)]
    dashboard = entries[0].setting.links.dashboard
    return [*lines, *(["", f"Dashboard: {dashboard}"] if dashboard is not None else [])]


def _entry(item: _Entry, words_above: Sequence[str]) -> list[str]:
    """What and where, since when, why, and the words that came with it, unless they have just been said."""
    lines = [head_line(item.plot.word, item.change.check, item.setting.asked.server)]
    lines += wrap(item.plot.when, f"{_INDENT}  ", first=_INDENT)
    lines += wrap(item.plot.why.partition(" - ")[0], f"{_INDENT}  ", first=_INDENT)
    if item.plot.quoted and item.plot.quoted != words_above:
        lines += wrap(cut(item.plot.quoted[0], _WORDS_SHOWN), f"{_INDENT}  ", first=f"{_INDENT}  ")
    return lines


def _card(entries: Sequence[_Entry], subject: str, part: Part) -> dict[str, Any]:
    last = max(item.change.at for item in entries)
    lines, left = [], DESCRIPTION_LIMIT - 100
    for item in entries:
        line = f"{item.plot.word} {item.change.check}: {item.plot.why}"
        if (left := left - len(line) - 1) < 0:
            break
        lines.append(line)
    more = f"\nand {len(entries) - len(lines)} more: see the mail or the dashboard" if len(lines) < len(entries) else ""
    dashboard = entries[0].setting.links.dashboard
    return notification(
        f"joint:{last:%Y%m%dT%H%M%SZ}:{part.number}",
        subject,
        f"{fenced(lines)}{more}",
        [f"Dashboard: {dashboard}"] if dashboard is not None else [],
        keywords=["joint"],
        metadata={"summary": harmless(subject), "eventType": "imapcheck joint"},
    )


def _content(entries: Sequence[_Entry], subject: str, part: Part) -> dict[str, Any]:
    return {
        "schema": SCHEMA_VERSION,
        "check": None,
        "kind": "joint",
        "subject": subject,
        "part": {"number": part.number, "of": part.of},
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
            for item in entries
        ],
    }


def _failure(run: CheckResult | None) -> dict[str, str | None]:
    failure = None if run is None else run.failure
    return {"step": failure.step if failure else None, "type": failure.type.value if failure else None}
