# ruff: noqa: E501 - the cases are a table
"""Stories of rarer alarms, several to a file, and every story's object for programs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from imapcheck.alarms.joint_story import bare_joint_story_of, joint_story_of
from imapcheck.alarms.kind import Change, Evidence, Links, MonitorError, Others
from imapcheck.alarms.kinds import CERTIFICATE, KINDS, NOT_RUNNING, SLOW, UNAVAILABLE
from imapcheck.alarms.storm import Part
from imapcheck.alarms.story import Setting, Story, bare_story_of, foreign_story_of, story_of
from imapcheck.asked import Asked
from imapcheck.failures import FailureType
from support.rendered.paper import sheet
from support.rendered.spells import spells
from support.story_scenes import (
    ASKED,
    BEFORE,
    FAULTS,
    RANG,
    SCENES,
    SEEN,
    change,
    log_line,
    minutes_ago,
    setting,
)
from support.story_text import as_file, object_of

REFUSED, LOST, NOTHING = FailureType.CONNECTION_REFUSED, FailureType.CONNECTION_LOST, FailureType.NO_MATCH
type Lines = list[dict[str, Any]]


def bad(*minutes: int, type: FailureType = REFUSED, **more: Any) -> Lines:
    """Runs that failed so many minutes before the alarm."""
    detail = {key: more.pop(key) for key in ("detail", "took_ms", "transcript") if key in more}
    return [log_line(minutes_ago(m), type=type, fault=replace(FAULTS[type], **detail), **more) for m in minutes]


def good(*minutes: int, **more: Any) -> Lines:
    return [log_line(minutes_ago(m), **more) for m in minutes]


def slow(*minutes: int, took: float = 6000.0, exceeded: Sequence[tuple[str, float, float]] | None = None) -> Lines:
    """Runs whose login was slow, over the thresholds of `ASKED` unless others are given."""
    steps = {**BEFORE, "authenticate": took}
    if exceeded is None:
        times = {**steps, "total": round(sum(steps.values()), 3)}
        exceeded = [(name, limit, times[name]) for name, limit in ASKED.thresholds.items() if times[name] > limit]
    return [log_line(minutes_ago(m), step_ms=steps, slow=True, exceeded=exceeded) for m in minutes]


def days(left: float | None, **more: Any) -> dict[str, Any]:
    return {**SEEN, "certificate_days_remaining": left, **more}


def failing_with(line: dict[str, Any], *failures: tuple[str, FailureType, str], **result: Any) -> dict[str, Any]:
    """The line with further failures."""
    first = line["result"]["failures"][0]
    more = [{**first, "step": step, "type": type.value, "detail": detail} for step, type, detail in failures]
    told = {**line["result"], "failures": [first, *more], **result}
    return {**line, "result": told}


DOWN, DOWN_OVER = change(UNAVAILABLE), change(UNAVAILABLE, "OK")
SILENT, HEARD = change(NOT_RUNNING), change(NOT_RUNNING, "OK")
SLOWED, QUICK = change(SLOW), change(SLOW, "OK")
EXPIRING, RENEWED = change(CERTIFICATE), change(CERTIFICATE, "OK")
NO_FILE: dict[str, Any] = {
    "asked": {"file": None, "secret": None, "thresholds": {}, "timeout": None, "runbook": None, "mailbox": None}
}
LONG = tuple(f"S: * {number} FETCH (UID {number})" for number in range(15))


def errors(*texts: str) -> dict[str, Any]:
    """What the function logged instead of results."""
    found = tuple(MonitorError(minutes_ago(5 * at + 1), text) for at, text in enumerate(texts))
    return {"evidence": {"errors": found}}


OUTAGES: dict[str, Callable[[], Story]] = {
    "one run of one": lambda: story_of(change(UNAVAILABLE, needed=1, periods=1), setting([*bad(0), *good(5, 10)])),
    "two of three": lambda: story_of(DOWN, setting([*bad(0), *good(5), *bad(10), *good(15, 20)])),
    "no good run": lambda: story_of(DOWN, setting(bad(0, 5, 10))),
    "yesterday": lambda: story_of(DOWN, setting([*bad(*range(0, 780, 60)), *good(780, 840)])),
    "two causes": lambda: story_of(DOWN, setting([*bad(0), *bad(5, type=LOST), *good(10, 15)])),
    "further failures and warnings": lambda: story_of(DOWN, setting([
        failing_with(bad(0, type=NOTHING)[0], ("append", FailureType.OVER_QUOTA, "NO [OVERQUOTA] full"), attempts=2, warnings=[{"type": "quota", "detail": "97 %"}]),
        *bad(5, type=NOTHING), *good(10)])),
    "no match, and then the connection": lambda: story_of(DOWN, setting([failing_with(bad(0, type=NOTHING)[0], ("append", LOST, "the server hung up"), attempts=1), *good(10)])),
    "no match, never one": lambda: story_of(DOWN, setting(bad(0, 5, type=NOTHING))),
    "a step that was slower": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.COMMAND_REJECTED, took_ms=42.0), *good(10)])),
    "a step that was 9 ms slower": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.COMMAND_REJECTED, took_ms=30.0), *good(10)])),
    "a step that was hardly tried": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.AUTHENTICATION_FAILED, took_ms=0.9), *good(10)])),
    "a step that took twice as long": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.AUTHENTICATION_FAILED, took_ms=360.8), *good(10)])),
    "a step that took half as long": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.AUTHENTICATION_FAILED, took_ms=90.2), *good(10)])),
    "a step that was just tried": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.AUTHENTICATION_FAILED, took_ms=1.0), *good(10)])),
    "a step that was 10 ms slower": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.COMMAND_REJECTED, took_ms=15.0), *good(10, step_ms={**BEFORE, "examine": 5.0})])),
    "timeout of nobody knows what": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.TIMEOUT), *good(10)], **NO_FILE)),
    "nothing known of the definition": lambda: story_of(DOWN, replace(setting([*bad(0, 5, type=FailureType.AUTHENTICATION_FAILED), *good(10)]), asked=Asked(), links=Links())),
    "never worked": lambda: story_of(DOWN, setting(bad(0, 5, type=FailureType.AUTHENTICATION_FAILED))),
    "never worked, and no secret": lambda: story_of(DOWN, setting(bad(0, 5, type=FailureType.AUTHENTICATION_FAILED), **NO_FILE)),
    "paused, and nobody saw the refusal": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.AUTHENTICATION_PAUSED), *good(10)])),
    "a long transcript": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.COMMAND_REJECTED, transcript=("C: A0007 EXAMINE INBOX", "[...]", *LONG, "S: " + "a word " * 60, "C: A0008 LOGOUT", "S: * BYE")), *good(10)])),
    "one line before and after": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.COMMAND_REJECTED, transcript=("C: A0006 NOOP", "C: A0007 EXAMINE INBOX", *LONG[:11], "C: A0008 LOGOUT")), *good(10)])),
    "over, from the beginning of the log": lambda: story_of(DOWN_OVER, setting([*good(0, 5), *bad(10, 15, 20)])),
    "over, after a single good run": lambda: story_of(DOWN_OVER, setting([*good(0, 5), *bad(10, 15), *good(20)])),
    "over, one cause": lambda: story_of(DOWN_OVER, setting([*good(0, 5), *bad(10, 15), *good(20, 25, 30)])),
    "over, four causes": lambda: story_of(DOWN_OVER, setting([
        *good(0, 5), *bad(10), *bad(15, type=LOST), *bad(20, 25, type=NOTHING), *bad(30, type=FailureType.TIMEOUT), *good(35, 40, 45)])),
    "over, and was never down": lambda: story_of(DOWN_OVER, setting([*good(0, 5), *bad(10, 15, type=NOTHING), *good(20, 25, 30)])),
    "over, and no run shows it": lambda: story_of(DOWN_OVER, setting([*bad(5, 10), *good(15, 20, 25)])),
    "in alarm again": lambda: story_of(DOWN_OVER, replace(setting([*good(0, 5), *bad(10, 15), *good(20, 25, 30)]), now="ALARM")),
    "over by now": lambda: story_of(DOWN, replace(setting([*bad(0, 5), *good(10)]), now="OK")),
}  # fmt: skip
OTHERS: dict[str, Callable[[], Story]] = {
    f"{others}": partial(lambda others: story_of(DOWN, setting([*bad(0, 5), *good(10)], others=others)), others)
    for others in (
        None, Others(0), Others(1), Others(1, ("gmail",)), Others(2, ("gmail",)), Others(11, ("gmail", "gmx")), Others(11, (), 3), Others(11, ("gmail",), 2),
        Others(20, tuple(f"customer-{number}" for number in range(9))),
    )
}  # fmt: skip
MONITOR: dict[str, Callable[[], Story]] = {
    "a definition": lambda: story_of(SILENT, setting(good(16), **errors("DefinitionError: check office: timeout: found 0 s, expected more"))),
    "a definition of no file": lambda: story_of(SILENT, setting(bad(16), **errors("DefinitionError: check office: timeout: found 0 s"), **NO_FILE)),
    "a secret that is wrong": lambda: story_of(SILENT, setting(good(16), **errors(*["CredentialsError: check office: secret imapcheck/office: password: found nothing"] * 3))),
    "another secret": lambda: story_of(SILENT, setting(good(16), **errors("CredentialsError: check office: secret elsewhere: no such secret"))),
    "another error": lambda: story_of(SILENT, setting([], **errors("RuntimeError: out of luck", "RuntimeError: as before"))),
    "no log": lambda: story_of(SILENT, replace(setting([]), evidence=Evidence(problem="the log could not be read (AccessDeniedException)"))),
    "heard, and failed": lambda: story_of(HEARD, setting([*bad(0), *good(30)], **errors("RuntimeError: out of luck"))),
    "heard, and no gap": lambda: story_of(HEARD, setting(good(0, 5, 10))),
    "heard, a gap of one run": lambda: story_of(HEARD, setting(good(0, 9, 19, 24))),
    "heard, a gap that is none yet": lambda: story_of(HEARD, setting([*good(0), log_line(minutes_ago(0) - timedelta(seconds=570))])),
    "heard, a gap that is one just now": lambda: story_of(HEARD, setting([*good(0), log_line(minutes_ago(0) - timedelta(seconds=571))])),
    "heard, and nothing there": lambda: story_of(HEARD, setting([])),
}  # fmt: skip
SLOWNESS: dict[str, Callable[[], Story]] = {
    "by the definition": lambda: story_of(SLOWED, setting([*slow(0, 5, 10), *good(15)])),
    "by no threshold that is known": lambda: story_of(SLOWED, setting([*slow(0, 5, 10, exceeded=[]), *good(15)], **NO_FILE)),
    "never quick": lambda: story_of(SLOWED, setting(slow(0, 5, 10, exceeded=[("authenticate", 2000.0, 6000.0)]))),
    "one run": lambda: story_of(change(SLOW, needed=1, periods=1), setting([*slow(0, exceeded=[("total", 500.0, 6400.0), ("search", 0.4, 0.5)]), *good(5)])),
    "with a failed run between": lambda: story_of(SLOWED, setting([*slow(0, 5), *bad(10), *slow(15), *good(20)])),
    "no step grew": lambda: story_of(SLOWED, setting([*slow(0, 5, 10, took=BEFORE["authenticate"], exceeded=[("fetch", 40.0, 48.3)]), *good(15)])),
    "rehearsed": lambda: story_of(SLOWED, setting(good(0, 5, 10))),
    "over": lambda: story_of(QUICK, setting([*good(0, 5), *slow(10, 15, exceeded=[("authenticate", 2000.0, 6000.0)]), *slow(20, exceeded=[("total", 1000.0, 9000.0)]), *good(25, 30, 35)])),
    "over, by no threshold": lambda: story_of(QUICK, setting([*good(0), *slow(5, 10, 15, exceeded=[]), *good(20, 25, 30)], **NO_FILE)),
    "over, and no run shows it": lambda: story_of(QUICK, setting([*slow(5, 10, 15), *good(20, 25, 30)])),
}  # fmt: skip
CERTIFICATES: dict[str, Callable[[], Story]] = {
    "two days": lambda: story_of(EXPIRING, setting([*good(0, certificate=days(2.9)), *good(5)])),
    "three days": lambda: story_of(EXPIRING, setting([*good(0, certificate=days(3.0)), *good(5)])),
    "one day, whose date nobody knows": lambda: story_of(EXPIRING, setting(good(0, 5, certificate=days(1.99, certificate_expires_at="soon")))),
    "no date, no names": lambda: story_of(EXPIRING, setting(good(0, 5, certificate=days(1.0, certificate_expires_at=None, certificate_names=[])))),
    "many names": lambda: story_of(EXPIRING, setting(good(0, certificate=days(9.0, certificate_names=[f"mail{n}.example" for n in range(10)], certificate_issuer=None)))),
    "not verified": lambda: story_of(EXPIRING, setting(good(0, certificate=days(9.0, verified=False)))),
    "expiring now": lambda: story_of(EXPIRING, setting(good(0, certificate=days(0.0)))),
    "at the limit": lambda: story_of(EXPIRING, setting([*good(0, certificate=days(14.0)), *good(5, certificate=days(13.99))])),
    "no threshold": lambda: story_of(replace(EXPIRING, threshold=None), setting(good(0, certificate=days(-1.5)))),
    "refused by its name": lambda: story_of(DOWN, setting([*bad(0, 5, type=FailureType.CERTIFICATE_NAME_MISMATCH, detail="not for this host"), *good(10)])),
    "renewed": lambda: story_of(RENEWED, setting([*good(0, certificate=days(None)), *good(5, certificate=days(14.0))])),
    "renewed, as it seems": lambda: story_of(RENEWED, setting(good(0, certificate=days(13.9)))),
    "renewed, and no threshold": lambda: story_of(replace(RENEWED, threshold=None), setting(good(0, certificate=days(0.5)))),
    "renewed, and no run": lambda: story_of(RENEWED, setting([])),
}  # fmt: skip


def named(check: str, told: Change, lines: Lines, **values: Any) -> tuple[Change, Setting]:
    """A change of another check."""
    return replace(told, check=check, alarm=f"imapcheck-{check}-{told.kind}"), setting(lines, **values)


def several() -> list[tuple[Change, Setting]]:
    """Three of a kind, one slow, one that is over, and one check of which two alarms changed."""
    long = replace(FAULTS[LOST], detail="the server said " + "many words " * 20)
    return [
        named("a", DOWN, [*bad(0, 5), *good(10)]),
        named("b", DOWN, [*bad(0, 5), *good(10)]),
        named("c", replace(DOWN, at=RANG + timedelta(minutes=2)), [*bad(0, 5), *good(10)]),
        named("slow", SLOWED, [*slow(0, 5, 10), *good(15)]),
        named("over", DOWN_OVER, [*good(0, 5), *bad(10, 15), *good(20, 25, 30)]),
        named("a", SILENT, good(16)),
        named("z", DOWN, [log_line(minutes_ago(m), type=LOST, fault=long) for m in (0, 5)]),
    ]


JOINT: dict[str, Callable[[], Story]] = {
    "several": lambda: joint_story_of(several()),
    "a part": lambda: joint_story_of(several()[:2], Part(2, 3)),
    "one": lambda: joint_story_of(several()[:1]),
    "nothing in common": lambda: joint_story_of([several()[0], several()[3]]),
    "half in common": lambda: joint_story_of([*several()[:2], several()[3], several()[6]]),
    "all over": lambda: joint_story_of([several()[4], named("also", DOWN_OVER, [*good(0, 5), *bad(10, 15), *good(20, 25, 30)])]),
    "over by now": lambda: joint_story_of([(told, replace(place, now="OK")) for told, place in several()[:2]]),
    "without links": lambda: joint_story_of([(told, replace(place, links=Links())) for told, place in several()[:2]]),
    "bare": lambda: bare_joint_story_of(several()),
    "many": lambda: joint_story_of([named(f"customer-{number:02}", DOWN, [*bad(0, 5), *good(10)]) for number in range(32)]),
}  # fmt: skip
BARE: dict[str, Callable[[], Story]] = {
    **{f"{kind} {state}": partial(lambda kind, state: bare_story_of(change(kind, state), setting(bad(0))), kind, state) for kind in KINDS for state in ("ALARM", "OK")},
    "nothing was read": lambda: story_of(DOWN, replace(setting([]), evidence=Evidence())),
    "nothing was found": lambda: story_of(DOWN, setting([])),
    "no datapoint": lambda: story_of(replace(DOWN, reason="Threshold Crossed"), setting([], **NO_FILE)),
    "no threshold": lambda: story_of(replace(DOWN, threshold=None), setting([])),
    "a datapoint of no day": lambda: story_of(replace(DOWN, reason="Threshold Crossed: [0.0 (99/99/26 10:17:00)]"), setting([])),
    "a good datapoint, and one to come": lambda: story_of(replace(DOWN, reason="Threshold Crossed: [100.0 (24/11/26 10:02:00), 0.0 (24/11/26 10:12:00), 0.0 (24/11/26 10:22:00)]"), setting([])),
    "not of a check": lambda: foreign_story_of("Budget é " + "x" * 100, "First line\n\n" + "word " * 30 + "\n" + "more\n" * 60),
}  # fmt: skip


def told(stories: dict[str, Callable[[], Story]]) -> str:
    """Each in every form."""
    made = {title: make() for title, make in stories.items()}
    return "".join(sheet(title, as_file(story) + object_of(story)) for title, story in made.items())


def contents() -> str:
    """The object for programs, of the usual stories."""
    return "".join(sheet(name, object_of(SCENES[name]())) for name in _OBJECTS)


_OBJECTS = ("down-authentication_failed", "up", "slow", "certificate", "not-running-error", "no-evidence", "storm")
FILES = {
    "outages": OUTAGES, "others": OTHERS, "monitor": MONITOR, "slowness": SLOWNESS, "certificates": CERTIFICATES,
    "joint": JOINT, "bare": BARE,
}  # fmt: skip
SCENES_OF_STORIES: dict[str, Callable[[], str]] = {
    **{f"stories-{name}.txt": partial(told, stories) for name, stories in FILES.items()},
    "stories-as-objects.txt": contents,
    "stories-spells.txt": spells,
}
