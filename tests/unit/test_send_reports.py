"""What is sent by the hour over a year: reminders, budgets, reports; by the event's clock alone, with no state kept."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imapcheck.aws import publisher
from imapcheck.aws.reminders import certificate_is_due, is_due
from imapcheck.aws.reports import Reports, SomeFailed, read_clock
from imapcheck.aws.settings import MessageSettings
from support.month_oracle import utc
from support.report_year import Cloud, contacts, text

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAR = utc("2099-01-01T00:00")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's mail server is spared here."""
    monkeypatch.setattr(publisher, "PUBLISH_SECONDS", 0.0)


def define(folder: Path, name: str, **fields: Any) -> None:
    base = {"server": f"imaps://{name}.example/", "secret": f"imapcheck/{name}", "schedule": {"every": "1h"}}
    (folder / f"{name}.json").write_text(json.dumps(base | fields), encoding="utf-8")


def reports(folder: Path, cloud: Cloud, time_zone: str = "UTC") -> Reports:
    settings = MessageSettings(
        definitions=folder,
        stack="mail",
        log_group="group",
        alarm_topic="arn:all",
        contact_topic="arn:contacts",
        dashboard_url="https://dashboard.example",
        time_zone=time_zone,
    )
    return Reports(settings, logs=cloud, cloudwatch=cloud, sns=cloud)


def live(made: Reports, cloud: Cloud, first: datetime, last: datetime) -> None:
    """Run at each full hour; what the clock has not reached, CloudWatch does not know."""
    cloud.now = first
    while cloud.now <= last:
        made.run(cloud.now)
        cloud.now += HOUR


def about(cloud: Cloud, word: str) -> list[tuple[datetime, str]]:
    return [
        (sent["at"], sent["Subject"])
        for sent in cloud.sent
        if sent["Subject"].startswith(word) and sent["TopicArn"] == "arn:all"
    ]


def each_hour(first: str, days: int, minute: int = 20) -> Iterator[datetime]:
    yield from (utc(first) + number * HOUR + timedelta(minutes=minute) for number in range(24 * days))


@pytest.mark.parametrize("days", [range(15, 19), pytest.param(range(1, 32), marks=pytest.mark.long)], ids=str)
def test_year_of_reports_and_budgets(tmp_path: Path, days: range) -> None:
    """Twelve reports, each about its own month; a budget's marks once a month, in the hour in which they are passed."""
    often = {"schedule": {"every": "6h"}}
    define(tmp_path, "mail", slo={"available": 95}, alarms={"notify": ["ops@customer.example"]}, **often)
    define(tmp_path, "archive", alarms={"notify": ["Else@where.example"]}, **often)
    times = [at for at in each_hour("2025-12-31T00:00", 380) if at.hour % 6 == 4]
    bad = {utc(f"2026-{month:02d}-15T10:20") + number * 6 * HOUR for month in (3, 7) for number in range(8)}
    cloud = Cloud()
    cloud.runs["mail"] = [(at, 0.0 if at in bad else 100.0) for at in times]
    cloud.runs["archive"] = [(at, 100.0) for at in times]
    made = reports(tmp_path, cloud)
    for day in range(366):
        first = utc("2026-01-01T00:00") + day * DAY
        if (first.month in (3, 7) and first.day in days) or first.day in (1, 15):  # every hour of what matters
            live(made, cloud, first, first + 23 * HOUR)
    # March and July allow 6.2 of 124 runs: the 5th is past 80 %, the 7th past all. 10:20 is seen at 11:00.
    assert about(cloud, "BUDGET") == [
        (utc(f"2026-{month}-{hour}:00"), f"BUDGET mail: {said}")
        for month, word in (("03", "March"), ("07", "July"))
        for hour, said in (("16T11", f"80 % of {word}'s is used"), ("16T23", f"{word}'s is used up"))
    ]
    told = about(cloud, "imapcheck")
    assert [at for at, _ in told] == [utc(f"2026-{month:02d}-01T06:00") for month in range(1, 13)] + [
        utc("2027-01-01T06:00")
    ]
    assert told[3] == (utc("2026-04-01T06:00"), "imapcheck, March 2026: 2 checks, 1 missed the goal")
    for sent in cloud.sent:
        if contacts(sent) == ["ops@customer.example"]:
            assert "archive" not in json.dumps(sent, default=str)
            assert "where.example" not in json.dumps(sent, default=str)
    mine = [sent for sent in cloud.sent if contacts(sent) == ["ops@customer.example"] and "March" in sent["Subject"]]
    assert [sent["Subject"] for sent in mine if sent["Subject"].startswith("imapcheck")] == [
        "imapcheck, March 2026: mail: 93.54 % available, goal 95 %: missed"
    ]
    assert "15 Mar 10:20 to 17 Mar 10:20 UTC, 2 d: cause not known" in " ".join(text(mine[-1]).split())


def test_second_delivery_repeats_the_same_and_no_more(tmp_path: Path) -> None:
    """Lambda and schedules deliver at least once."""
    define(tmp_path, "mail", slo={"available": 99.9})
    cloud = Cloud()
    cloud.runs["mail"] = [
        (at, 0.0 if at == utc("2026-11-24T10:20") else 100.0) for at in each_hour("2026-10-30T00:00", 40)
    ]
    cloud.alarms = [("mail-mail-unavailable", "mail", "Availability", "Minimum", utc("2026-11-23T11:00"), FAR)]
    for _ in range(2):
        cloud.now = utc("2026-11-24T11:00")
        reports(tmp_path, cloud).run(cloud.now)
    assert len(cloud.sent) == 4
    assert cloud.sent[:2] == cloud.sent[2:]


def test_reminders_of_a_long_outage(tmp_path: Path) -> None:
    """Each multiple once; to the check's contact too, with an attribute that filters find; never of a slow check."""
    define(tmp_path, "mail", alarms={"remind": "4h", "notify": ["ops@customer.example"]})
    define(tmp_path, "off", alarms={"remind": "off"})
    define(tmp_path, "slow", thresholds={"total": 5}, alarms={"remind": "1h"})
    began = utc("2026-11-24T10:12")
    cloud = Cloud()
    cloud.runs["mail"] = [(at, 0.0) for at in each_hour("2026-11-24T10:00", 3)]
    cloud.alarms = [
        ("mail-mail-unavailable", "mail", "Availability", "Minimum", began, began + timedelta(hours=13)),
        ("mail-off-unavailable", "off", "Availability", "Minimum", began, FAR),
        ("mail-slow-slow", "slow", "Slow", "Minimum", began, FAR),
        ("mail-gone-unavailable", "gone", "Availability", "Minimum", began, FAR),
    ]
    live(reports(tmp_path, cloud), cloud, utc("2026-11-24T09:00"), utc("2026-11-26T00:00"))
    assert [(at.hour, subject) for at, subject in about(cloud, "STILL")] == [
        (15, "STILL DOWN mail: reason unknown, for 4 h 48 min (5 runs)"),
        (19, "STILL DOWN mail: reason unknown, for 8 h 48 min (9 runs)"),
        (23, "STILL DOWN mail: reason unknown, for 12 h 48 min (13 runs)"),
    ]
    assert len(cloud.sent) == 6
    assert {sent["MessageAttributes"]["reminder"]["StringValue"] for sent in cloud.sent} == {"true"}
    assert json.loads(json.loads(cloud.sent[0]["Message"])["sqs"])["reminder"] is True


def test_messages_show_the_readers_own_clock_beside_utc(tmp_path: Path) -> None:
    """The stack's parameter TimeZone, in in all that is sent by the hour; summer time is that of each moment."""
    define(tmp_path, "mail", slo={"available": 99.9})
    cloud = Cloud()
    bad = {utc("2026-03-28T23:20"), utc("2026-03-29T00:20"), utc("2026-03-29T01:20")}
    cloud.runs["mail"] = [(at, 0.0 if at in bad else 100.0) for at in each_hour("2026-02-27T00:00", 40)]
    began = utc("2026-03-28T23:25")
    cloud.alarms = [("mail-mail-unavailable", "mail", "Availability", "Minimum", began, utc("2026-03-30T02:00"))]
    made = reports(tmp_path, cloud, "Europe/Berlin")
    live(made, cloud, utc("2026-03-29T00:00"), utc("2026-03-30T01:00"))
    live(made, cloud, utc("2026-04-01T06:00"), utc("2026-04-01T06:00"))
    told = {sent["Subject"].split()[0]: " ".join(text(sent).split()) for sent in cloud.sent}
    assert "since 28 Mar 23:25 UTC, 29 Mar 00:25 CET; " in told["STILL"]
    assert "runs failed until 28 Mar 23:45 UTC, 29 Mar 00:45 CET; the goal of" in told["BUDGET"]
    assert "28 Mar 23:20 to 29 Mar 02:20 UTC, 29 Mar 00:20 to 04:20 CEST, 3 h: " in told["imapcheck,"]


def test_reminders_of_one_hour_are_one_message_a_reader(tmp_path: Path) -> None:
    """A storm that goes on: three alarms, two readers besides everybody, each with what is theirs."""
    for name, whom in (("a", ["x@x.example"]), ("b", ["x@x.example", "y@y.example"]), ("c", [])):
        define(tmp_path, name, alarms={"notify": whom})
    began, cloud = utc("2026-11-24T10:12"), Cloud()
    cloud.alarms = [(f"mail-{name}-not-running", name, "Availability", "SampleCount", began, FAR) for name in "abc"]
    live(reports(tmp_path, cloud), cloud, began + DAY, began + DAY + timedelta(minutes=59))
    assert [(contacts(sent), sent["Subject"]) for sent in cloud.sent] == [
        ([], "STILL 3 alarms: a, b, c"),
        (["x@x.example"], "STILL 2 alarms: a, b"),
        (["y@y.example"], "STILL NO RESULT b: the log names no cause, for 1 d"),
    ]
    assert " a " not in text(cloud.sent[2])


BERLIN_NIGHT = [{"cron": "0 2 * * *", "duration": "4h", "timezone": "Europe/Berlin"}]


def test_reminder_never_comes_in_a_window_and_in_the_first_hour_after_it(tmp_path: Path) -> None:
    """Over both changes of the clock: Berlin's 02:00 to 06:00 is an hour earlier in UTC in summer."""
    define(tmp_path, "mail", alarms={"remind": "1h", "mute": BERLIN_NIGHT})
    cloud = Cloud()
    for at in ("2026-03-27T12:30", "2026-10-23T12:30"):
        cloud.alarms.append(("mail-mail-unavailable", "mail", "Availability", "Minimum", utc(at), utc(at) + 4 * DAY))
        live(reports(tmp_path, cloud), cloud, utc(at[:11] + "12:00"), utc(at) + 5 * DAY)
    sent = {at for at, _ in about(cloud, "STILL")}
    for day, muted in (
        ("2026-03-28", range(1, 5)), ("2026-03-29", range(1, 5)), ("2026-03-30", range(4)),
        ("2026-10-24", range(4)), ("2026-10-25", range(4)), ("2026-10-26", range(1, 5)),
    ):  # fmt: skip
        assert {at.hour for at in sent if f"{at:%Y-%m-%d}" == day} == set(range(24)) - set(muted), day


def test_reminder_heeds_a_rule_made_by_hand(tmp_path: Path) -> None:
    """Of which CloudWatch's listing gives the name alone; where the rules cannot be read, one too many is sent."""
    define(tmp_path, "mail", alarms={"remind": "1h"})
    began, cloud = utc("2026-11-24T10:00"), Cloud()
    cloud.alarms = [("mail-mail-unavailable", "mail", "Availability", "Minimum", began, FAR)]
    cloud.rules["by-hand"] = {
        "Rule": {"Schedule": {"Expression": "at(2026-11-24T12:30)", "Duration": "PT3H", "Timezone": "UTC"}},
        "MuteTargets": {"AlarmNames": ["mail-mail-unavailable"]},
    }
    live(reports(tmp_path, cloud), cloud, utc("2026-11-24T10:00"), utc("2026-11-24T18:00"))
    assert [at.hour for at, _ in about(cloud, "STILL")] == [11, 12, 16, 17, 18]
    cloud.refused, cloud.sent, cloud.now = {"list_alarm_mute_rules"}, [], utc("2026-11-24T14:00")
    reports(tmp_path, cloud).run(cloud.now)
    assert len(about(cloud, "STILL")) == 1


def test_certificate_is_reminded_of_when_seven_three_and_one_days_are_left(tmp_path: Path) -> None:
    """Whatever `remind` says besides off."""
    define(tmp_path, "mail", alarms={"remind": "12h"})
    ends, cloud = utc("2026-11-24T10:30"), Cloud()
    cloud.days_left["mail"] = [
        (at, (ends - at) / DAY) for at in each_hour("2026-11-01T00:00", 30, 0) if at.hour % 6 == 0
    ]
    cloud.alarms = [
        (
            "mail-mail-certificate",
            "mail",
            "CertificateDaysRemaining",
            "Minimum",
            utc("2026-11-10T10:30"),
            utc("2026-11-24T00:00"),
        )
    ]
    live(reports(tmp_path, cloud), cloud, utc("2026-11-10T00:00"), utc("2026-11-25T00:00"))
    assert [f"{at:%d %H}" for at, _ in about(cloud, "STILL")] == ["17 11", "21 11", "23 11"]


@pytest.mark.parametrize("every", [HOUR, 4 * HOUR, 12 * HOUR, DAY])
@pytest.mark.parametrize("shift", [0, 1, 30, 59])
def test_each_multiple_is_sent_once_over_a_year(every: timedelta, shift: int) -> None:
    """Against a count by hand: every multiple is followed by one reminder, at the first full hour outside windows."""
    since, muted = utc("2026-01-01T00:00") + shift * timedelta(minutes=1), []
    for week in range(52):
        start = utc("2026-01-03T22:30") + week * 7 * DAY
        muted.append((start, start + timedelta(hours=3 + week)))
    hours = [utc("2026-01-01T00:00") + number * HOUR for number in range(365 * 24)]
    expected, multiple = set(), since + every
    while multiple <= hours[-1]:
        fitting = (hour for hour in hours[(multiple - hours[0]) // HOUR :] if hour >= multiple)
        expected.add(next(hour for hour in fitting if not any(first <= hour < last for first, last in muted)))
        multiple += every
    assert {hour for hour in hours if hour > since and is_due(since, every, muted, hour)} == expected


def test_certificate_that_was_below_a_mark_when_the_alarm_began_is_not_reminded_of_that_mark() -> None:
    """The story of its start has said so."""
    now = utc("2026-11-24T10:00")
    assert not certificate_is_due(timedelta(days=6.99), now - timedelta(minutes=10), [], now)
    assert certificate_is_due(timedelta(days=6.99), now - timedelta(minutes=30), [], now)


def test_refused_figures_are_said_and_nothing_is_invented(tmp_path: Path) -> None:
    """The report comes without a number, reminders go on, and the run fails, so that its alarm reports it."""
    define(tmp_path, "mail", slo={"available": 99.9}, alarms={"notify": ["ops@customer.example"], "remind": "1h"})
    cloud = Cloud(refused={"get_metric_data"}, now=utc("2026-12-01T06:00"))
    cloud.alarms = [("mail-mail-unavailable", "mail", "Availability", "Minimum", utc("2026-12-01T03:00"), FAR)]
    with pytest.raises(SomeFailed):
        reports(tmp_path, cloud).run(utc("2026-12-01T06:00"))
    assert [(contacts(sent), sent["Subject"].split()[0]) for sent in cloud.sent] == [
        ([], "STILL"), (["ops@customer.example"], "STILL"),
        ([], "imapcheck,"), (["ops@customer.example"], "imapcheck,"),
    ]  # fmt: skip
    assert "There are no figures for mail: CloudWatch did not give them (AccessDenied)" in " ".join(
        text(cloud.sent[2]).split()
    )
    assert "%" not in text(cloud.sent[3])


def test_message_that_one_reader_cannot_be_sent_reaches_the_others(tmp_path: Path) -> None:
    """And the run fails in the end."""
    define(tmp_path, "mail", alarms={"notify": ["ops@customer.example"]})
    cloud = Cloud(now=utc("2026-12-01T06:00"))
    made, publish = reports(tmp_path, cloud), cloud.publish
    cloud.runs["mail"] = [(at, 100.0) for at in each_hour("2026-11-01T00:00", 31)]

    def only_contacts(**message: Any) -> None:
        if message["TopicArn"] == "arn:all":
            raise RuntimeError
        publish(**message)

    cloud.publish = only_contacts  # type: ignore[method-assign]
    with pytest.raises(SomeFailed):
        made.run(utc("2026-12-01T06:00"))
    assert [contacts(sent) for sent in cloud.sent] == [["ops@customer.example"]]


@pytest.mark.parametrize(
    "event", [{}, {"scheduled_time": "2026-12-01T06:00:00"}, {"scheduled_time": 5}, {"scheduled_time": "now"}]
)
def test_event_without_a_clock_is_refused(event: dict[str, Any]) -> None:
    """No other clock is taken instead."""
    with pytest.raises(ValueError, match=r"scheduled_time|Invalid isoformat"):
        read_clock(event)
