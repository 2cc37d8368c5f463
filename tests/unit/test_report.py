"""The report: verdict first, everything in it, and nothing that a server says becomes markup."""

import base64
import functools
import hashlib
import itertools
import json
import re
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from html.parser import HTMLParser
from typing import Any

import pytest

from imapcheck.asked import Asked
from imapcheck.aws.run_log import read_run
from imapcheck.output.outcome import Outcome
from imapcheck.report.page import page, run_fragment
from imapcheck.result import CheckResult, ResultWarning
from support.depth import deep
from support.full_results import available, refused, slow
from support.more_results import over_quota
from support.story_scenes import TOKYO, seen_from

MADE = datetime(2026, 11, 24, 10, 20, tzinfo=UTC)
ASKED = Asked(
    "imaps://imap.example.com:993/",
    "events/mail.json",
    runbook="https://wiki.example/",
    thresholds={"total": 2000, "search": 500},
)
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "]]></style><script>alert(1)</script>",
    "<!-- --><base href=//evil.example>",
    "</title></head><body><iframe src=//evil.example></iframe>",
    "&lt;script&gt; &#60;script&#62; &",
    "\u202egnp.exe\u202c \u2066x",
    "\x00\x1b[31m\r\nC: A0001 LOGIN",
    "<cwdb-action action=call endpoint=evil>{}</cwdb-action>",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "\ud800 lone surrogate",
    "A" * 20_000,
)
INLINE = {"a", "bdi", "code", "span", "time"}
NEVER = {"script", "iframe", "img", "base", "object", "embed", "link", "cwdb-action"}
CLOSED = {"schema", "started_at", "status", "name", "step", "type", "category", "certificate_expires_at"}
"""What the code says and no server: its words are of a closed list."""


class Page(HTMLParser):
    """Every tag with its attributes, every text, and the text of one element by its id."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.other: list[str] = []
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        self._within = tag
        if tag not in INLINE:
            self.texts.append(" ")

    def handle_data(self, data: str) -> None:
        (self.styles if self._within == "style" else self.texts).append(data)

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def values(self, attribute: str) -> list[str]:
        return [value or "" for _, attributes in self.tags for name, value in attributes if name == attribute]


def outcome(result: CheckResult, asked: Asked = ASKED) -> Outcome:
    return Outcome(result.check or "check", result, asked=asked)


def report(*results: CheckResult) -> Page:
    return Page(page([outcome(result) for result in results], MADE))


def poisoned(value: Any, words: str, key: str = "") -> Any:
    """`value` with every text that is not of a closed list replaced."""
    match value:
        case Enum():
            return value
        case tuple():
            return tuple(poisoned(item, words, key) for item in value)
        case str() if key not in CLOSED:
            return words
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(
                value, **{item.name: poisoned(getattr(value, item.name), words, item.name) for item in fields(value)}
            )
        case _:
            return value


def shape(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Tags and their attributes' names."""
    return [(tag, tuple(name for name, _ in attributes)) for tag, attributes in Page(text).tags]


def draw_page(result: CheckResult, asked: Asked) -> str:
    return page([outcome(result, asked)], MADE)


def draw_two(result: CheckResult, asked: Asked) -> str:
    failed = Outcome(result.check or "", error=result.run_id.replace("\n", " "), asked=asked)
    return page([outcome(result, asked), failed], MADE)


def draw_fragment(result: CheckResult, asked: Asked) -> str:
    return run_fragment(outcome(result, asked), dark=True)


RESULTS = {"available": available(), "refused": refused(), "slow": slow()}
DRAWN = {"page": draw_page, "two": draw_two, "fragment": draw_fragment}


@pytest.mark.parametrize(
    ("number", "which", "draw"),
    deep(
        itertools.product(range(len(HOSTILE)), RESULTS, DRAWN),
        lambda number, which, draw: number == 0 or (which == "refused" and draw != "page"),
    ),
)
def test_hostile_words_change_no_tag(number: int, which: str, draw: str) -> None:
    """The page has the tags and attributes that harmless words give it, and no more; none of them runs or loads."""
    words = HOSTILE[number]
    drawn = DRAWN[draw](poisoned(RESULTS[which], words), Asked(words, words, words, words))
    assert shape(drawn) == harmless_shape(which, draw)
    found = Page(drawn)
    assert not NEVER & {tag for tag, _ in found.tags}
    assert not [name for _, attributes in found.tags for name, _ in attributes if name.startswith("on")]
    assert all(link.startswith("#") for link in found.values("href"))
    assert not [char for char in drawn if not char.isprintable() and char != "\n"]


@functools.cache
def harmless_shape(which: str, draw: str) -> Any:
    return shape(
        DRAWN[draw](poisoned(RESULTS[which], "harmless"), Asked("harmless", "harmless", "harmless", "harmless"))
    )


@pytest.mark.parametrize("words", HOSTILE[:9])
def test_hostile_words_are_shown_as_they_are(words: str) -> None:
    """Escaped, not swallowed: the reader sees what the server said."""
    assert " ".join(words.split()) in Page(draw_page(poisoned(refused(), words), ASKED)).text


def test_only_the_web_becomes_a_link() -> None:
    """A runbook that is no web address is text."""
    assert "https://wiki.example/" in report(refused()).values("href")
    for address in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", " https://x.example"):
        drawn = Page(page([outcome(refused(), replace(ASKED, runbook=address))], MADE))
        assert all(link.startswith("#") for link in drawn.values("href"))


def test_the_policy_allows_our_style_sheet_and_nothing_else() -> None:
    """Its hash is that of what stands in the page, to the octet."""
    found = report(refused())
    [policy] = [value for value in found.values("content") if "default-src" in value]
    digest = base64.b64encode(hashlib.sha256("".join(found.styles).encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not found.values("style")
    assert not re.search(r"url\(|@import", "".join(found.styles))
    assert not found.values("src")


def test_verdict_and_reason_come_first() -> None:
    """Before the steps: the words, the step, the type, what the server said and what to do."""
    text = report(refused()).text
    before = text[: text.index(" Steps")]
    failure = refused().failure
    assert failure is not None
    for words in ("✗ NOT AVAILABLE", "mail", ASKED.server, "24 Nov 2026 10:12 UTC", "2 attempts"):
        assert str(words) in before
    assert f"authenticate: {failure.type.value} (authentication)" in before
    assert failure.detail in before
    assert failure.advice in before
    assert "Also list: authentication_failed (authentication) and the server hung up" in before
    assert "An earlier attempt: authenticate" in before


def test_steps_that_were_not_reached_are_one_row() -> None:
    """And so are not between the reader and what happened."""
    text = report(refused()).text
    assert "not reached examine, search" in text
    assert text.count("not reached") == 1 + json.dumps(refused().to_dict()).count("not reached")


def test_a_slow_run_says_what_was_exceeded() -> None:
    """Which step, how long, and what was set."""
    text = report(slow()).text
    assert "! AVAILABLE, BUT SLOW" in text
    assert "search took 1.2 s; the threshold is 500 ms" in text
    assert "certificate_expires_soon: the certificate expires in 9 days" in text


def test_facts_transcript_json_and_how_to_repeat_are_there() -> None:
    """Nothing of the result is left out."""
    text = report(available()).text
    for words in (
        "203.0.113.25", "2 found, the newest 2 h 2 min old, 2,103 bytes", "TLSv1.3, TLS_AES_256_GCM_SHA384",
        "61 days left", "imap.example.com, mail.example.com", "STORAGE", "S: A0003 OK done",
        "imapcheck run events/mail.json --transcript", f'"run_id": "{available().run_id}"',
    ):  # fmt: skip
        assert words in text


def test_the_file_to_run_is_quoted_for_the_shell() -> None:
    """A folder with a space, or a file name that is a command."""
    drawn = Page(page([outcome(available(), replace(ASKED, file="my events/$(reboot).json"))], MADE))
    assert "imapcheck run 'my events/$(reboot).json' --transcript" in drawn.text


def test_every_link_within_the_page_has_its_place() -> None:
    """The failing line of the transcript, each line's number, each check of the table."""
    for drawn in (report(refused()), report(refused("a"), slow("b"), available("c"))):
        ids = drawn.values("id")
        assert len(ids) == len(set(ids))
        links = {link[1:] for link in drawn.values("href") if link.startswith("#")}
        assert links <= set(ids)
        assert any(link.endswith("L6") for link in links)


def test_each_failure_leads_to_its_own_line() -> None:
    """A search that finds nothing is answered OK, whatever else the server refused; a full mailbox is a NO."""
    mixed = over_quota()
    mixed = replace(mixed, transcript=('C: A0007 LIST "" "%"', "S: A0007 NO not now", *mixed.transcript))
    drawn = report(mixed)
    links = [link for link in drawn.values("href") if link.startswith("#")]
    assert [mixed.transcript[int(link.removeprefix("#L")) - 1] for link in links[:2]] == [
        "S: A0009 NO [OVERQUOTA] Quota exceeded (mailbox for user is full)",
        "S: A0008 OK Search completed",
    ]
    assert all(f"What to do: {failure.advice}" in drawn.text for failure in mixed.failures)


def test_the_goodbye_after_logout_is_no_refusal() -> None:
    """One line is marked: the NO, not the BYE that LOGOUT watched for."""
    assert report(refused()).values("class").count("refusal") == 1
    assert report(available()).values("class").count("refusal") == 0


def test_several_checks_are_told_worst_first() -> None:
    """A table of all, then a section for each, and what could not be run is among them."""
    outcomes = [
        outcome(available("a-good")), outcome(slow("b-slow")), outcome(refused("c-bad")),
        outcome(replace(available("e-soon"), warnings=(ResultWarning("certificate_expires_soon", "3 days left"),))),
        Outcome("d-broken", error="events/d-broken.json: serch: unknown key"),
    ]  # fmt: skip
    drawn = Page(page(outcomes, MADE))
    assert "1 not available; 1 could not be run; 1 available, but slow; 2 available" in drawn.text
    links = [link for link in drawn.values("href") if link.startswith("#check-") and "L" not in link]
    assert links == ["#check-c-bad", "#check-d-broken", "#check-b-slow", "#check-e-soon", "#check-a-good"]
    assert drawn.text.count("events/d-broken.json: serch: unknown key") == 2
    assert "! available, with a warning warning: certificate_expires_soon: 3 days left" in drawn.text
    assert "2 available; 2 with a warning" in drawn.text


def test_a_widget_has_no_link_into_the_page_and_the_theme_it_is_given() -> None:
    """In the console such a link would leave the dashboard."""
    light, dark = (run_fragment(outcome(refused()), dark=dark) for dark in (False, True))
    assert Page(light).values("href") == ["https://wiki.example/"]
    assert "prefers-color-scheme" not in light + dark
    assert "@media not all" in light
    assert "@media screen" in dark
    assert not [tag for tag, _ in Page(dark).tags if tag in {"html", "head", "body", "meta", "title", "main"}]


@pytest.mark.parametrize("run", [slow(), refused()], ids=["slow", "refused"])
def test_the_json_in_the_page_is_the_result(run: CheckResult) -> None:
    """What a program reads from the page is what `--json` prints, laid out for people."""
    [raw] = [text for text in report(run).texts if text.startswith("{\n")]
    assert raw == json.dumps(run.to_dict(), indent=2, ensure_ascii=False)


def test_places_have_a_row_each() -> None:
    """The city, whether it was reached, with the times of the way there and what failed."""
    run = seen_from(MADE, TOKYO)
    found = read_run(json.dumps(run))
    assert found is not None
    text = re.sub(r"<[^>]+>", " ", page([Outcome("office", found, asked=ASKED)], MADE))
    assert "AVAILABLE, BUT NOT FROM EVERYWHERE" in text
    rows = " ".join(text.split())
    assert "Frankfurt reached; dns 3.1 ms, connect 21 ms" in rows
    assert "Tokyo not reached: connect: timeout: 192.0.2.10: no answer; dns 12 ms, connect 5 s" in rows
