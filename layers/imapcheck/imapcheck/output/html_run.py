"""One run as HTML: verdict and reason, waterfall, facts, transcript, how to repeat.

Every value goes through htpy, which escapes; nothing here builds markup from text.
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from htpy import (
    Element,
    Node,
    a,
    bdi,
    code,
    dd,
    details,
    div,
    dl,
    dt,
    fragment,
    h1,
    h2,
    h3,
    h4,
    li,
    ol,
    p,
    pre,
    section,
    span,
    summary,
    time,
    ul,
)  # fmt: skip

from imapcheck.output.drawing import days_drawing
from imapcheck.output.entry import SIGNS, WORDS, Entry, State, words
from imapcheck.output.excerpt import part_of
from imapcheck.output.html_steps import legend_of, steps_table
from imapcheck.output.waterfall import waterfall_of
from imapcheck.wording import apart, date, days_left, elapsed, failure_line, length, percent, size

_HEADINGS = (h1, h2, h3, h4)
_REFUSAL = re.compile(r"S: (\S+ (NO|BAD)\b|\* BYE\b)", re.IGNORECASE)
_LOGOUT = re.compile(r"C: \S+ LOGOUT$", re.IGNORECASE)
_FEW_DAYS = 14.0


@dataclass(frozen=True)
class Place:
    """Where a run's body stands: its heading's level, what its ids begin with, and whether it may link to them.

    Links within the page are none of the widget's: in the console they would leave the dashboard.
    """

    level: int = 1
    prefix: str = ""
    links: bool = True

    def heading(self, deeper: int = 0) -> Element:
        return _HEADINGS[self.level - 1 + deeper]


def run_body(entry: Entry, place: Place) -> Node:
    """Everything about one check."""
    if entry.error is not None:
        return _headline(entry, place)
    waterfall = waterfall_of(entry.content, entry.watched.thresholds)
    return fragment[
        _headline(entry, place),
        _warnings(entry, place),
        section[place.heading(1)["Steps"], steps_table(waterfall), legend_of(waterfall)],
        _facts(entry, place),
        _transcript(entry, place),
        _again(entry, place),
        section[_raw(entry)],
    ]


def state_mark(state: State, *, loud: bool = False) -> Element:
    """The verdict in a sign, words and a colour."""
    return span(class_=["state", state])[f"{SIGNS[state]} {WORDS[state] if loud else WORDS[state].lower()}"]


def _headline(entry: Entry, place: Place) -> Element:
    return div(class_=["verdict", entry.state])[
        div(".badge")[state_mark(entry.state, loud=True)],
        place.heading()[bdi[entry.label]],
        p(".quiet.words")[_where_and_when(entry)],
        _reasons(entry, place),
    ]


def _where_and_when(entry: Entry) -> Node:
    content = entry.content
    if entry.error is not None:
        return bdi[entry.server]
    facts = [length(content["duration_ms"])]
    if content["attempts"] > 1:
        facts.append(f"{content['attempts']} attempts")
    return fragment[bdi[entry.server], " · ", moment(content["started_at"]), " · ", " · ".join(facts)]


def moment(iso: str) -> Element:
    """A time of a result, for people and machines."""
    return time(datetime=iso, title=iso)[date(datetime.fromisoformat(iso))]


def _reasons(entry: Entry, place: Place) -> Iterator[Node]:
    if entry.error is not None:
        yield from (p(".words")[bdi[words(line)]] for line in entry.error.split("\n"))
        return
    for number, failure in enumerate(entry.content["failures"]):
        yield from _failure(failure, place, entry.content["transcript"], first=number == 0)
    for earlier in entry.content["earlier_failures"]:
        yield p(".words")["An earlier attempt: ", _failure_line(earlier)]
    for item in entry.content["exceeded"]:
        took, limit = apart(item["duration_ms"], item["limit_ms"])
        yield p(".reason")[f"{item['name']} took {took}; the threshold is {limit}"]


def _failure(failure: Mapping[str, Any], place: Place, transcript: Sequence[str], *, first: bool) -> Iterator[Node]:
    also = "" if first else "Also "
    yield p(".reason")[
        f"{also}{failure_line(failure['step'], failure['type'])}", span(".quiet")[f" ({failure['category']})"]
    ]
    yield p(".words")[bdi[words(failure["detail"])]]
    yield p(".advice.words")["What to do: ", bdi[words(failure["advice"])]]
    if place.links and (line := _told_in(failure["step"], transcript)) is not None:
        yield p[a(href=f"#{place.prefix}L{line}")[f"Line {line} of the transcript"]]


def _told_in(step: str, transcript: Sequence[str]) -> int | None:
    """The number of the line that tells why `step` failed: a refusal of its last command, else what came last."""
    part = part_of(step, transcript)
    if not part:
        return None
    kinds = [kind for _, kind in _kinds(transcript)]
    return max((index for index in part if kinds[index] == "refusal"), default=part[-1]) + 1


def _failure_line(failure: Mapping[str, Any]) -> Node:
    return fragment[f"{failure_line(failure['step'], failure['type'])}: ", bdi[words(failure["detail"])]]


def _warnings(entry: Entry, place: Place) -> Node:
    warnings = entry.content["warnings"]
    if not warnings:
        return None
    return section[
        place.heading(1)["Warnings"],
        ul(".warnings.words")[(li[f"{item['type']}: ", bdi[words(item["detail"])]] for item in warnings)],
    ]


def _facts(entry: Entry, place: Place) -> Element:
    tls = entry.content["server"]["tls"]
    return section(".facts")[
        div[place.heading(1)["Run"], _list(_run_facts(entry.content))],
        None if tls is None else div[place.heading(1)["Connection"], _list(_tls_facts(tls))],
    ]


def _list(facts: Iterable[tuple[str, Node]]) -> Element:
    return dl[(fragment[dt[name], dd[value]] for name, value in facts if value is not None)]


def _run_facts(content: Mapping[str, Any]) -> Iterator[tuple[str, Node]]:
    server = content["server"]
    yield "address", bdi[words(server["address"])] if server["address"] else "no connection was made"
    if server["unreachable_addresses"]:
        yield "unreachable", bdi[words(", ".join(server["unreachable_addresses"]))]
    if (search := content["search"]) is not None:
        yield "search", _search_words(search)
    if (message := content["new_message"]) is not None and message["message_id"] is not None:
        yield "filed in", bdi[words(message["mailbox"])]
        yield "message id", bdi[words(message["message_id"])]
        if message["delivery_seconds"] is not None:
            yield "delivery", length(message["delivery_seconds"] * 1000)
    if (quota := content["quota"]) is not None:
        yield "quota", f"{percent(quota['used_percent'])} of {words(quota['resource'])}"
    if content["token_ms"] is not None:
        yield "OAuth2 token", f"{length(content['token_ms'])}, outside the steps"
    yield "run", bdi[words(content["run_id"])]
    yield "imapcheck", words(content["version"])


def _search_words(search: Mapping[str, Any]) -> str:
    told = [f"{search['matches']} found"]
    if search["age_seconds"] is not None:
        told.append(f"the newest {elapsed(timedelta(seconds=search['age_seconds']))} old")
    if search["size_bytes"] is not None:
        told.append(size(search["size_bytes"]))
    return ", ".join(told)


def _tls_facts(tls: Mapping[str, Any]) -> Iterator[tuple[str, Node]]:
    if tls["version"] is not None:
        yield "TLS", f"{words(tls['version'])}, {words(tls['cipher'])}"
    yield "certificate", "verified" if tls["verified"] else span(".state.slow")["! not verified"]
    for name, key in (("subject", "certificate_subject"), ("issuer", "certificate_issuer")):
        yield name, bdi[words(tls[key])] if tls[key] else None
    if tls["certificate_names"]:
        yield "names", bdi[words(", ".join(tls["certificate_names"]))]
    if tls["certificates_sent"] is not None:
        yield "chain", f"{tls['certificates_sent']} sent"
    if (left := tls["certificate_days_remaining"]) is not None:
        yield "expires", fragment[moment(tls["certificate_expires_at"]), f", {days_left(left)}", _days(left)]


def _days(left: float) -> Element:
    return days_drawing(left, "wait" if left >= _FEW_DAYS else "failed")


def _transcript(entry: Entry, place: Place) -> Node:
    lines = entry.content["transcript"]
    if not lines:
        return None
    return section[
        place.heading(1)["Transcript"],
        p(".quiet")["C is imapcheck, S the server. Passwords, tokens and message bodies are masked."],
        ol(".transcript")[(_line(number, line, kind, place) for number, (line, kind) in enumerate(_kinds(lines), 1))],
    ]


def _kinds(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each line with whose it is, or `refusal`; the BYE that LOGOUT asks for is none (RFC 9051, section 6.1.3)."""
    leaving = False
    for line in lines:
        leaving = leaving or _LOGOUT.match(line) is not None
        refused = _REFUSAL.match(line) is not None and not leaving
        yield line, "refusal" if refused else {"C: ": "client", "S: ": "server"}.get(line[:3], "quiet")


def _line(number: int, line: str, kind: str, place: Place) -> Element:
    if not place.links:
        return li(class_=kind)[span(".number")[number], code[bdi[words(line)]]]
    anchor = f"{place.prefix}L{number}"
    link = a(".number", href=f"#{anchor}", aria_label=f"Line {number}", tabindex="-1")[number]
    return li(id=anchor, class_=kind)[link, code[bdi[words(line)]]]


def _again(entry: Entry, place: Place) -> Node:
    watched = entry.watched
    if watched.file is None and watched.runbook is None:
        return None
    again = None if watched.file is None else f"imapcheck run {shlex.quote(watched.file)} --transcript"
    return section[
        place.heading(1)["Next"],
        None if again is None else p["Run it again: ", code(".words")[words(again)]],
        None if watched.runbook is None else p["Runbook: ", _outside(watched.runbook)],
    ]


def _outside(address: str) -> Node:
    """A link, where the definition gave one to the web; its text where not."""
    shown = words(address)
    if re.match(r"https?://", address, re.IGNORECASE) is None:
        return bdi[shown]
    return a(href=address, rel="noopener noreferrer")[shown]


def _raw(entry: Entry) -> Element:
    lines = json.dumps(entry.content, indent=2, ensure_ascii=False).split("\n")
    return details[summary["The result as JSON"], pre(tabindex="0")["\n".join(words(line, 10_000) for line in lines)]]
