"""The alarm's story: golden files, what a reader must find in it, and words of a hostile server."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapcheck.alarms.joint_story import joint_story_of
from imapcheck.alarms.kind import AlarmKind, Change, Evidence, MonitorError, Others
from imapcheck.alarms.kinds import CERTIFICATE, KINDS, NOT_RUNNING, SLOW, UNAVAILABLE
from imapcheck.alarms.spell import find_spell
from imapcheck.alarms.storm import Part
from imapcheck.alarms.story import Story, bare_story_of, story_of
from imapcheck.failures import FailureType
from imapcheck.result import CheckResult, ResultWarning
from imapcheck.wording import length
from support.any_result import results
from support.log_lines import log_line as written
from support.story_files import GOLDEN
from support.story_scenes import (
    FAULTS,
    PAGE,
    SCENES,
    SEEN,
    Fault,
    change,
    documented,
    log_line,
    minutes_ago,
    run_of,
    runs_of,
    setting,
)

LABELS = ("Run again:", "Runbook:", "Dashboard:", "Log:", "Server:", "Alarm:")
NOBODY_CHANGED = {
    FailureType.CERTIFICATE_EXPIRED, FailureType.OVER_QUOTA, FailureType.TOO_OLD,
    FailureType.GREETING_REJECTED, FailureType.CONNECTION_LOST,
}  # fmt: skip
"""Time alone does it, or the server says itself why."""
HOSTILE = (
    "<!channel> @here", "<script>alert(1)</script>", "*bold* _it_ ~no~ [x](http://evil.example)", "```\n# title",
    "\u202egnp.exe", "\x1b[31mred\x07", "line\r\nSubject: forged", "\u2028\u2029\x85", "&lt;!everyone&gt;", "\ud800",
    "A" * 10_000, "ｗ" * 500, "\0",
)  # fmt: skip


@pytest.mark.parametrize("file", GOLDEN.scenes)
def test_story_is_the_one_that_was_read_and_approved(file: str) -> None:
    """`make docs` writes these files; a change in them is read by a person before it is committed."""
    assert GOLDEN.scenes[file]() == GOLDEN.read(file)


def test_documentation_shows_the_stories_as_they_are() -> None:
    """`make docs` writes them."""
    page = PAGE.read_text(encoding="utf-8")
    assert documented(page) == page
    assert page.count("<!-- story: ") == page.count("\nSubject: ") > 10


def test_every_golden_file_has_its_scene_and_every_failure_type_a_file() -> None:
    """None is stale, none is missing."""
    assert GOLDEN.names() == set(GOLDEN.scenes)
    assert {f"down-{type.value}" for type in FailureType} <= set(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_story_fits_a_narrow_screen(name: str) -> None:
    """80 columns, but for addresses, which no longer lead anywhere when broken."""
    for line in SCENES[name]().text.splitlines():
        assert len(line) <= 80 or line.startswith(LABELS)


@pytest.mark.parametrize("name", sorted(name for name in SCENES if not name.startswith("storm")))
def test_first_three_lines_say_what_where_since_when_and_why(name: str) -> None:
    """A person who reads no further knows what has happened."""
    story = SCENES[name]()
    what, when, why = story.text.splitlines()[:3]
    verdict, check, server = what.split("  ")
    assert verdict.isupper()
    sending = re.search(r"^(submit|send_\w+): ", story.text, re.MULTILINE)
    assert (check, server) == (
        "office",
        "smtps://smtp.example.com:465/" if sending else "imaps://imap.example.com:993/",
    )
    assert re.match(r"((on and off )?since|after) \d", when)
    assert re.search(r"\d\d:\d\d UTC", when)
    assert re.search(r": ", why)
    assert story.subject.startswith(f"{verdict} office")


@pytest.mark.parametrize("type", FailureType)
def test_every_failure_is_told_with_step_type_words_and_time(type: FailureType) -> None:
    """In the text, in the card and for programs."""
    story, fault = SCENES[f"down-{type.value}"](), FAULTS[type]
    flat = " ".join(story.text.split())
    assert f"{fault.step}: {type.value}" in flat
    # Of a timeout, how long was waited says more than its detail.
    assert " ".join(fault.detail.split()) in flat or type is FailureType.TIMEOUT
    mark = "not tried" if type is FailureType.AUTHENTICATION_PAUSED else "failed"
    assert f"{fault.step} {length(fault.took_ms)} <- {mark}" in flat or fault.goes_on
    assert "since 24 Nov 10:12 UTC (5 min): the last 2 runs failed; last good 10:07 UTC" in flat
    asked = "DO: Find out what changed after 10:07 UTC, when it still worked." in flat
    assert asked == (type not in NOBODY_CHANGED)
    assert f"{fault.step}: {type.value}" in story.card["content"]["description"]
    assert (story.content["step"], story.content["type"]) == (fault.step, type.value)
    assert story.content["since"] == "2026-11-24T10:12:02.000Z"
    assert "since 24 Nov 10:12 UTC" in story.subject


@pytest.mark.parametrize("name", SCENES)
def test_subject_is_one_short_line_of_ascii(name: str) -> None:
    """SNS refuses anything else, and a message that is refused is lost."""
    subject = SCENES[name]().subject
    assert subject.isascii()
    assert subject.isprintable()
    assert 0 < len(subject) < 100


def test_secret_in_the_advice_is_called_by_its_name() -> None:
    """There may be fifty; in an older version's words too."""
    bad = log_line(
        minutes_ago(0), type=FailureType.AUTHENTICATION_FAILED, fault=FAULTS[FailureType.AUTHENTICATION_FAILED]
    )
    bad["result"]["failures"][0]["advice"] = "Put the right password into the secret; the next run uses it."
    text = story_of(change(UNAVAILABLE), setting([bad, bad])).text
    assert "DO: Put the right password into the secret imapcheck/office (AWS" in text
    advice = "Put the right password into the secret or the credentials file; the next run uses it."
    bad["result"]["failures"][0]["advice"] = advice
    assert story_of(change(UNAVAILABLE), setting([bad, bad])).text == text


def test_later_failures_and_warnings_are_told_too() -> None:
    """The first failure is not the only one a person must know of."""
    bad = log_line(minutes_ago(0), type=FailureType.NO_MATCH, fault=FAULTS[FailureType.NO_MATCH])
    first = bad["result"]["failures"][0]
    bad["result"]["failures"].append({**first, "step": "append", "type": "over_quota", "detail": "mailbox is full"})
    bad["result"]["warnings"] = [{"type": "server_alert", "detail": "maintenance at noon"}]
    text = story_of(change(UNAVAILABLE), setting([bad, bad])).text
    assert text.startswith("MAILBOX FULL")
    assert "mailbox is full" in text
    assert 'also search: no_match: 0 found with subject "App password created"' in " ".join(text.split())
    assert "warning: server_alert: maintenance at noon" in text


def test_withheld_login_is_told_in_the_words_of_the_refusal() -> None:
    """What the server said is in the run before; that logins are withheld since is told beside it."""
    refused, paused = FailureType.AUTHENTICATION_FAILED, FailureType.AUTHENTICATION_PAUSED
    runs = [log_line(minutes_ago(m), type=paused, fault=FAULTS[paused]) for m in (0, 5)]
    runs.append(log_line(minutes_ago(10), type=refused, fault=FAULTS[refused]))
    story = story_of(change(UNAVAILABLE), setting([*runs, log_line(minutes_ago(15))]))
    assert "authenticate: authentication_failed" in story.text
    assert "Authentication failed." in story.text
    assert "2 × authenticate: authentication_paused (10:12 to 10:17 UTC)" in " ".join(story.text.split())
    assert "now the check does not log in" in " ".join(story.text.split())
    assert story.content["type"] == "authentication_failed"


@pytest.mark.parametrize("refused_at", [None, 10])
@pytest.mark.parametrize("type", sorted(set(FailureType) - {FailureType.AUTHENTICATION_PAUSED}))
def test_withheld_login_is_told_and_no_older_failure_of_another_kind(type: FailureType, refused_at: int | None) -> None:
    """The newest runs reached the login: what failed before on the way to it is not the reason any more."""
    paused, refused = FailureType.AUTHENTICATION_PAUSED, FailureType.AUTHENTICATION_FAILED
    told = {0: paused, 5: paused, 10: refused if refused_at else type, 15: type}
    runs = [log_line(minutes_ago(m), type=bad, fault=FAULTS[bad]) for m, bad in told.items()]
    lines = [*runs, log_line(minutes_ago(20)), log_line(minutes_ago(25))]
    story = story_of(change(UNAVAILABLE), setting(lines))
    seen = refused_at or type is refused
    assert story.content["type"] == (refused if seen else paused)
    assert story.content["since"] == "2026-11-24T10:02:02.000Z"
    assert f"authenticate: {paused.value} (10:12 to 10:17 UTC)" in " ".join(story.text.split())


ABSENT = "secret imapcheck/office: cannot be read:"
TOKEN = "secret imapcheck/office: credentials: token endpoint login.example.com:"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (f"{ABSENT} there is no such secret (ResourceNotFoundException)", "Create or restore the secret"),
        (f"{ABSENT} was it deleted? (InvalidRequestException)", "Create or restore the secret"),
        (f"{ABSENT} the function may not read it; .. (AccessDeniedException)", "Let run_check read the secret"),
        (f"{ABSENT} its KMS key cannot decrypt it; .. (DecryptionFailure)", "Let run_check read the secret"),
        (f"{ABSENT} no answer from Secrets Manager (ConnectTimeoutError)", "Check whether AWS Secrets Manager has"),
        (f"{ABSENT} Secrets Manager throttled the call (ThrottlingException)", "Check whether AWS Secrets Manager has"),
        (f"{ABSENT} Secrets Manager answered 500 (InternalServiceError)", "Check whether AWS Secrets Manager has"),
        (f"{TOKEN} timeout: no complete answer in time", "Check whether login.example.com is the right token endpoint"),
        (f"{TOKEN} HTTP 503 without a token", "Check whether login.example.com is the right token endpoint"),
        (f"{TOKEN} it refused with temporarily_unavailable (HTTP 503)", "Check whether login.example.com is the right"),
        (f"{TOKEN} it refused with invalid_grant (HTTP 400)", "Fix the secret"),
        ("secret imapcheck/office: password: missing", "Fix the secret"),
        ("secret imapcheck/office: expected a JSON object with username, password and host", "Fix the secret"),
    ],
)
def test_secret_is_fixed_only_where_it_is_wrong(error: str, advice: str) -> None:
    """A secret that could not be reached is in order for all that is known."""
    seen = {"errors": (MonitorError(minutes_ago(1), f"CredentialsError: check office: {error}"),)}
    do = story_of(change(NOT_RUNNING), setting([log_line(minutes_ago(16))], evidence=seen)).content["do"]
    assert f"when it still worked. {advice}" in do
    assert ("Fix the secret" in do) == (advice == "Fix the secret")


def test_others_that_ring_are_named_and_counted() -> None:
    """It is not only this one."""
    names = tuple(f"check{number}" for number in range(12))
    bad = log_line(minutes_ago(0), type=FailureType.TIMEOUT, fault=FAULTS[FailureType.TIMEOUT])
    text = " ".join(story_of(change(UNAVAILABLE), setting([bad], others=Others(30, names))).text.split())
    assert "12 of the other 30 checks are in alarm too: check0, check1," in text
    assert "check7 and 4 more." in text


def test_day_is_told_where_it_is_not_today() -> None:
    """An outage from before midnight."""
    at = minutes_ago(0).replace(hour=0, minute=3)
    fault = FAULTS[FailureType.TIMEOUT]
    lines = [log_line(at - timedelta(minutes=m), type=FailureType.TIMEOUT, fault=fault) for m in (2, 7)]
    lines += [log_line(at - timedelta(minutes=m)) for m in (12, 17)]
    text = " ".join(story_of(change(UNAVAILABLE, at=at), setting(lines)).text.split())
    assert "since 23 Nov 23:56 UTC (7 min): the last 2 runs failed; last good 23 Nov 23:51 UTC" in text


def test_long_name_of_a_server_is_cut_visibly_and_stands_whole_below() -> None:
    """A first line of 80 columns, and nothing lost."""
    server = f"imaps://{'very-' * 20}long.example:993/"
    text = story_of(change(UNAVAILABLE), setting([], asked={"server": server})).text
    assert text.splitlines()[0].endswith("…")
    assert f"Server:    {server}" in text


def test_what_is_cut_says_so() -> None:
    """A line of the transcript, a reason of CloudWatch's, the number of lines left out."""
    fault = replace(FAULTS[FailureType.PROTOCOL_ERROR], transcript=("S: " + "x" * 480,) * 30)
    bad = log_line(minutes_ago(0), type=FailureType.PROTOCOL_ERROR, fault=fault)
    text = story_of(change(UNAVAILABLE), setting([bad, bad])).text
    assert "(… 18 lines before)" in text
    assert "… (483 characters)" in " ".join(text.split())


@pytest.mark.parametrize(
    ("type", "word"),
    [
        (FailureType.NO_MATCH, "MAIL MISSING"),
        (FailureType.TOO_OLD, "NO NEW MAIL"),
        (FailureType.MESSAGE_TOO_LARGE, "MAIL TOO LARGE"),
        (FailureType.MAILBOX_NOT_FOUND, "MAILBOX MISSING"),
        (FailureType.OVER_QUOTA, "MAILBOX FULL"),
    ],
)
def test_server_that_works_is_not_called_down(type: FailureType, word: str) -> None:
    """Nobody gets up at night for a word; what more went wrong in the same run makes it DOWN all the same."""
    story = SCENES[f"down-{type.value}"]()
    assert story.subject.startswith(f"{word} office")
    assert (story.content["kind"], story.content["state"]) == ("unavailable", "ALARM")
    bad = log_line(minutes_ago(0), type=type, fault=FAULTS[type])
    first = bad["result"]["failures"][0]
    bad["result"]["failures"].append({**first, "step": "append", "type": "connection_lost", "detail": "reset"})
    assert story_of(change(UNAVAILABLE), setting([bad, bad])).subject.startswith("DOWN office")
    ended = [log_line(minutes_ago(0)), *(log_line(minutes_ago(m), type=type, fault=FAULTS[type]) for m in (5, 10))]
    assert story_of(change(UNAVAILABLE, "OK"), setting([*ended, log_line(minutes_ago(15))])).subject.startswith("OK ")


@pytest.mark.parametrize("type", FailureType)
def test_nothing_is_said_twice(type: FailureType) -> None:
    """The reason explains what the detail does not say."""
    text = SCENES[f"down-{type.value}"]().text.lower().partition("\ntranscript")[0]
    sentences = [" ".join(part.split()) for part in re.split(r"[.?;:]\s|\n\n| - ", text)]
    long = [sentence for sentence in sentences if len(sentence) > 25]
    assert len(long) == len(set(long))


def test_advice_for_what_worked_before_does_not_silence_the_alarm() -> None:
    """A definition that was right at 10:07 is not what to change first."""
    for type in FailureType:
        do = SCENES[f"down-{type.value}"]().content["do"].rpartition("still worked. ")[2]
        assert "office.json" not in re.split(r"; |, then |\. ", do)[0]
        bad = log_line(minutes_ago(0), type=type, fault=FAULTS[type])
        assert "still worked" not in story_of(change(UNAVAILABLE), setting([bad, bad])).content["do"]


def test_broken_spell_counts_and_an_unbroken_one_says_so() -> None:
    """ "2 of 3" reads as flapping: it is said of nothing else."""
    fault = FAULTS[FailureType.TIMEOUT]

    def when(*failed: bool) -> str:
        lines = [
            log_line(minutes_ago(5 * at), type=FailureType.TIMEOUT if bad else None, fault=fault if bad else None)
            for at, bad in enumerate(failed)
        ]
        return story_of(change(UNAVAILABLE), setting(lines)).text.splitlines()[1]

    assert "the last 2 runs failed" in when(True, True, False, False, False)
    assert "2 of the last 3 runs failed" in when(True, False, True, False, False, False)
    assert "2 of the last 3 runs failed" in when(False, True, True, False, False, False)


def test_runs_of_another_search_are_counted_and_dated() -> None:
    """What matched before, and from when it was."""
    flat = " ".join(SCENES["down-no_match"]().text.split())
    assert "At 10:07 UTC 1 message matched, the newest of 24 Nov 07:09 UTC." in flat
    assert "Skipped: fetch." in flat


def test_timeout_tells_how_long_was_waited_and_what_the_limit_is() -> None:
    """Not only that it was too long."""
    assert "fetch: timeout - waited 29.2 s; the whole run may take 30 s" in SCENES["down-timeout"]().text


def test_recovery_counts_each_cause_and_when_it_was() -> None:
    """Seven runs did not all fail alike."""
    story = SCENES["up"]()
    assert story.subject.endswith("7 runs failed: 1 x connection_lost, 6 x connection_refused")
    flat = " ".join(story.text.split())
    assert "1 × search: connection_lost (10:15 UTC), 6 × connect: connection_refused (10:20 to 10:45 UTC)" in flat
    assert "search: the server ended the session: BYE System shutting down" in flat


def test_certificate_is_told_only_where_the_failed_run_saw_it() -> None:
    """What an earlier run saw is not how things are."""
    assert "Certificate: 61 days left." in SCENES["down-authentication_failed"]().text
    assert "Certificate:" not in SCENES["down-connection_refused"]().text
    assert "Certificate:" not in SCENES["down-tls_handshake_failed"]().text


def test_transcript_ends_with_the_failed_step_and_tells_what_is_left_out() -> None:
    """The steps after it tell nothing of it."""
    lines = SCENES["down-no_match"]().content["run"]["transcript"]
    assert lines[0] == "(… 16 lines before)"
    assert lines[-2:] == ["S: A0008 OK Search completed", "(… 7 lines after)"]


def test_failed_runs_that_only_the_alarm_names_are_dated_by_it() -> None:
    """CloudWatch's reason has the times of its datapoints; where it has none, the alarm's own time is the latest."""
    nothing = replace(setting([]), evidence=Evidence(problem="the log could not be read"))
    rang = change(UNAVAILABLE)
    for reason, since in [
        (rang.reason, "since 24 Nov 10:12 UTC (6 min): "),
        ("Threshold Crossed", "since 24 Nov 10:17 UTC or earlier: "),
        ("[0.0 (99/99/26 10:12:00)]", "since 24 Nov 10:17 UTC or earlier: "),
        ("[100.0 (24/11/26 10:12:00), 0.0 (24/11/27 10:12:00)]", "since 24 Nov 10:17 UTC or earlier: "),
    ]:
        assert story_of(replace(rang, reason=reason), nothing).text.splitlines()[1].startswith(since)


def test_story_that_could_not_be_made_does_not_say_that_the_log_is_empty() -> None:
    """The failed runs are there; only the telling broke."""
    bad = log_line(minutes_ago(0), type=FailureType.TIMEOUT, fault=FAULTS[FailureType.TIMEOUT])
    story = bare_story_of(change(UNAVAILABLE), setting([bad, bad]))
    assert story.subject.startswith("DOWN office: reason unknown, since 24 Nov 10:12 UTC: the story could not be made")
    assert "no failed run" not in story.text


def test_joint_story_tells_the_changes_of_a_check_as_they_came() -> None:
    """The check that is worst off at the end comes first; what ended is told last."""

    def changed(check: str, state: str, minutes: int, kind: AlarmKind = UNAVAILABLE) -> Change:
        return replace(change(kind, state, minutes_ago(minutes)), check=check, alarm=f"{check}-{kind}")

    told = [
        changed("over", "OK", 1), changed("over", "ALARM", 9), changed("slow", "ALARM", 2, SLOW),
        changed("flaps", "ALARM", 0), changed("flaps", "OK", 5), changed("flaps", "ALARM", 8),
    ]  # fmt: skip
    content = joint_story_of([(item, setting([])) for item in told]).content
    assert [(item["check"], item["state"]) for item in content["changes"]] == [
        ("flaps", "ALARM"), ("flaps", "OK"), ("flaps", "ALARM"), ("slow", "ALARM"), ("over", "ALARM"), ("over", "OK"),
    ]  # fmt: skip


@st.composite
def hostile_words(draw: st.DrawFn) -> str:
    parts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))
    return "".join(draw(st.lists(parts, min_size=1, max_size=4)))


@given(words=hostile_words(), kind=st.sampled_from(KINDS), state=st.sampled_from(["ALARM", "OK"]), joint=st.booleans())
def test_hostile_words_are_harmless_in_every_form(words: str, kind: AlarmKind, state: str, joint: bool) -> None:
    """Detail, transcript, certificate, alert, error and reason: wherever a server's words can come from."""
    facts = {"certificate_subject": words, "certificate_issuer": words, "certificate_names": [words, words]}
    tls = {**facts, "verified": True, "certificate_days_remaining": 3, "certificate_expires_at": words}
    fault = Fault("tls", words, 10.0, (words, f"S: {words}"), certificate={**tls, "verified": kind is CERTIFICATE})
    bad = run_of(minutes_ago(0), type=FailureType.CERTIFICATE_INVALID, fault=fault)
    more = replace(bad.failures[0], step="append", advice=words)
    bad = replace(bad, failures=(*bad.failures, more), warnings=(ResultWarning("server_alert", words),))
    slow = run_of(minutes_ago(5), slow=True, exceeded=[("tls", 1, 2)], certificate=SEEN | tls)
    lines = [json.loads(written(run)) for run in (bad, slow, run_of(minutes_ago(20)), bad)]
    evidence = Evidence(runs_of(lines), (MonitorError(minutes_ago(0), words),), minutes_ago(30))
    changed = replace(change(kind, state), reason=words)
    scene = replace(setting([]), evidence=evidence)
    story = joint_story_of([(changed, scene)] * 3, Part(1, 2)) if joint else story_of(changed, scene)
    assert_harmless(story)
    assert_harmless(bare_story_of(changed, scene))


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


@settings(deadline=None, max_examples=60)
@given(run=results(), kind=st.sampled_from(KINDS), state=st.sampled_from(["ALARM", "OK"]))
def test_any_run_that_a_line_can_hold_is_told(run: CheckResult, kind: AlarmKind, state: str) -> None:
    """Whatever its figures are, and whoever wrote them."""
    run = replace(run, check="office", slow=True)
    assert_harmless(story_of(change(kind, state), replace(setting([]), evidence=Evidence((run, run)))))


@given(
    quiet=st.integers(0, 24),
    old=st.integers(1, 9),
    numbers=st.sampled_from([(1, 1), (2, 3), (3, 3), (2, 5), (4, 5), (1, 10)]),
    state=st.sampled_from(["ALARM", "OK"]),
)
def test_old_outage_is_none_of_this_change(quiet: int, old: int, numbers: tuple[int, int], state: str) -> None:
    """Where nothing was bad at the change, nothing is told for its reason; and where the outage touches it, all is."""
    needed, periods = numbers
    fault = FAULTS[FailureType.TIMEOUT]
    ages = range(quiet + old + periods + 1)
    lines = [
        log_line(minutes_ago(5 * age), type=FailureType.TIMEOUT if bad else None, fault=fault if bad else None)
        for age in ages
        for bad in [quiet <= age < quiet + old]
    ]
    spell = find_spell(change(UNAVAILABLE, state, needed=needed, periods=periods), runs_of(lines))
    if quiet > periods * 2:
        assert spell is None
    elif old >= needed and quiet + needed <= periods:
        assert spell is not None
        assert len(spell.bad) == old


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
    spell = find_spell(change(UNAVAILABLE, state, needed=needed, periods=periods), runs_of(lines))
    if True not in rang:
        assert spell is None or not spell.complete
        return
    last = max(at for at, ringing in enumerate(rang) if ringing)
    if len(bad) - 1 - last > (1 if state == "ALARM" else periods + 1):
        assert spell is None or not spell.complete
        return
    assert spell is not None
    first = last
    while first > 0 and rang[first - 1]:
        first -= 1
    began = next(at for at in range(max(0, first - periods + 1), first + 1) if oldest_first[at])
    expected = [at for at in range(began, last + 1) if oldest_first[at]]
    found = [len(bad) - 1 - round((minutes_ago(0) - run.started_at) / timedelta(minutes=5)) for run in spell.bad]
    assert sorted(found) == expected
    assert (spell.after is not None) == (state == "OK")
