"""The alarm's story: golden files, what a reader must find in it, and words of a hostile server."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapcheck.errors import FailureType
from imapcheck.output.joint_story import Part, tell_together
from imapcheck.output.story import Story, tell, tell_bare
from imapcheck.output.story_facts import Evidence, Kind, MonitorError, Others, Run, find_spell
from support.story_scenes import (
    FAULTS,
    GOLDEN,
    PAGE,
    SCENES,
    Fault,
    as_file,
    change,
    documented,
    log_line,
    minutes_ago,
    runs_of,
    setting,
)

LABELS = ("Again:", "Runbook:", "Dashboard:", "Runs:", "Server:", "Alarm:")
HOSTILE = (
    "<!channel> @here", "<script>alert(1)</script>", "*bold* _it_ ~no~ [x](http://evil.example)", "```\n# title",
    "\u202egnp.exe", "\x1b[31mred\x07", "line\r\nSubject: forged", "\u2028\u2029\x85", "&lt;!everyone&gt;", "\ud800",
    "A" * 10_000, "ｗ" * 500, "\0",
)  # fmt: skip


@pytest.mark.parametrize("name", SCENES)
def test_story_is_the_one_that_was_read_and_approved(name: str) -> None:
    """`make docs` writes these files; a change in them is read by a person before it is committed."""
    assert as_file(SCENES[name]()) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_documentation_shows_the_stories_as_they_are() -> None:
    """`make docs` writes them."""
    page = PAGE.read_text(encoding="utf-8")
    assert documented(page) == page
    assert page.count("<!-- story: ") == page.count("\nSubject: ") > 10


def test_every_golden_file_has_its_scene_and_every_failure_type_a_file() -> None:
    """None is stale, none is missing."""
    names = {path.stem for path in GOLDEN.iterdir()}
    assert names == set(SCENES)
    assert {f"down-{type.value}" for type in FailureType} <= names


@pytest.mark.parametrize("name", SCENES)
def test_story_fits_a_narrow_screen(name: str) -> None:
    """80 columns, but for addresses, which no longer lead anywhere when broken."""
    for line in SCENES[name]().text.splitlines():
        assert len(line) <= 80 or line.startswith(LABELS)


@pytest.mark.parametrize("name", sorted(set(SCENES) - {"storm"}))
def test_first_three_lines_say_what_where_since_when_and_why(name: str) -> None:
    """A person who reads no further knows what has happened."""
    story = SCENES[name]()
    what, when, why = story.text.splitlines()[:3]
    verdict, check, server = what.split("  ")
    assert verdict.isupper()
    assert (check, server) == ("gmail", "imaps://imap.gmail.com:993/")
    assert re.match(r"(since|after) \d", when)
    assert re.search(r"\d\d:\d\d UTC", when)
    assert re.search(r": |not known", why)
    assert story.subject.startswith(f"{verdict} gmail")


@pytest.mark.parametrize("type", FailureType)
def test_every_failure_is_told_with_step_type_words_and_time(type: FailureType) -> None:
    """In the text, in the card and for programs."""
    story, fault = SCENES[f"down-{type.value}"](), FAULTS[type]
    flat = " ".join(story.text.split())
    assert f"{fault.step}: {type.value}" in flat
    assert " ".join(fault.detail.split()) in flat
    assert f"{fault.step} {fault.took_ms:.0f} <- failed" in flat or fault.goes_on
    assert "since 10:12 UTC" in flat
    assert "last good 10:07" in flat
    assert f"{fault.step}: {type.value}" in story.card["content"]["description"]
    assert (story.content["step"], story.content["type"]) == (fault.step, type.value)
    assert story.content["since"] == "2026-11-24T10:12:02.000Z"
    assert f"{fault.step} {type.value}" in story.subject


@pytest.mark.parametrize("name", SCENES)
def test_subject_is_one_short_line_of_ascii(name: str) -> None:
    """SNS refuses anything else, and a message that is refused is lost."""
    subject = SCENES[name]().subject
    assert subject.isascii()
    assert subject.isprintable()
    assert 0 < len(subject) < 100


def test_secret_in_the_advice_is_called_by_its_name() -> None:
    """There may be fifty."""
    bad = log_line(
        minutes_ago(0), type=FailureType.AUTHENTICATION_FAILED, fault=FAULTS[FailureType.AUTHENTICATION_FAILED]
    )
    bad["result"]["failure"]["advice"] = "Put the right password into the secret; the next run takes it."
    text = tell(change(Kind.UNAVAILABLE), setting([bad, bad])).text
    assert "DO: Put the right password into the secret imapcheck/gmail;" in text


def test_later_failures_and_warnings_are_told_too() -> None:
    """The first failure is not the only one a person must know of."""
    bad = log_line(minutes_ago(0), type=FailureType.NO_MATCH, fault=FAULTS[FailureType.NO_MATCH])
    bad["result"]["failures"].append({"step": "append", "type": "over_quota", "detail": "mailbox is full"})
    bad["result"]["warnings"] = [{"type": "server_alert", "detail": "maintenance at noon"}]
    text = tell(change(Kind.UNAVAILABLE), setting([bad, bad])).text
    assert "also append: over_quota: mailbox is full" in text
    assert "warning server_alert: maintenance at noon" in text


def test_withheld_login_is_told_in_the_words_of_the_refusal() -> None:
    """What the server said is in the run before; that logins are withheld since is told beside it."""
    refused, paused = FailureType.AUTHENTICATION_FAILED, FailureType.AUTHENTICATION_PAUSED
    runs = [log_line(minutes_ago(m), type=paused, fault=FAULTS[paused]) for m in (0, 5)]
    runs.append(log_line(minutes_ago(10), type=refused, fault=FAULTS[refused]))
    story = tell(change(Kind.UNAVAILABLE), setting([*runs, log_line(minutes_ago(15))]))
    assert "authenticate: authentication_failed" in story.text
    assert "Invalid credentials" in story.text
    assert "2 x authenticate: authentication_paused" in " ".join(story.text.split())
    assert story.content["type"] == "authentication_failed"


def test_others_that_ring_are_named_and_counted() -> None:
    """It is not only this one."""
    names = tuple(f"check{number}" for number in range(12))
    bad = log_line(minutes_ago(0), type=FailureType.TIMEOUT, fault=FAULTS[FailureType.TIMEOUT])
    text = " ".join(tell(change(Kind.UNAVAILABLE), setting([bad], others=Others(30, names))).text.split())
    assert "12 of the other 30 checks ring too: check0, check1," in text
    assert "check7 and 4 more." in text


def test_day_is_told_where_it_is_not_today() -> None:
    """An outage from before midnight."""
    at = minutes_ago(0).replace(hour=0, minute=3)
    fault = FAULTS[FailureType.TIMEOUT]
    lines = [log_line(at - timedelta(minutes=m), type=FailureType.TIMEOUT, fault=fault) for m in (2, 7)]
    lines += [log_line(at - timedelta(minutes=m)) for m in (12, 17)]
    text = tell(change(Kind.UNAVAILABLE, at=at), setting(lines)).text
    assert "since 23 Nov 23:56 UTC: 2 of the last 3 runs failed; last good 23 Nov 23:51" in text


def test_long_name_of_a_server_is_cut_visibly_and_stands_whole_below() -> None:
    """A first line of 80 columns, and nothing lost."""
    server = f"imaps://{'very-' * 20}long.example:993/"
    text = tell(change(Kind.UNAVAILABLE), setting([], watched={"server": server})).text
    assert text.splitlines()[0].endswith("…")
    assert f"Server:    {server}" in text


def test_what_is_cut_says_so() -> None:
    """A line of the transcript, a reason of CloudWatch's, the number of lines left out."""
    fault = replace(FAULTS[FailureType.PROTOCOL_ERROR], transcript=("S: " + "x" * 480,) * 30)
    bad = log_line(minutes_ago(0), type=FailureType.PROTOCOL_ERROR, fault=fault)
    text = tell(change(Kind.UNAVAILABLE), setting([bad, bad])).text
    assert "(18 lines before)" in text
    assert "… (483 characters)" in " ".join(text.split())


@st.composite
def hostile_words(draw: st.DrawFn) -> str:
    parts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))
    return "".join(draw(st.lists(parts, min_size=1, max_size=4)))


@given(words=hostile_words(), kind=st.sampled_from(Kind), state=st.sampled_from(["ALARM", "OK"]), joint=st.booleans())
def test_hostile_words_are_harmless_in_every_form(words: str, kind: Kind, state: str, joint: bool) -> None:
    """Detail, transcript, certificate, alert, error and reason: wherever a server's words can come from."""
    facts = {"certificate_subject": words, "certificate_issuer": words, "certificate_names": [words, words]}
    tls = {**facts, "verified": True, "certificate_days_remaining": 3, "certificate_expires_at": words}
    fault = Fault("tls", words, 10.0, (words, f"S: {words}"), certificate={**tls, "verified": kind is Kind.CERTIFICATE})
    bad = log_line(minutes_ago(0), type=FailureType.CERTIFICATE_INVALID, fault=fault)
    bad["result"]["warnings"] = [{"type": words, "detail": words}]
    bad["result"]["failures"] += [{"step": words, "type": words, "detail": words}]
    slow = log_line(
        minutes_ago(5), slow=True, exceeded=[{"name": words, "limit_ms": 1, "duration_ms": 2}], certificate=tls
    )
    lines = [bad, slow, log_line(minutes_ago(20)), bad]
    evidence = Evidence(runs_of(lines), (MonitorError(minutes_ago(0), words),), minutes_ago(30))
    changed = replace(change(kind, state), reason=words)
    scene = replace(setting([]), evidence=evidence)
    story = tell_together([(changed, scene)] * 3, Part(1, 2)) if joint else tell(changed, scene)
    assert_harmless(story)
    assert_harmless(tell_bare(changed, scene))


def assert_harmless(story: Story) -> None:
    for line in story.text.splitlines():
        assert line.isprintable()
        assert len(line) <= 80 or line.startswith(LABELS)
    assert story.subject.isascii()
    assert story.subject.isprintable()
    assert len(story.subject) < 100
    assert len(story.text) < 30_000
    for text in (*strings(story.card), *strings(story.content)):
        assert all(char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in text)
        text.encode("utf-8")
    content = story.card["content"]
    assert not re.search(r"<|@\w", json.dumps(content, ensure_ascii=False))
    assert content["description"].count("```") in (0, 2)
    assert len(content["description"]) <= 3000
    outside = re.sub(r"```.*?```", "", content["description"], flags=re.DOTALL)
    assert not re.search(r"[`\[\]~]|evil|forged", outside)
    assert json.loads(json.dumps(story.content)) == story.content


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([10**400, 1e300]) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("number", [10**400, float("inf"), float("nan"), -1e300, 1e300])
@pytest.mark.parametrize("kind", Kind)
def test_number_out_of_all_bounds_is_none(number: float, kind: Kind) -> None:
    """`json` reads them all; a story of them would be no story."""
    line = log_line(minutes_ago(0), slow=True, exceeded=[{"name": "tls", "limit_ms": number, "duration_ms": number}])
    line |= {"duration_ms": number, "step_ms": {"tls": number, "connect": 1}}
    line["result"]["server"]["tls"] = {"verified": True, "certificate_days_remaining": number}
    run = Run.from_line(line)
    assert run.step_ms == {"connect": 1}
    assert_harmless(tell(change(kind), replace(setting([]), evidence=Evidence((run, run)))))


@given(data=st.data())
def test_line_in_another_shape_is_a_run_or_refused_and_never_a_crash(data: st.DataObject) -> None:
    """An older version's line, a newer one's, or somebody else's."""
    line = log_line(minutes_ago(0), type=FailureType.TIMEOUT, fault=FAULTS[FailureType.TIMEOUT])
    for key in data.draw(st.lists(st.sampled_from(sorted(line)), max_size=3)):
        line[key] = data.draw(JSON)
    if isinstance(line["result"], dict):
        for key in data.draw(st.lists(st.sampled_from(sorted(line["result"]) or ["x"]), max_size=3)):
            line["result"][key] = data.draw(JSON)
    try:
        run = Run.from_line(line)
    except ValueError:
        return
    for kind in Kind:
        assert_harmless(tell(change(kind), replace(setting([]), evidence=Evidence((run, run)))))


@given(
    bad=st.lists(st.booleans(), min_size=1, max_size=25),
    numbers=st.sampled_from([(1, 1), (2, 3), (3, 3), (2, 5), (4, 5), (1, 10)]),
)
def test_spell_is_the_time_that_the_alarm_rang(bad: list[bool], numbers: tuple[int, int]) -> None:
    """Against the alarm itself, run forwards over the same history."""
    needed, periods = numbers
    oldest_first = list(reversed(bad))
    rang = [sum(oldest_first[max(0, at - periods + 1) : at + 1]) >= needed for at in range(len(oldest_first))]
    fault = FAULTS[FailureType.TIMEOUT]
    lines = [
        log_line(minutes_ago(5 * at), type=FailureType.TIMEOUT if failed else None, fault=fault if failed else None)
        for at, failed in enumerate(bad)
    ]
    state = "ALARM" if rang[-1] else "OK"
    spell = find_spell(change(Kind.UNAVAILABLE, state, needed=needed, periods=periods), runs_of(lines))
    if True not in rang:
        assert spell is None or not spell.complete
        return
    assert spell is not None
    last = max(at for at, ringing in enumerate(rang) if ringing)
    first = last
    while first > 0 and rang[first - 1]:
        first -= 1
    began = next(at for at in range(max(0, first - periods + 1), first + 1) if oldest_first[at])
    expected = [at for at in range(began, last + 1) if oldest_first[at]]
    found = [len(bad) - 1 - round((minutes_ago(0) - run.started_at) / timedelta(minutes=5)) for run in spell.bad]
    assert sorted(found) == expected
    assert (spell.after is not None) == (state == "OK")
