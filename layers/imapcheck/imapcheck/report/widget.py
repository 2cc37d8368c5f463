"""The dashboard's table of checks, as a CloudWatch custom widget shows it.

Interaction is `<cwdb-action>` alone, which acts on the element before it: the console calls the function again with the
JSON that it holds and shows the answer in a pop-up or in the widget's place.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import htpy
from htpy import (
    Element,
    Node,
    bdi,
    button,
    div,
    fragment,
    label,
    option,
    p,
    select,
    span,
    table,
    tbody,
    td,
    th,
    thead,
    tr,
)  # fmt: skip

from imapcheck.output.outcome import WORST_FIRST, Outcome, State
from imapcheck.report.badges import state_mark
from imapcheck.report.page import certificate, strip, why, widget
from imapcheck.report.steps import LEGEND, legend, words
from imapcheck.result import CheckResult
from imapcheck.wording import clock, elapsed, length, percent

DOCUMENTATION = """\
# The checks of this stack

One row for each check, worst first: its state and since when, its last run with the part that each step took, why it
failed, the days left of the server's certificate, and its availability over the dashboard's time range. The name opens
the last run, "last failure" the last one that failed, both with the report that `imapcheck run --html` writes.

Parameters, all optional; the form in the widget overrides them:

```yaml
name: mail        # only checks whose name contains this
show: problems    # only what is not available, slow, warned of or without a run
```
"""

type Where = Literal["popup", "widget"]


class Problem(NamedTuple):
    """Why nothing is known of a check: in two words, as its state, and in full."""

    state: str
    words: str


@dataclass(frozen=True)
class CheckRow:
    """One check: its last run if that could be read, its state, and what the metrics say of the time range.

    With a `problem` the state is not known, whatever the last run said.
    `open_last` and `open_failure` are what the function is called with to show the run.
    """

    check: str
    state: State
    outcome: Outcome | None
    ran_at: datetime | None = None
    down_since: datetime | None = None
    percent: float | None = None
    failed_at: datetime | None = None
    open_last: Mapping[str, Any] | None = None
    open_failure: Mapping[str, Any] | None = None
    problem: Problem | None = None

    @property
    def warned(self) -> bool:
        """The last run has warnings."""
        return self.outcome is not None and self.outcome.warned

    @property
    def result(self) -> CheckResult | None:
        """The last run."""
        return None if self.outcome is None else self.outcome.result


@dataclass(frozen=True)
class Choice:
    """What the reader chose in the form."""

    name: str = ""
    only_problems: bool = False

    def names(self, check: str) -> bool:
        """Whether the check is one of those that the reader named."""
        return self.name.lower() in check.lower()


def checks_widget(
    rows: Sequence[CheckRow], notes: Sequence[str], choice: Choice, *, endpoint: str, now: datetime, dark: bool
) -> str:
    """The table, worst first, with a form to narrow it; `notes` are sentences below it."""
    shown = sorted(filter(_wanted(choice), rows), key=_worst_first)
    return widget(
        _form(choice, len(shown), len(rows), endpoint),
        _table(shown, endpoint, now) if shown else p["No check matches."],
        legend(LEGEND) if shown else None,
        (p(".quiet")[note] for note in notes),
        dark=dark,
    )


def _worst_first(row: CheckRow) -> tuple[int, bool, float, str]:
    """Among those that are down the newest outage first: it is what a person on call looks for."""
    began = 0.0 if row.down_since is None else -row.down_since.timestamp()
    warned = row.state == "available" and row.warned
    return WORST_FIRST.index(row.state), not warned, began, row.check


def sentence_widget(sentence: str, *, dark: bool) -> str:
    """What could not be shown, and why."""
    return widget(p(".words")[words(sentence)], dark=dark)


def _wanted(choice: Choice) -> Any:
    return lambda row: (
        choice.names(row.check) and not (choice.only_problems and row.state == "available" and not row.warned)
    )


def _form(choice: Choice, shown: int, all: int, endpoint: str) -> Element:
    return div(".tools")[
        label["Name contains ", htpy.input(type="text", name="name", value=choice.name, size="14")],
        label[
            "Show ",
            select(name="show")[
                option(value="all", selected=not choice.only_problems)["all checks"],
                option(value="problems", selected=choice.only_problems)["problems only"],
            ],
        ],
        fragment[button(".apply", type="button")["Apply"], _action({"show": "table"}, "widget", endpoint)],
        span(".quiet")[f"{shown} of {all} checks"],
    ]


def _table(rows: Sequence[CheckRow], endpoint: str, now: datetime) -> Element:
    return table(".checks.told")[
        thead[
            tr[
                th(scope="col")["Check"], th(scope="col")["State"], th(".spare.strips", scope="col")["Last run (UTC)"],
                th(".why", scope="col")["Why"], th(".spare.number", scope="col")["Certificate"],
                th(".number", scope="col")["Availability"],
            ]
        ],
        tbody[(_row(row, endpoint, now) for row in rows)],
    ]  # fmt: skip


def _row(row: CheckRow, endpoint: str, now: datetime) -> Element:
    return tr[
        th(scope="row")[_opens(bdi[row.check], row.open_last, endpoint)],
        td[_state(row), _since(row, now)],
        td(".spare")[_last_run(row, now)],
        td(".words.why")[_reason(row)],
        td(".spare.number")[None if row.outcome is None else certificate(row.outcome)],
        td(".number")[_availability(row, endpoint, now)],
    ]


def _state(row: CheckRow) -> Element:
    if row.state != "not_run":
        return state_mark(row.state, warned=row.warned)
    return span(".state.unknown")[f"? {'no run' if row.problem is None else row.problem.state}"]


def _since(row: CheckRow, now: datetime) -> Node:
    if row.down_since is None:
        return None
    return div(".quiet")[f"since {clock(row.down_since, now)}, {elapsed(now - row.down_since)}"]


def _last_run(row: CheckRow, now: datetime) -> Node:
    if row.ran_at is None:
        return span(".quiet")["none in this time range"]
    ran = f"{clock(row.ran_at, now)}, {_ago(now - row.ran_at)}"
    if row.result is None:
        return ran
    return fragment[ran, f" · {length(row.result.duration_ms)}", strip(row.result)]


def _reason(row: CheckRow) -> Node:
    if row.problem is not None:
        return bdi[words(row.problem.words)]
    if row.outcome is not None:
        return why(row.outcome)
    return None if row.state != "unavailable" else span(".quiet")["no log line in this time range"]


def _availability(row: CheckRow, endpoint: str, now: datetime) -> Node:
    if row.percent is None:
        return None
    share = percent(row.percent)
    if row.failed_at is None:
        return share
    return fragment[share, div[_opens(f"last failure {clock(row.failed_at, now)}", row.open_failure, endpoint)]]


def _opens(text: Node, payload: Mapping[str, Any] | None, endpoint: str) -> Node:
    if payload is None:
        return text
    return fragment[button(".open", type="button")[text], _action(payload, "popup", endpoint)]


def _action(payload: Mapping[str, Any], display: Where, endpoint: str) -> Element:
    return htpy.cwdb_action(action="call", display=display, endpoint=endpoint)[json.dumps(payload)]


def _ago(passed: timedelta) -> str:
    return "just now" if passed < timedelta(minutes=1) else f"{elapsed(passed)} ago"
