"""`explain_alarm` on moto's CloudWatch, log group and topic: the explanation never replaces the alarm."""

import json
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from imapcheck.alarms import kind
from imapcheck.alarms.kinds import CERTIFICATE, NOT_RUNNING, SLOW, UNAVAILABLE
from imapcheck.alarms.story import story_of
from imapcheck.aws import evidence, explainer, publisher
from imapcheck.aws.evidence import RunLog
from imapcheck.aws.explainer import Explainer
from imapcheck.aws.settings import MessageSettings
from imapcheck.failures import FailureType
from imapcheck.wording import clock, date, elapsed
from support.alarm_events import alarm_message, as_body
from support.alarm_stack import Stack
from support.story_scenes import BEFORE, FAULTS
from support.story_scenes import log_line as any_line

log_line = partial(any_line, check="gmail")
LOGIN = FailureType.AUTHENTICATION_FAILED
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


def ago(minutes: float) -> datetime:
    """On the schedule's beat: the newest run began half a minute before the alarm."""
    return NOW - timedelta(minutes=minutes, seconds=30)


def failed(at: datetime, check: str = "gmail", type: FailureType = LOGIN) -> dict[str, Any]:
    return log_line(at, type=type, fault=FAULTS[type], check=check)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(publisher, "PUBLISH_SECONDS", 0.0)


def test_refused_login_is_told_in_every_form(stack: Stack) -> None:
    """The server's words, since when, the last good, what to do; each protocol its own form; whom it is for."""
    stack.define("other")
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10)), log_line(ago(15)), log_line(ago(20))])
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW)) == []
    [sent] = stack.sent
    lines = sent.text.splitlines()
    assert lines[0] == "DOWN  gmail  imaps://gmail.example:993/"
    passed = elapsed(NOW - ago(5))
    assert lines[1] == f"since {date(ago(5), NOW)} ({passed}): the last 2 runs failed; last good {clock(ago(10), NOW)}"
    assert lines[2].startswith("authenticate: authentication_failed - ")
    assert "NO [AUTHENTICATIONFAILED] Authentication failed." in sent.text
    assert "Put the right password into the secret imapcheck/gmail" in " ".join(sent.text.split())
    assert "The other check: no run in the last 20 min." in sent.text
    assert "https://wiki.example/imap" in sent.text
    assert "$26start$3D" in sent.text
    assert sent.forms["default"] == sent.text
    assert sent.forms["sms"] == sent.subject
    card, content = json.loads(sent.forms["https"]), json.loads(sent.forms["sqs"])
    assert (card["version"], card["source"], card["content"]["textType"]) == ("1.0", "custom", "client-markdown")
    assert content["run"]["transcript"][-1] == "S: A0002 NO [AUTHENTICATIONFAILED] Authentication failed."
    assert sent.forms["lambda"] == sent.forms["sqs"]
    assert [sent.values(name) for name in ("check", "kind", "state")] == [["gmail"], ["unavailable"], ["ALARM"]]
    assert sent.values("contacts") == ["ops@customer.example"]
    assert stack.sent_to_contacts == [sent]


def test_contacts_are_told_of_their_checks_alone(stack: Stack) -> None:
    """What names no contact does not reach the topic where they are subscribed, whatever their filters."""
    stack.define("private")
    stack.log([failed(ago(0), "private"), failed(ago(5), "private")])
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW, check="private"), "no alarm at all") == []
    assert len(stack.sent) == 2
    assert stack.sent_to_contacts == []


def test_contacts_that_were_not_reached_are_tried_again(stack: Stack) -> None:
    """Whoever is told of everything is told first, and not once more with them."""
    stack.log([failed(ago(0)), failed(ago(5))])
    left = [1]

    def refuse(params: dict[str, Any], **_: object) -> None:
        if params["body"]["TopicArn"] == stack.contact_topic and left[0]:
            left[0] -= 1
            raise ClientError({"Error": {"Code": "Throttled", "Message": "no"}}, "Publish")

    stack.handler.sns.meta.events.register("before-call.sns.Publish", refuse)
    stack.define("private")
    batch = [alarm_message(UNAVAILABLE, NOW), alarm_message(UNAVAILABLE, NOW, check="private")]
    assert stack.deliver(*batch) == ["m0"]
    assert (len(stack.sent), len(stack.sent_to_contacts)) == (2, 0)
    assert stack.deliver(*batch) == []
    assert (len(stack.sent), len(stack.sent_to_contacts)) == (2, 1)
    assert stack.deliver(*batch) == []
    assert (len(stack.sent), len(stack.sent_to_contacts)) == (2, 1)


def test_slow_certificate_and_no_match_are_told(stack: Stack) -> None:
    """Each kind is found in metric and statistic, and told with its own reason."""
    steps = {**BEFORE, "authenticate": 5400.0}
    exceeded = [("authenticate", 2000.0, 5400.0)]
    slow = [log_line(ago(m), step_ms=steps, slow=True, exceeded=exceeded, certificate=_days(9.5)) for m in (0, 5, 10)]
    stack.log([*slow, log_line(ago(15), certificate=_days(14.5)), log_line(ago(20), certificate=_days(14.6))])
    assert stack.deliver(alarm_message(SLOW, NOW), alarm_message(CERTIFICATE, NOW)) == []
    slow_story, certificate_story = stack.sent
    assert "slow: works, but authenticate took 5.4 s (limit 2 s)" in slow_story.text
    assert "certificate: expires in 9 days" in certificate_story.text
    assert "fewer than 14 days left" in certificate_story.text


def _days(left: float) -> dict[str, Any]:
    return {"verified": True, "certificate_days_remaining": left, "certificate_expires_at": "2027-01-24T08:40:11.000Z"}


def could_not_run(check: str, error: str, **more: Any) -> str:
    line = {"level": "ERROR", "message": "check could not run", "check": check, "error": error, "instant_test": False}
    return json.dumps(line | more)


def test_silent_monitor_is_told_with_its_own_last_error(stack: Stack) -> None:
    """An error of another check is not taken for it, nor one of an instant test, nor one of the function itself."""
    stack.log([(ago(1), could_not_run("gmail", "CredentialsError: gone")), log_line(ago(15.2))])
    stack.log([(ago(6), could_not_run("gmail", "CredentialsError: before"))])
    stack.log([(ago(0), could_not_run("gmail-2", "CredentialsError: another, of check gmail: x"))])
    stack.log([(ago(0), could_not_run("gmail", "CredentialsError: test", instant_test=True))])
    stack.log([(ago(0), "2026-11-24T10:11:00.000Z 1-2-3 Task timed out after 150.00 seconds")])
    assert stack.deliver(alarm_message(NOT_RUNNING, NOW)) == []
    [sent] = stack.sent
    text = " ".join(sent.text.split())
    assert "the check stopped with an error 2 times" in text
    assert "CredentialsError: gone" in text
    assert (
        f"since {date(ago(15.2), NOW)} ({elapsed(NOW - ago(15.2))}): none in 3 intervals of 5 min; last result good"
        in text
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2026-11-24T10:11:00.000Z 1-2-3 Task timed out after 150.00 seconds", "Task timed out after 150.00 seconds"),
        (
            "RequestId: 1 Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
            "Runtime exited with error: signal: killed",
        ),
        (
            "[ERROR] Runtime.ImportModuleError: Unable to import module 'handler'\rTraceback (most recent call last):",
            "Runtime.ImportModuleError: Unable to import module 'handler'",
        ),
    ],
)
def test_failure_of_the_function_itself_is_told(stack: Stack, line: str, told: str) -> None:
    """Lambda's own lines name no check."""
    stack.log([(ago(1), line), log_line(ago(15.2))])
    assert stack.deliver(alarm_message(NOT_RUNNING, NOW)) == []
    assert f"the function itself: {told}" in " ".join(stack.sent[0].text.split())


@pytest.mark.parametrize(
    "line",
    [
        "[ERROR] CredentialsError: check gmail: secret imapcheck/gmail: gone\rTraceback (most recent call last):",
        json.dumps({"level": "ERROR", "message": "Task timed out", "check": "gmail"}),
        json.dumps(failed(NOW) | {"detail": "Runtime.ExitError: Task timed out", "check": "other"}),
        could_not_run("gmail", "x") + "!",
        "START RequestId: 1 Version: $LATEST",
    ],
)
def test_monitor_that_said_nothing_is_told_as_such(stack: Stack, line: str) -> None:
    """It may have run: only that there is no result is known."""
    stack.log([(ago(1), line)])
    assert stack.deliver(alarm_message(NOT_RUNNING, NOW)) == []
    assert "monitor: the log names no cause" in stack.sent[0].text


def test_recovery_tells_how_long_it_was(stack: Stack) -> None:
    """Looked for backwards, in as many windows as it takes."""
    bad = [failed(ago(m)) for m in range(10, 150, 5)]
    stack.log([log_line(ago(0)), log_line(ago(5)), *bad, *(log_line(ago(m)) for m in (150, 155, 160))])
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW, state="OK")) == []
    [sent] = stack.sent
    assert sent.subject == "UP gmail after 2 h 20 min; 28 runs failed: authentication_failed"
    assert sent.values("state") == ["OK"]


CHECKS = [f"check-{number}" for number in range(5)]


def outage_of_a_night(stack: Stack) -> list[dict[str, Any]]:
    """Five checks that were down for 14 hours: their metrics, the log's last hour, and the messages of the ends."""
    bad_points, good_points = range(10, 850, 5), [0, 5, *range(850, 900, 5)]
    for check in CHECKS:
        stack.define(check)
        stack.log([log_line(ago(0), check=check), log_line(ago(5), check=check)])
        stack.log([failed(ago(m), check, FailureType.CONNECTION_REFUSED) for m in range(10, 60, 5)])
        points = [
            {
                "MetricName": "Availability",
                "Dimensions": [{"Name": "Check", "Value": check}],
                "Timestamp": ago(m).replace(second=0),
                "Value": value,
            }
            for minutes, value in ((bad_points, 0.0), (good_points, 100.0))
            for m in minutes
        ]
        stack.cloudwatch.put_metric_data(Namespace="ImapCheck/teststack", MetricData=points)
    return [alarm_message(UNAVAILABLE, NOW, state="OK", check=check) for check in CHECKS]


def test_storm_of_a_night_is_told_with_its_beginning(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request of the metric; the log is not read backwards for hours."""
    # moto walks through each minute that is asked for, and a week has many.
    monkeypatch.setattr(kind, "_OLDEST_END", timedelta(hours=16))
    reads: list[str] = []
    stack.handler.explainer._log._logs.meta.events.register(
        "before-call.*.FilterLogEvents", lambda **_: reads.append("log")
    )
    assert stack.deliver(*outage_of_a_night(stack)) == []
    [sent] = stack.sent
    assert sent.subject.startswith("5 alarms: 5 UP")
    text = " ".join(sent.text.split())
    assert f"UP 5 checks, all on 192.0.2.10, since {date(ago(845).replace(second=0), NOW)}" in text
    assert "2 × connect: connection_refused" in text
    assert "166 earlier runs whose reasons are in the log" in text
    assert len(reads) < 4


def test_storm_is_told_from_the_log_where_the_metric_is_refused(stack: Stack) -> None:
    """An older role has no such right."""
    stack.refuse("_alarms", "GetMetricData")
    assert stack.deliver(*outage_of_a_night(stack)) == []
    [sent] = stack.sent
    text = " ".join(sent.text.split())
    assert f"since {date(ago(55), NOW)}" in text
    assert "whose reasons are in the log" not in text


def test_new_alarm_that_turns_ok_tells_nothing(stack: Stack) -> None:
    """A deployment is no recovery."""
    message = alarm_message(UNAVAILABLE, NOW, state="OK", previous="INSUFFICIENT_DATA")
    assert stack.deliver(message, alarm_message(SLOW, NOW, state="INSUFFICIENT_DATA")) == []
    assert stack.sent == []


def test_second_delivery_tells_nothing_but_the_next_change_does(stack: Stack) -> None:
    """Within a batch and between batches, as long as the environment lives."""
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    message = alarm_message(UNAVAILABLE, NOW)
    assert stack.deliver(message, message) == []
    assert stack.deliver(message) == []
    assert len(stack.sent) == 1
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW + timedelta(minutes=40))) == []
    assert len(stack.sent) == 2


def test_later_run_is_no_evidence(stack: Stack) -> None:
    """The queue may have held the alarm back while the server came back or failed otherwise."""
    later = failed(NOW + timedelta(seconds=20), type=FailureType.TIMEOUT)
    stack.log([later, failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    stack.deliver(alarm_message(UNAVAILABLE, NOW))
    assert "authentication_failed" in stack.sent[0].text
    assert "timeout" not in stack.sent[0].text


def test_later_run_is_no_evidence_in_a_storm_either(stack: Stack) -> None:
    """Though one sweep of the log serves alarms of several moments."""
    later = [failed(ago(m), type=FailureType.TIMEOUT) for m in (0, 5)]
    stack.log([*later, failed(ago(10)), failed(ago(15)), log_line(ago(20)), log_line(ago(25))])
    early = alarm_message(UNAVAILABLE, NOW - timedelta(minutes=10))
    stack.deliver(early, *(alarm_message(UNAVAILABLE, NOW, check=f"c{number}") for number in range(4)))
    told = next(sent.text for sent in stack.sent if "DOWN  gmail" in sent.text)
    assert "authenticate: authentication_failed" in told
    assert "fetch: timeout" not in told


def test_instant_test_and_other_checks_are_no_evidence(stack: Stack) -> None:
    """Nor is a line that only looks like a run's."""
    odd = {**failed(ago(0), type=FailureType.OVER_QUOTA), "result": None}
    instant = {**failed(ago(0), type=FailureType.TIMEOUT), "instant_test": True}
    stack.log([instant, odd, failed(ago(0), check="gmail-2", type=FailureType.NO_MATCH)])
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    stack.deliver(alarm_message(UNAVAILABLE, NOW))
    [sent] = stack.sent
    assert "authentication_failed" in sent.text
    assert not {"timeout", "over_quota", "no_match"} & set(sent.text.split())


def test_line_that_is_still_under_way_is_waited_for(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alarm can be quicker than the log."""
    stack.log([failed(ago(5)), log_line(ago(10))])
    waits: list[float] = []

    def arrive(seconds: float) -> None:
        waits.append(seconds)
        stack.log([failed(ago(0), type=FailureType.TIMEOUT)])

    monkeypatch.setattr(evidence, "time", SimpleNamespace(monotonic=time.monotonic, sleep=arrive))
    stack.deliver(alarm_message(UNAVAILABLE, NOW))
    assert len(waits) == 1
    assert "fetch: timeout" in stack.sent[0].text


def test_log_that_stays_silent_ends_the_wait(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the alarm itself says is told then."""
    waits: list[float] = []
    monkeypatch.setattr(evidence, "time", SimpleNamespace(monotonic=time.monotonic, sleep=waits.append))
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW)) == []
    assert 0 < len(waits) <= 3
    [sent] = stack.sent
    assert sent.subject.startswith("DOWN gmail: reason unknown, since ")
    assert "the log has no failed run since" in sent.text
    assert "CloudWatch: Threshold Crossed" in sent.text


def test_last_runs_of_the_others_are_what_the_log_has(stack: Stack) -> None:
    """A check that no alarm speaks of may have failed once, or not have run; only a good run is called good."""
    for name in ("good", "recovered", "failing", "silent"):
        stack.define(name)
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    stack.log([log_line(ago(1), check="good"), failed(ago(6), check="recovered"), log_line(ago(1), check="recovered")])
    stack.log([log_line(ago(6), check="failing"), failed(ago(1), check="failing"), log_line(ago(30), check="silent")])
    stack.deliver(alarm_message(UNAVAILABLE, NOW))
    told = " ".join(stack.sent[0].text.split())
    assert "The other 4 checks: last run good for 2, failed for 1; no run in the last 20 min for 1." in told
    assert json.loads(stack.sent[0].forms["sqs"])["others"]["last_run_good"] == 2


def test_local_time_of_the_stack_stands_beside_utc(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parameter TimeZone."""
    monkeypatch.setenv("IMAPCHECK_TIME_ZONE", "Asia/Tokyo")
    stack.cold_start()
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    stack.deliver(alarm_message(UNAVAILABLE, NOW))
    assert re.search(r"UTC, (\d+ \w+ )?\d\d:\d\d JST \(\d min\): the last 2 runs", stack.sent[0].text)


def test_others_that_ring_are_named(stack: Stack) -> None:
    """Read from CloudWatch; a certificate that ends some day makes no check less fine, another stack's is not ours.

    A customer's contact is not told the names of other customers' checks.
    """
    for name, contact in (("gmx", "ops@customer.example"), ("web", ""), ("mail", ""), ("theirs", "x@other.example")):
        stack.define(name, **({"alarms": {"notify": contact}} if contact else {}))
    for check in ("gmx", "theirs", "gmail", "not-deployed"):
        stack.alarm(check, "ALARM")
    stack.alarm("web", "ALARM", metric="CertificateDaysRemaining")
    stack.alarm("mail", "ALARM", stack="otherstack")
    stack.alarm("mail", "ALARM", stack="teststack-eu")
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    stack.deliver(alarm_message(UNAVAILABLE, NOW))
    assert "3 of the other 4 checks are in alarm too: gmx and 2 more." in " ".join(stack.sent[0].text.split())


def test_check_that_is_not_deployed_here_is_named_to_nobody(stack: Stack) -> None:
    """Though nothing says whom it concerns: an alarm that a removed check left behind, or another stack's."""
    stack.define("own")
    stack.alarm("removed", "ALARM")
    stack.log([failed(ago(0), check="own"), failed(ago(5), check="own"), log_line(ago(10), check="own")])
    stack.deliver(alarm_message(UNAVAILABLE, NOW, check="own"))
    assert "The other check is in alarm too." in stack.sent[0].text
    assert "removed" not in stack.sent[0].text


def test_changes_of_one_alarm_are_told_as_they_came(stack: Stack) -> None:
    """Whatever the batch's order; and what is no longer so says so in subject and second line."""
    stack.log([*(failed(ago(m)) for m in (0, 5)), *(log_line(ago(m)) for m in (10, 15, 20, 25))])
    stack.alarm("gmail", "ALARM")
    ended = alarm_message(UNAVAILABLE, NOW - timedelta(minutes=10), state="OK")
    slow = alarm_message(SLOW, NOW, check="other")
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW), slow, ended) == []
    told = [(sent.values("check"), sent.values("state")) for sent in stack.sent]
    assert told == [(["gmail"], ["OK"]), (["gmail"], ["ALARM"]), (["other"], ["ALARM"])]
    up, down, _ = stack.sent
    assert up.subject.startswith("UP gmail, in alarm again")
    assert "; in alarm again" in up.text.splitlines()[1]
    assert json.loads(up.forms["sqs"])["now"] == "ALARM"
    assert "in alarm again" not in down.subject + down.text


@pytest.mark.parametrize(("now", "said"), [("OK", True), ("ALARM", False), ("INSUFFICIENT_DATA", False)])
@pytest.mark.parametrize("count", [1, 4])
def test_alarm_that_comes_late_says_that_it_is_over(stack: Stack, now: str, said: bool, count: int) -> None:
    """The second try after SNS refused, for instance; by itself and in a joint story."""
    stack.log([failed(ago(0), check="c0"), failed(ago(5), check="c0"), log_line(ago(10), check="c0")])
    stack.alarm("c0", now)
    stack.deliver(*(alarm_message(UNAVAILABLE, NOW, check=f"c{number}") for number in range(count)))
    [sent] = stack.sent
    assert " ".join(sent.text.split()).count("; over by now") == said
    assert sent.forms["sqs"].count('"now": "OK"') == said


def test_state_that_is_older_than_the_change_is_not_told(stack: Stack) -> None:
    """A listing may lag behind."""
    stack.alarm("gmail", "OK")
    stack.deliver(alarm_message(UNAVAILABLE, NOW + timedelta(hours=1)))
    assert "over by now" not in stack.sent[0].text


def test_alarms_are_told_though_nothing_answers(stack: Stack) -> None:
    """A log and a CloudWatch that take the connection and stay silent: one alarm, three, and a joint story of five."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent, ThreadPoolExecutor() as pool:
        logs, states = (
            boto3.client(name, endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}", config=config)
            for name, config in (("logs", stack.handler.log_config), ("cloudwatch", stack.handler.state_config))
        )
        sns = stack.handler.sns

        def told(count: int) -> set[str]:
            explainer = Explainer(MessageSettings.from_environment(), logs=logs, cloudwatch=states, sns=sns)
            names = [f"c{count}-{number}" for number in range(count)]
            messages = [(name, as_body(alarm_message(UNAVAILABLE, NOW, check=name))) for name in names]
            return explainer.explain(messages, 25.0)

        assert list(pool.map(told, (1, 3, 5))) == [set(), set(), set()]
    assert sorted(len(sent.values("check")) for sent in stack.sent) == [1, 1, 1, 1, 5]


def _explode(*_: object, **__: object) -> Any:
    raise RuntimeError("broken on purpose")


def _break_evidence(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunLog, "gather", _explode)


def _break_story(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explainer, "story_of", _explode)
    monkeypatch.setattr(explainer, "joint_story_of", _explode)


def _no_permission_for_the_log(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.refuse("_log", "FilterLogEvents")


def _no_permission_for_alarms(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.refuse("_alarms", "DescribeAlarms")


def _no_definition(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in stack.folder.glob("*.json"):
        file.write_text("{", encoding="utf-8")


@pytest.mark.parametrize(
    "break_it",
    [_break_evidence, _break_story, _no_permission_for_the_log, _no_permission_for_alarms, _no_definition],
    ids=lambda function: function.__name__.strip("_"),
)
@pytest.mark.parametrize("count", [1, 5])
def test_alarm_is_told_whatever_breaks(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[Stack, pytest.MonkeyPatch], None], count: int
) -> None:
    """One by itself, and several together."""
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    break_it(stack, monkeypatch)
    messages = [alarm_message(UNAVAILABLE, NOW + timedelta(seconds=number)) for number in range(count)]
    assert stack.deliver(*messages) == []
    [sent] = stack.sent
    assert "DOWN" in sent.subject
    assert "gmail" in sent.text
    assert "UTC" in sent.text


def test_story_that_is_not_published_comes_again(stack: Stack) -> None:
    """SNS refuses: the queue keeps the message, and the second delivery tells it."""
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    stack.refuse("_publisher", "Publish", times=1, code="InternalErrorException")
    slow, down = alarm_message(SLOW, NOW), alarm_message(UNAVAILABLE, NOW)
    assert stack.deliver(slow, down, down) == ["m1", "m2"]  # the worst is told first, and was refused
    assert [sent.values("kind") for sent in stack.sent] == [["slow"]]
    assert stack.deliver(down) == []
    assert [sent.values("kind") for sent in stack.sent] == [["slow"], ["unavailable"]]


def test_nothing_is_begun_that_lambda_would_end(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is no time for goes back to the queue, untold."""
    monkeypatch.setattr(stack.handler, "RESERVED_SECONDS", 61.0)
    message = alarm_message(UNAVAILABLE, NOW)
    second = alarm_message(SLOW, NOW, state="OK", previous="INSUFFICIENT_DATA")
    assert stack.deliver(message, second) == ["m0"]
    assert stack.sent == []


@pytest.mark.parametrize(
    "body",
    [
        "no JSON", '{"AlarmName": 1}', "[]", json.dumps({"Message": "hello <!channel>"}),
        json.dumps(alarm_message(SLOW, NOW) | {"Trigger": {}, "AlarmName": "somebody-elses"}),
    ],
)  # fmt: skip
def test_message_that_is_no_checks_alarm_is_passed_on(stack: Stack, body: str) -> None:
    """Never swallowed."""
    assert stack.deliver(body) == []
    [sent] = stack.sent
    assert sent.subject in ("A message that is not an alarm", "ALARM: somebody-elses")
    assert sent.text.splitlines()[2][:8] == body[:8]
    assert sent.values("contacts") == []


@pytest.mark.parametrize("place", ["_setting", "read_alarm", None])
def test_no_message_costs_the_others_of_its_batch(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, place: str | None
) -> None:
    """Neither a time that nothing can be reckoned from nor a bug: all are told, if with less."""
    odd = alarm_message(UNAVAILABLE, NOW, check="odd")
    if place is None:
        odd["StateChangeTime"] = "9999-12-31T23:59:59.999+0000"
    elif place == "read_alarm":
        fail_for_odd(monkeypatch, explainer, "read_alarm", lambda body: "odd" in body)
    else:
        fail_for_odd(monkeypatch, explainer, "runs_link", lambda *found: found[-1].check == "odd")
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    assert stack.deliver(odd, alarm_message(UNAVAILABLE, NOW)) == []
    subjects = [sent.subject for sent in stack.sent]
    assert len(subjects) == 2
    assert any(subject.startswith("DOWN gmail: login refused") for subject in subjects)


def fail_for_odd(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, is_odd: Any) -> None:
    """A bug that strikes for one message."""
    real = getattr(module, name)

    def broken(*arguments: Any) -> Any:
        if is_odd(*arguments):
            raise OverflowError("date value out of range")
        return real(*arguments)

    monkeypatch.setattr(module, name, broken)


def test_alarm_in_an_envelope_is_understood(stack: Stack) -> None:
    """A subscription without raw delivery."""
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    stack.deliver(json.dumps({"Type": "Notification", "Message": as_body(alarm_message(UNAVAILABLE, NOW))}))
    assert stack.sent[0].subject.startswith("DOWN gmail: login refused")


def test_message_over_256_kilobytes_is_trimmed_and_says_so(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """SNS would refuse it, and a refused message tells nobody."""
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])

    def long(*scene: Any) -> Any:
        story = story_of(*scene)
        return replace(story, text=story.text + "é€" * 200_000)

    monkeypatch.setattr(explainer, "story_of", long)
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW)) == []
    [sent] = stack.sent
    assert len(json.dumps(sent.forms, ensure_ascii=False).encode()) < 262_144
    assert "cut here: the whole story has" in sent.text
    assert sent.text.startswith("DOWN  gmail")
    assert json.loads(sent.forms["sqs"])["trimmed"] is True


def test_what_programs_get_of_a_story_that_is_too_long(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose alarm it is, what it says in short and since when; people still get the whole text, and a chat its card."""
    stack.log([failed(ago(0)), failed(ago(5)), log_line(ago(10))])
    whole: list[Any] = []

    def long(*scene: Any) -> Any:
        story = story_of(*scene)
        whole.append(story)
        return replace(story, content=story.content | {"text": "x" * 200_000})

    monkeypatch.setattr(explainer, "story_of", long)
    assert stack.deliver(alarm_message(UNAVAILABLE, NOW)) == []
    [sent], [story] = stack.sent, whole
    kept = ("schema", "check", "kind", "state", "subject", "at", "since")
    assert json.loads(sent.forms["sqs"]) == {key: story.content[key] for key in kept} | {
        key: story.content[key] for key in ("until", "part") if key in story.content
    } | {"trimmed": True}
    assert sent.forms["sqs"] == sent.forms["lambda"]
    assert (sent.forms["default"], sent.forms["email"], sent.forms["sms"]) == (story.text, story.text, story.subject)
    assert json.loads(sent.forms["https"]) == story.card


@pytest.mark.parametrize("number", [150, pytest.param(450, marks=pytest.mark.long)])
def test_storm_is_told_in_a_few_stories_without_losing_one(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """So many checks in one minute, in batches as the queue makes them, at a pace that no subscription is ended for."""
    checks = [f"check-{index:03}" for index in range(number)]
    for check in checks:
        stack.define(check)
    stack.define("vip", alarms={"notify": "vip@customer.example"})
    for at in (0, 5):
        stack.log([failed(ago(at), check, FailureType.CONNECTION_REFUSED) for check in [*checks, "vip"]])
    stack.log([log_line(ago(10), check=check) for check in [*checks, "vip"]])
    clock = [0.0]
    published: dict[str, list[float]] = {}
    fake = SimpleNamespace(monotonic=lambda: clock[0], sleep=lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    for module in (explainer, publisher):
        monkeypatch.setattr(module, "time", fake)
    monkeypatch.setattr(publisher, "PUBLISH_SECONDS", 0.3)

    def note(params: dict[str, Any], **_: object) -> None:
        published.setdefault(params["body"]["TopicArn"], []).append(clock[0])

    stack.handler.sns.meta.events.register("before-call.sns.Publish", note)
    events = [alarm_message(UNAVAILABLE, NOW, check=check) for check in [*checks, "vip"]]
    for start in range(0, len(events), 100):
        assert stack.deliver(*events[start : start + 100]) == []
    assert len(stack.sent) <= number // 100 + 3
    told = [check for sent in stack.sent for check in sent.values("check")]
    assert sorted(told) == sorted([*checks, "vip"])
    for sent in stack.sent:
        for check in sent.values("check"):
            assert re.search(rf"\b{check}\b", sent.text)
    [vip] = [sent for sent in stack.sent if sent.values("contacts")]
    assert vip.values("check") == ["vip"]
    assert stack.sent_to_contacts == [vip]
    assert published.keys() == {stack.topic, stack.contact_topic}
    for times in published.values():
        assert all(sum(1 for at in times if begin <= at < begin + 1) < 5 for begin in times)
    joint = stack.sent[0]
    assert joint.subject.startswith(f"100 of {len(checks) + 2} checks DOWN since ")
    assert "connect: connection_refused" in joint.text
    assert all(len(json.dumps(sent.forms, ensure_ascii=False).encode()) < 262_144 for sent in stack.sent)
