"""An alarm as a story: which step failed and why, in the server's words, since when, and what to do.

`story_of` takes plain facts and returns the same story in four forms: a subject of one ASCII line, a text of 80
columns, a card for chat and an object for programs. It does no I/O and knows no clock.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from imapcheck.alarms.bare import bare
from imapcheck.alarms.causes import server_of
from imapcheck.alarms.chat_card import TRANSCRIPT_HEAD, card, fenced, harmless, notification
from imapcheck.alarms.company import of_others
from imapcheck.alarms.kind import UNTOLD, AlarmState, Change, Evidence, Links, Others, Plot
from imapcheck.alarms.layout import COLUMNS, SUBJECT_LIMIT, ascii_line, flow, wrap
from imapcheck.alarms.spell import may_lock
from imapcheck.asked import Asked
from imapcheck.result import CheckResult, isoformat
from imapcheck.text import one_line

SCHEMA_VERSION = 1
_FOREIGN_LINES, _FOREIGN_COLUMNS = 50, 4000
_SINCE = re.compile(r", (?:on and off )?since ")


@dataclass(frozen=True)
class Story:
    """One story in all its forms; `content` is JSON types."""

    subject: str
    text: str
    card: dict[str, Any]
    content: dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """What surrounds a change: the definition's values, the log's evidence, the other checks, where to look on.

    `now` is the alarm's state where it has changed again since; None where it has not, or nobody knows.
    """

    asked: Asked = field(default_factory=Asked)
    evidence: Evidence = field(default_factory=Evidence)
    others: Others | None = None
    links: Links = field(default_factory=Links)
    now: AlarmState | None = None


def story_of(change: Change, setting: Setting) -> Story:
    """The story of one change, with whatever evidence there is."""
    return _story(change, setting, plot_of(change, setting))


def bare_story_of(change: Change, setting: Setting) -> Story:
    """What the alarm itself says: for where anything more could not be made."""
    return _story(change, setting, bare(change, setting.asked, UNTOLD))


def plot_of(change: Change, setting: Setting) -> Plot:
    """What the story of a change says.

    It may come late, or after that of the alarm's next change: its subject and its second line say so then.
    """
    plot = change.kind.start if change.state == "ALARM" else change.kind.end
    plotted = plot(change, setting.asked, setting.evidence)
    if setting.now is None:
        return plotted
    said = "over by now" if setting.now == "OK" else "in alarm again"
    return replace(plotted, subject=(f", {said}", *plotted.subject), when=f"{plotted.when}; {said}")


def subject_of(change: Change, plotted: Plot) -> str:
    """One line of ASCII below 100 characters: verdict, check, as much of the reason as fits, since when."""
    parts = (f"{plotted.word} {change.check}", *plotted.subject)
    line = ascii_line(parts)
    since = next((at for at, part in enumerate(parts) if _SINCE.match(part)), 0)
    if since < 2 or parts[since] in line:
        return line
    room = SUBJECT_LIMIT - sum(map(len, parts[: since - 1])) - len(parts[since])
    return ascii_line((*parts[: since - 1], f"{parts[since - 1][: room - 3].rstrip()}...", parts[since]))


def _story(change: Change, setting: Setting, plotted: Plot) -> Story:
    subject = subject_of(change, plotted)
    return Story(
        subject=subject,
        text=_text(change, setting, plotted),
        card=card(change, plotted, subject, _facts(setting, plotted), _next_steps(change, setting, plotted)),
        content=_content(change, setting, plotted, subject),
    )


def _text(change: Change, setting: Setting, plotted: Plot) -> str:
    asked = setting.asked
    server = server_of(plotted.run, asked)
    head = head_line(plotted.word, change.check, server)
    lines = [head, *wrap(plotted.when, "  ", first="")]
    lines += wrap(plotted.why, "  ", first="")
    for words in plotted.quoted:
        lines += wrap(words, "  ")
    lines += wrap(plotted.runs, "  ", first="") if plotted.runs is not None else []
    if plotted.do is not None:
        lines += ["", *wrap(plotted.do, "    ", first="DO: ")]
    facts = _facts(setting, plotted)
    if plotted.steps or facts:
        steps = flow(("Steps:", *plotted.steps), indent="  ") if plotted.steps else []
        lines += ["", *steps, *flow(facts, " ")]
    if plotted.transcript:
        lines += ["", TRANSCRIPT_HEAD]
        for line in plotted.transcript:
            lines += wrap(line, "     ", first="  ")
    return "\n".join([*lines, "", *_ways_on(change, setting, server if head.endswith("…") else None)]) + "\n"


def head_line(word: str, check: str, server: str | None) -> str:
    """The first line; a server's name that is too long for it is cut here and stands whole at the end."""
    head = f"{word}  {check}"
    if server is None:
        return head
    room = COLUMNS - len(head) - 2
    return f"{head}  {server if len(server) <= room else f'{server[: room - 1]}…'}"


def _facts(setting: Setting, plotted: Plot) -> list[str]:
    return [*of_others(setting.others), *plotted.facts]


def _again(change: Change, setting: Setting) -> tuple[str, str] | None:
    """The call that runs the check again, and where: a check that is run from outside, on its machine alone.

    None where one more refused login could lock the account.
    """
    asked = setting.asked
    if change.state != "ALARM" or not change.kind.urgent or asked.file is None or may_lock(setting.evidence.runs):
        return None
    if not asked.runs_outside:
        return f"imapcheck run {asked.file} --transcript", ""
    machine = setting.evidence.machine
    return f"imapcheck run {change.check}.json --transcript", f"  (on the machine {machine or 'outside'})"


def _ways_on(change: Change, setting: Setting, whole_server: str | None) -> list[str]:
    """Labelled lines; an address is never broken, as it would no longer lead anywhere."""
    asked, links, again = setting.asked, setting.links, _again(change, setting)
    found = (
        ("Run again", again and "".join(again)),
        ("Runbook", asked.runbook),
        ("Dashboard", links.dashboard),
        ("Log", links.runs),
        ("Server", whole_server),
        ("Alarm", change.alarm),
    )
    return [f"{label + ':':<11}{value}" for label, value in found if value]


def _next_steps(change: Change, setting: Setting, plotted: Plot) -> list[str]:
    links = setting.links
    again = _again(change, setting)
    found = (
        harmless(plotted.do) if plotted.do else None,
        f"Run it again: {''.join(again)}" if again else None,
        f"Runbook: {setting.asked.runbook}" if setting.asked.runbook else None,
        f"Dashboard: {links.dashboard}" if links.dashboard else None,
        f"Log: {links.runs}" if links.runs else None,
    )
    return [step for step in found if step]


def _content(change: Change, setting: Setting, plotted: Plot, subject: str) -> dict[str, Any]:
    failure, others = plotted.run.reason if plotted.run is not None else None, setting.others
    return {
        "schema": SCHEMA_VERSION,
        "check": change.check,
        "kind": change.kind.name,
        "state": change.state,
        "now": setting.now,
        "subject": subject,
        "at": isoformat(change.at),
        "since": isoformat(plotted.since) if plotted.since is not None else None,
        "until": isoformat(plotted.until) if plotted.until is not None else None,
        "bad_runs": plotted.bad_runs,
        "server": setting.asked.server,
        "why": plotted.why,
        "step": failure.step if failure is not None else None,
        "type": failure.type.value if failure is not None else None,
        "words": list(plotted.quoted),
        "do": plotted.do,
        "run": _run_content(plotted.run, plotted.transcript),
        "others": _others_content(others),
        "links": {
            "runbook": setting.asked.runbook,
            "dashboard": setting.links.dashboard,
            "runs": setting.links.runs,
        },
        "alarm": {"name": change.alarm, "reason": one_line(change.reason, 1000)},
    }


def _others_content(others: Others | None) -> dict[str, Any] | None:
    """`last_run_good` is null where the log was not asked."""
    if others is None:
        return None
    in_alarm, good = list(others.named), others.good
    return {"total": others.total, "in_alarm": in_alarm, "unnamed": others.unnamed, "last_run_good": good}


def _run_content(run: CheckResult | None, transcript: tuple[str, ...]) -> dict[str, Any] | None:
    """The run that is told of: when, how long its steps took, and the end of its transcript."""
    if run is None:
        return None
    return {
        "started_at": isoformat(run.started_at),
        "available": run.available,
        "slow": run.slow,
        "duration_ms": run.duration_ms,
        "step_ms": run.step_ms,
        "transcript": list(transcript),
    }


def foreign_story_of(subject: str, text: str) -> Story:
    """A message that is not an alarm of a check, passed on as it is: cleaned, wrapped, and cut where it is long."""
    lines = [line for part in text.splitlines()[:_FOREIGN_LINES] for line in wrap(one_line(part, _FOREIGN_COLUMNS))]
    line = ascii_line((one_line(subject, 90),))
    told = "\n".join([*wrap(one_line(subject, 300)), "", *lines])
    return Story(
        subject=line,
        text=f"{told}\n",
        card=notification(
            "foreign", harmless(line), fenced(lines), [], keywords=[], metadata={"eventType": "imapcheck message"}
        ),
        content={"schema": SCHEMA_VERSION, "check": None, "kind": None, "subject": line, "message": lines},
    )
