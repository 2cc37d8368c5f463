"""One run as HTML: verdict and reason, waterfall, facts, transcript, how to repeat.

Every value goes through htpy, which escapes; nothing here builds markup from text.
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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

from imapcheck.delivery import DeliveryFacts, Hop
from imapcheck.output.excerpt import part_of
from imapcheck.output.json_lines import json_object
from imapcheck.output.outcome import Outcome, words_of
from imapcheck.output.waterfall import waterfall_of
from imapcheck.regions import city
from imapcheck.report.badges import badge_of, state_mark
from imapcheck.report.drawing import days_drawing
from imapcheck.report.steps import legend_of, steps_table, words
from imapcheck.result import CheckResult, Failure, PlaceFacts, ResultWarning, SearchFacts, TlsFacts, isoformat
from imapcheck.wording import apart, date, days_left, elapsed, failure_line, length, percent, size

_HEADINGS = (h1, h2, h3, h4)
_REFUSAL = re.compile(r"S: (\S+ (NO|BAD)\b|\* BYE\b|[45]\d\d[ -])", re.IGNORECASE)
_LOGOUT = re.compile(r"C: \S+ LOGOUT$", re.IGNORECASE)


@dataclass(frozen=True)
class Embedding:
    """Where a run's body stands: its heading's level, what its ids begin with, and whether it may link to them.

    Links within the page are none of the widget's: in the console they would leave the dashboard. `again` are the
    options that another run needs to be the same.
    """

    level: int = 1
    prefix: str = ""
    links: bool = True
    again: tuple[str, ...] = ()

    def heading(self, deeper: int = 0) -> Element:
        return _HEADINGS[self.level - 1 + deeper]


def run_body(outcome: Outcome, place: Embedding) -> Node:
    """Everything about one check."""
    result, asked = outcome.result, outcome.asked
    if result is None:
        return _headline(outcome, place)
    waterfall = waterfall_of(result, asked.thresholds)
    return fragment[
        _headline(outcome, place),
        _warnings(result.warnings, place),
        _places(result.places, place),
        section[place.heading(1)["Steps"], steps_table(waterfall), legend_of(waterfall)],
        _facts(result, asked.certificate_days, place),
        _transcript(result.transcript, place),
        _again(None if _may_lock(outcome) else asked.file, asked.runbook, place),
        section[_raw(outcome)],
    ]


def name_of(outcome: Outcome) -> str:
    """The check's name."""
    return words(outcome.check, 100)


def server_of(outcome: Outcome) -> str:
    """The server as the definition has it, else host and port."""
    if outcome.asked.server is not None:
        return words(outcome.asked.server)
    server = outcome.result.server if outcome.result is not None else None
    return "" if server is None else words(f"{server.host}:{server.port}")


def _headline(outcome: Outcome, place: Embedding) -> Element:
    return div(class_=["verdict", badge_of(outcome.state, warned=outcome.warned).colour])[
        div(".badge")[state_mark(outcome.state, warned=outcome.warned, loud=True)],
        place.heading()[bdi[name_of(outcome)]],
        p(".quiet.words")[_where_and_when(outcome)],
        _reasons(outcome, place),
    ]


def _where_and_when(outcome: Outcome) -> Node:
    server, result = bdi[server_of(outcome)], outcome.result
    if result is None:
        return server
    facts = [length(result.duration_ms)]
    if result.attempts > 1:
        facts.append(f"{result.attempts} attempts")
    return fragment[server, " · ", moment(isoformat(result.started_at)), " · ", " · ".join(facts)]


def moment(iso: str, now: datetime | None = None) -> Element:
    """A time of a result, for people and machines; without the year if it is that of `now`, which the reader sees."""
    return time(datetime=iso, title=iso)[date(datetime.fromisoformat(iso), now)]


def _reasons(outcome: Outcome, place: Embedding) -> Iterator[Node]:
    result = outcome.result
    if result is None:
        yield from (p(".words")[bdi[words(line)]] for line in (outcome.error or "").split("\n"))
        return
    advised: set[str] = set()
    for failure in result.reasons:
        yield from _failure(failure, place, result, advised)
    for earlier in result.earlier_failures:
        yield p(".words")[
            "An earlier attempt: ", f"{failure_line(earlier.step, earlier.type)}: ", bdi[words(earlier.detail)]
        ]
    for item in result.exceeded:
        took, limit = apart(item.duration_ms, item.limit_ms)
        yield p(".reason")[f"{item.name} took {took}; the threshold is {limit}"]


def _failure(failure: Failure, place: Embedding, result: CheckResult, advised: set[str]) -> Iterator[Node]:
    also = "Also " if advised else ""
    yield p(".reason")[f"{also}{failure_line(failure.step, failure.type)}", span(".quiet")[f" ({failure.category})"]]
    yield p(".words")[bdi[words(words_of(result, failure))]]
    if failure.advice not in advised:
        yield p(".advice.words")["What to do: ", bdi[words(failure.advice)]]
    advised.add(failure.advice)
    if place.links and (line := _told_in(failure.step, result.transcript)) is not None:
        yield p[a(href=f"#{place.prefix}L{line}")[f"Line {line} of the transcript"]]


def _told_in(step: str, transcript: Sequence[str]) -> int | None:
    """The number of the line that tells why `step` failed: a refusal of its last command, else what came last."""
    part = part_of(step, transcript)
    if not part:
        return None
    kinds = [kind for _, kind in _kinds(transcript)]
    return max((index for index in part if kinds[index] == "refusal"), default=part[-1]) + 1


def _warnings(warnings: Sequence[ResultWarning], place: Embedding) -> Node:
    if not warnings:
        return None
    return section[
        place.heading(1)["Warnings"],
        ul(".warnings.words")[(li[f"{item.type}: ", bdi[words(item.detail)]] for item in warnings)],
    ]


def _places(places: Sequence[PlaceFacts] | None, place: Embedding) -> Node:
    """From where the server was reached, with the times of the way there."""
    if places is None:
        return None
    rows = ((words(city(seen.place)), bdi[words(_seen(seen))]) for seen in places)
    return section[place.heading(1)["Places"], _list(rows)]


def _seen(place: PlaceFacts) -> str:
    if place.reached is None:
        return "did not look"
    times = ", ".join(f"{name} {length(took)}" for name, took in place.step_ms.items())
    if place.reached or place.failure is None:
        return f"reached; {times}"
    return f"not reached: {failure_line(place.failure.step, place.failure.type, place.failure.detail)}; {times}"


def _facts(result: CheckResult, few_days: float, place: Embedding) -> Element:
    tls = result.server.tls
    connection = None if tls is None else _list(_tls_facts(tls, few_days, result.started_at))
    return section(".facts")[
        div[place.heading(1)["Run"], _list(_run_facts(result))],
        None if connection is None else div[place.heading(1)["Connection"], connection],
    ]


def _list(facts: Iterable[tuple[str, Node]]) -> Element:
    return dl[(fragment[dt[name], dd[value]] for name, value in facts if value is not None)]


def _run_facts(result: CheckResult) -> Iterator[tuple[str, Node]]:
    server, message = result.server, result.new_message
    yield "address", bdi[words(server.address)] if server.address else "no connection was made"
    if server.unreachable_addresses:
        yield "unreachable", bdi[words(", ".join(server.unreachable_addresses))]
    if result.search is not None:
        yield "search", _search_words(result.search)
    if message is not None and message.message_id is not None:
        yield "filed in", bdi[words(message.mailbox)]
        yield "message id", bdi[words(message.message_id)]
        if message.delivery_seconds is not None:
            yield "delivery", length(message.delivery_seconds * 1000)
    if result.delivery is not None:
        yield from _delivery_facts(result.delivery)
    if result.quota is not None:
        yield "quota", f"{percent(result.quota.used_percent)} of {words(result.quota.resource)}"
    if result.token_ms is not None:
        yield "OAuth2 token", f"{length(result.token_ms)}, outside the steps"
    yield "run", bdi[words(result.run_id)]
    yield "imapcheck", words(result.version)


def _delivery_facts(delivery: DeliveryFacts) -> Iterator[tuple[str, Node]]:
    if delivery.queued_as is not None:
        yield "queued as", bdi[words(delivery.queued_as)]
    if delivery.mailbox is None or delivery.arrival_ms is None:
        yield "delivered", "not seen"
        return
    pushed = "" if delivery.pushed_ms is None else f", pushed after {length(delivery.pushed_ms)}"
    yield "delivered to", bdi[words(delivery.mailbox), f" after {length(delivery.arrival_ms)}{pushed}"]
    if delivery.hops:
        yield "route", bdi[words(" → ".join(map(_hop, delivery.hops)))]
    if delivery.authentication is not None:
        yield "authentication", words(delivery.authentication.words)


def _hop(hop: Hop) -> str:
    """`mx.example.net (ESMTPS) 2 s`."""
    protocol = f" ({hop.with_})" if hop.with_ else ""
    return f"{hop.by or 'unnamed'}{protocol}" + (f" {length(hop.seconds * 1000)}" if hop.seconds is not None else "")


def _search_words(search: SearchFacts) -> str:
    told = [f"{search.matches} found"]
    if search.age_seconds is not None:
        told.append(f"the newest {elapsed(timedelta(seconds=search.age_seconds))} old")
    if search.size_bytes is not None:
        told.append(size(search.size_bytes))
    return ", ".join(told)


def _tls_facts(tls: TlsFacts, few_days: float, now: datetime) -> Iterator[tuple[str, Node]]:
    if tls.version is not None:
        yield "TLS", f"{words(tls.version)}, {words(tls.cipher)}"
    yield "certificate", "verified" if tls.verified else span(".state.slow")["! not verified"]
    for name, value in (("subject", tls.certificate_subject), ("issuer", tls.certificate_issuer)):
        yield name, bdi[words(value)] if value else None
    if tls.certificate_names:
        yield "names", bdi[words(", ".join(tls.certificate_names))]
    if tls.certificates_sent is not None:
        yield "chain", f"{tls.certificates_sent} sent"
    if (left := tls.certificate_days_remaining) is not None:
        until = None if tls.certificate_expires_at is None else fragment[moment(tls.certificate_expires_at, now), ", "]
        drawing = days_drawing(left, "wait" if left >= few_days else "failed")
        yield "expires", fragment[until, days_left(left), drawing]


def _transcript(lines: Sequence[str], place: Embedding) -> Node:
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


def _line(number: int, line: str, kind: str, place: Embedding) -> Element:
    if not place.links:
        return li(class_=kind)[span(".number")[number], code[bdi[words(line)]]]
    anchor = f"{place.prefix}L{number}"
    link = a(".number", href=f"#{anchor}", aria_label=f"Line {number}", tabindex="-1")[number]
    return li(id=anchor, class_=kind)[link, code[bdi[words(line)]]]


def _may_lock(outcome: Outcome) -> bool:
    """One more refused login could lock the account: nobody is asked to try."""
    return outcome.result is not None and any(failure.type.may_lock for failure in outcome.result.failures)


def _again(file: str | None, runbook: str | None, place: Embedding) -> Node:
    if file is None and runbook is None:
        return None
    again = None if file is None else shlex.join(("imapcheck", "run", file, *place.again, "--transcript"))
    return section[
        place.heading(1)["Next"],
        None if again is None else p["Run it again: ", code(".words")[words(again)]],
        None if runbook is None else p["Runbook: ", _outside(runbook)],
    ]


def _outside(address: str) -> Node:
    """A link, where the definition gave one to the web; its text where not."""
    shown = words(address)
    if re.match(r"https?://", address, re.IGNORECASE) is None:
        return bdi[shown]
    return a(href=address, rel="noopener noreferrer")[shown]


def _raw(outcome: Outcome) -> Element:
    lines = json.dumps(json_object(outcome, transcript=True), indent=2, ensure_ascii=False).split("\n")
    return details[summary["The result as JSON"], pre(tabindex="0")["\n".join(words(line, 10_000) for line in lines)]]
