# ruff: noqa: E501 - tables
"""A story points the right way: not one example of each kind, but the whole class of it."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapcheck.alarms.joint_story import joint_story_of
from imapcheck.alarms.kind import Change, MonitorError, Others
from imapcheck.alarms.kinds import NOT_RUNNING, UNAVAILABLE
from imapcheck.alarms.story import Setting, Story, story_of
from imapcheck.failures import DOWN, Category, FailureType
from imapcheck.steps import StepName
from support.story_scenes import FAULTS, SCENES, Fault, change, log_line, minutes_ago, setting

REFUSED, PAUSED = FailureType.AUTHENTICATION_FAILED, FailureType.AUTHENTICATION_PAUSED
GREETING = FailureType.GREETING_REJECTED
SENDING: list[StepName] = ["send_connect", "send_tls", "send_authenticate"]
CONTENT = [type for type in FailureType if type.category is Category.CONTENT]


def flat(story: Story) -> str:
    return " ".join(story.text.split())


def do_of(story: Story) -> str:
    return str(story.content["do"])


def line(minutes: int, type: FailureType | None, detail: str | None = None, **more: Any) -> dict[str, Any]:
    fault = None if type is None else replace(FAULTS[type], detail=FAULTS[type].detail if detail is None else detail)
    return log_line(minutes_ago(minutes), type=type, fault=fault, **more)


@given(failed=st.lists(st.booleans(), min_size=3, max_size=12), type=st.sampled_from(FailureType))
def test_server_that_fails_on_and_off_is_called_unstable(failed: list[bool], type: FailureType) -> None:
    """Its runs stand in a line, and nobody asks what has changed since it was good a moment ago."""
    failed = [True, *failed]
    story = story_of(
        change(UNAVAILABLE, needed=1, periods=len(failed)),
        setting([line(5 * at, type if bad else None) for at, bad in enumerate(failed)]),
    )
    stretch = failed[: len(failed) - failed[::-1].index(True)]
    text = flat(story)
    if all(stretch):
        assert "on and off" not in text
        assert not story.subject.startswith("UNSTABLE")
        return
    assert story.subject.startswith("UNSTABLE" if type.word == DOWN else type.word)
    assert "on and off since" in story.subject
    assert f"on and off since 24 Nov {minutes_ago(5 * (len(stretch) - 1)):%H:%M} UTC" in text
    for at, bad in enumerate(stretch[:5]):
        assert f"{minutes_ago(5 * at):%H:%M} {'failed' if bad else 'good'}" in text
    assert "still worked" not in text
    assert "right password" not in text


@given(
    type=st.sampled_from([REFUSED, PAUSED]),
    mechanism=st.sampled_from(["xoauth2", "oauthbearer"]),
    words=st.sampled_from(["NO AUTHENTICATE failed. (status=400)", "NO [AUTHENTICATIONFAILED] Invalid credentials"]),
    issued=st.booleans(),
)
def test_refused_token_is_no_wrong_password(type: FailureType, mechanism: str, words: str, issued: bool) -> None:
    """Consent, permission, token; and where the token endpoint took the secret, the story says so."""
    bad = [line(m, type, f"the server answered {words}") for m in (0, 5)]
    for item in bad:
        item["result"]["token_ms"] = 210.0 if issued else None
    story = story_of(change(UNAVAILABLE), setting([*bad, line(10, None)], asked={"authentication": mechanism}))
    for word in ("consent", "permission", "token"):
        assert word in do_of(story)
    assert "right password" not in flat(story)
    assert "secret imapcheck/office" not in do_of(story)
    assert ("issued the token" in flat(story)) == (issued and type is REFUSED)
    if type is REFUSED:
        assert "OAuth2 token" in story.subject


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("invalid_client", "client_secret"),
        ("invalid_grant", "refresh_token"),
        ("unauthorized_client", "consent"),
        ("invalid_scope", "scope"),
        ("unsupported_grant_type", "token_url"),
        ("interaction_required", "refresh_token"),
    ],
)
def test_token_endpoint_names_the_part_of_the_secret(code: str, part: str) -> None:
    """The error codes of RFC 6749 are each about something else."""
    error = "CredentialsError: check office: secret imapcheck/office: credentials:"
    error += f" token endpoint login.example.com: it refused with {code} (HTTP 401)"
    seen = {"errors": (MonitorError(minutes_ago(1), error),)}
    do = do_of(story_of(change(NOT_RUNNING), setting([line(16, None)], evidence=seen)))
    assert "Fix the secret imapcheck/office" in do
    assert part in do.partition(code)[2]


def with_second(first: FailureType, second: FailureType) -> dict[str, Any]:
    """A run in which the session went on after `first` and met `second` when it filed its message."""
    found = line(0, first)
    failures = found["result"]["failures"]
    more = {"step": "append", "type": second.value, "category": second.category.value, "advice": second.advice}
    failures.append({**failures[0], **more, "detail": "NO what was answered"})
    return found


@pytest.mark.parametrize("second", [FailureType.OVER_QUOTA, FailureType.CONNECTION_LOST, FailureType.TIMEOUT])
@pytest.mark.parametrize("first", CONTENT)
def test_reason_of_the_session_goes_before_what_was_not_found(first: FailureType, second: FailureType) -> None:
    """A server that hung up does not "work", and a full mailbox gets no mail; each failed step is marked."""
    story = story_of(change(UNAVAILABLE), setting([with_second(first, second)] * 2))
    text = flat(story)
    assert story.subject.startswith(f"{second.word} office")
    assert (story.content["step"], story.content["type"]) == ("append", second.value)
    assert f"append: {second.value}" in text
    assert f"also {FAULTS[first].step}: {first.value}" in text
    for step in ("append", FAULTS[first].step):
        assert re.search(rf"\b{step}( [\d.]+ m?s)? <- failed", text)
    assert ("- the server works" in text) == (second is FailureType.OVER_QUOTA)
    assert "junk" not in do_of(story)


@pytest.mark.parametrize(
    ("words", "headline", "advice"),
    [
        ("BYE Too many connections from your address", "connections from the check's address", "check's address"),
        ("BYE Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", "connections from the check's address", "mail_max_userip"),
        ("BYE [UNAVAILABLE] Connection limit for this IP address reached", "connections from the check's address", "check's address"),
        ("BYE too many concurrent connections from your IP", "connections from the check's address", "check's address"),
        ("BYE Too many simultaneous connections. (Failure)", "too many connections", "open sessions"),
        ("BYE sorry, too many clients, try later", "too many connections", "open sessions"),
        ("BYE maximum number of connections reached", "too many connections", "open sessions"),
        ("BYE System is down for maintenance", "maintenance", "planned"),
        ("BYE Server is shutting down", "maintenance or shutting down", "planned"),
        ("BYE Your IP has been blocked", "blocks the check's address", "block list"),
        ("BYE Access denied", "blocks the check's address", "block list"),
        ("NO you are banned", "blocks the check's address", "block list"),
        ("BYE Server busy, try again later", "takes no sessions", "load"),
        ("BYE Temporary system problem", "takes no sessions", "load"),
        ("BYE hello", "turned away at the greeting", "log"),
    ],
)  # fmt: skip
def test_greeting_is_read_and_not_handed_on(words: str, headline: str, advice: str) -> None:
    """Whose fault it is stands in the server's words; nobody is asked to read them."""
    bad = [line(m, GREETING, f"the server answered {words}") for m in (0, 5)]
    story = story_of(change(UNAVAILABLE), setting([*bad, line(10, None)]))
    assert headline in story.subject
    assert advice in do_of(story)
    assert "Read the server's words" not in story.text


@given(types=st.lists(st.sampled_from([None, *FailureType]), min_size=1, max_size=6))
def test_nobody_is_asked_to_try_a_login_that_may_lock_the_account(types: list[FailureType | None]) -> None:
    """Neither in the mail nor in chat, while a refusal is among the runs."""
    story = story_of(change(UNAVAILABLE), setting([line(5 * at, type) for at, type in enumerate(types)]))
    told = story.text + json.dumps(story.card)
    locks = bool({REFUSED, PAUSED} & set(types))
    assert ("imapcheck run events/office.json" in told) == (not locks)
    if locks:
        assert "(line Run again)" not in told
    assert "(in the checkout)" not in told


type Checks = Sequence[tuple[str, int]]


def storm_of(hosts: Sequence[int], type: FailureType, others: Others | None, began: Sequence[int] = ()) -> Story:
    """A change for each of `hosts`, which are numbers of a host and its address."""
    told: list[tuple[Change, Setting]] = []
    for at, host in enumerate(hosts):
        name, minutes = f"check-{at:02}", began[at] if began else 5
        fault = Fault("connect", f"192.0.2.{host}: no answer", 20.0)
        if type.category is not Category.CONNECTION:
            fault = FAULTS[type]
        lines = [log_line(minutes_ago(m), type=type, fault=fault, check=name) for m in range(0, minutes + 1, 5)]
        changed = replace(change(UNAVAILABLE), check=name, alarm=f"imapcheck-{name}-unavailable")
        lines.append(log_line(minutes_ago(minutes + 5), check=name))
        names = tuple(f"check-{other:02}" for other in range(len(hosts)) if other != at)
        of = None if others is None else replace(others, total=others.total + len(names), named=names)
        told.append((changed, setting(lines, asked={"server": f"imaps://host{host}.example:993/"}, others=of)))
    return joint_story_of(told)


@given(
    hosts=st.lists(st.integers(1, 4), min_size=2, max_size=40),
    well=st.integers(0, 12),
    type=st.sampled_from([FailureType.CONNECTION_REFUSED, FailureType.NETWORK_UNREACHABLE, FailureType.OVER_QUOTA]),
)
def test_storm_counts_names_and_suspects_us_where_all_hosts_fail(
    hosts: list[int], well: int, type: FailureType
) -> None:
    """n of m, every check by its name, every address with its number, how many are well."""
    story = storm_of(hosts, type, Others(well, good=well))
    text, card = flat(story), json.dumps(story.card, ensure_ascii=False)
    assert story.subject.startswith(f"{len(hosts)} of {len(hosts) + well} checks {type.word} since 24 Nov 10:12 UTC")
    for at in range(len(hosts)):
        assert re.search(rf"\bcheck-{at:02}\b", text)
    ours = well == 0 and len(set(hosts)) > 1 and type is not FailureType.OVER_QUOTA
    assert ("suspect our own network first" in story.subject) == ours
    assert do_of(story).startswith("Check the monitor's own network first") == ours
    if type is not FailureType.OVER_QUOTA and len(set(hosts)) > 1:
        for host in set(hosts):
            assert f"192.0.2.{host} ({hosts.count(host)})" in text
    if well > 1:
        assert f"The other {well} checks: last run good." in text
    for told in (f"{len(hosts)} of {len(hosts) + well} checks", "since 24 Nov 10:12 UTC", do_of(story)[:60]):
        assert told in card
    assert len(story.text.splitlines()) < 40 + len(hosts)


def test_outages_of_hours_apart_are_none_of_our_network() -> None:
    """Every check is in alarm, and each began by itself."""
    story = storm_of([1, 2, 3], FailureType.CONNECTION_REFUSED, Others(0), began=(5, 60, 120))
    assert "our own network" not in story.subject + story.text


def test_storm_is_shorter_than_its_checks() -> None:
    """Sixty checks of one cause are one entry."""
    story = storm_of([1] * 60, FailureType.CONNECTION_REFUSED, Others(0))
    assert story.text.count("connect: connection_refused") == 2
    assert len(story.text.splitlines()) < 40


@given(
    total=st.integers(0, 40), ringing=st.integers(0, 10), good=st.none() | st.integers(0, 40), failed=st.integers(0, 5)
)
def test_other_checks_are_called_good_only_where_the_log_has_it(
    total: int, ringing: int, good: int | None, failed: int
) -> None:
    """Silence of the alarms is no good run."""
    rest = total - ringing
    if rest < 0 or (good or 0) + failed > rest:
        return
    others = Others(total, tuple(f"other-{at}" for at in range(ringing)), good=good, failed=failed)
    text = flat(story_of(change(UNAVAILABLE), setting([line(0, FailureType.TIMEOUT)], others=others)))
    assert bool(re.search(r"[Tt]he other( \d+)?( checks?)?: last run good\.", text)) == (rest > 0 and good == rest)
    assert bool(re.search(r"in alarm too", text)) == (ringing > 0)
    if good is None and total > 1 and not ringing:
        assert f"None of the other {total} checks is in alarm." in text


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Europe/Berlin", "since 24 Nov 10:12 UTC, 11:12 CET (5 min)"),
        ("Asia/Kolkata", "since 24 Nov 10:12 UTC, 15:42 IST (5 min)"),
        ("Pacific/Auckland", "since 24 Nov 10:12 UTC, 23:12 NZDT (5 min)"),
        ("Pacific/Kiritimati", "since 24 Nov 10:12 UTC, 25 Nov 00:12 +14 (5 min)"),
        ("UTC", "since 24 Nov 10:12 UTC (5 min)"),
        (None, "since 24 Nov 10:12 UTC (5 min)"),
        ("Mars/Olympus", "since 24 Nov 10:12 UTC (5 min)"),
        ("../etc/passwd", "since 24 Nov 10:12 UTC (5 min)"),
    ],
)
def test_local_time_stands_beside_utc(zone: str | None, told: str) -> None:
    """Three in the morning is in Berlin; a name that is no zone costs no story."""
    bad = [line(m, FailureType.TIMEOUT) for m in (0, 5)]
    text = flat(story_of(change(UNAVAILABLE), setting([*bad, line(10, None)], asked={"time_zone": zone})))
    assert f"{told}: the last 2 runs failed" in text
    silent = flat(story_of(change(NOT_RUNNING), setting([line(16, None)], asked={"time_zone": zone})))
    assert bool(re.search("UTC, .* min\\)", silent)) == ("UTC, " in told)


def test_end_has_the_local_time_of_both_its_ends() -> None:
    """In the zone's own clock."""
    ended = minutes_ago(0) + timedelta(seconds=30)
    lines = [line(0, None), *(line(m, FailureType.TIMEOUT) for m in (5, 10)), *(line(m, None) for m in (15, 20, 25))]
    story = story_of(change(UNAVAILABLE, "OK", ended), setting(lines, asked={"time_zone": "Europe/Berlin"}))
    assert "after 10 min: 24 Nov 10:07 to 10:17 UTC, 11:07 to 11:17 CET; 2 runs failed" in flat(story)


@pytest.mark.parametrize("name", SCENES)
def test_advice_begins_with_a_verb_and_asks_nothing(name: str) -> None:
    """No question that the message itself could answer; no word of the list that we do not use."""
    advice = do_of(SCENES[name]())
    assert "?" not in advice
    assert re.match(
        r"(Check|Count|Create|Do nothing|Find|Fix|Have|Keep|Let|Look|Make|Open|Query|Read|Remove|Renew|Run|Set|Wait)\b",
        advice,
    )


@given(
    step=st.sampled_from(SENDING),
    type=st.sampled_from(
        [FailureType.CONNECTION_REFUSED, FailureType.CERTIFICATE_EXPIRED, REFUSED, FailureType.TIMEOUT]
    ),
    flapping=st.booleans(),
)
def test_sending_server_is_never_mistaken_for_the_mailboxes(step: StepName, type: FailureType, flapping: bool) -> None:
    """The story says which of the two servers failed, and shows no address of the other."""
    fault = replace(FAULTS[type], step=step)
    bad = [log_line(minutes_ago(m), type=type, fault=fault) for m in ((0, 10) if flapping else (0, 5))]
    good = [line(m, None) for m in ((5, 15) if flapping else (10, 15))]
    lines = sorted([*bad, *good], key=lambda item: str(item["result"]["started_at"]), reverse=True)
    story = story_of(change(UNAVAILABLE, needed=1, periods=4), setting(lines))
    assert story.subject.startswith("SENDING DOWN office: ")
    assert "imaps://" not in story.text
    assert "office  smtps://smtp.example.com:465/" in story.text
    assert "Address:" not in story.text
