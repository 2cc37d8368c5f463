"""Outages from end to end: the schedule fires, the server stops, the story arrives, and so does the recovery.

The emulator's: CloudFormation, the schedule's clock, Lambda with its layers and role, Secrets Manager, logs, metrics,
SNS, SQS, and what feeds a function from it (at once, whatever the batching window). Ours: awslambdaric's environment
(`deploy.launcher`), Dovecot. Bridged over public APIs (`deploy.bridges`): from the log's embedded metrics to
CloudWatch, and from datapoints to the alarm's state, which the project's own simulator decides and SetAlarmState
publishes.

Unproved: that CloudWatch evaluates as the simulator does, and how long it and its log ingestion take; the schedule's
role, retries and dead letters; the warm-up beyond the simulator; mute rules; e-mail; arm64 when this machine is none.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from deploy.bridges import Bridges
from deploy.conftest import WRONG, definition
from deploy.emulator import Emulator
from deploy.project import Project
from deploy.stack import Stack, check_of
from deploy.subscriber import Subscriber, Told
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot, require_dovecot

pytestmark = [pytest.mark.server, pytest.mark.long]
CHECKS = ("mail", "stale", "expired")


@dataclass
class Watch:
    """What happens, and when: seconds since the beginning, printed as they come."""

    stack: Stack
    bridges: Bridges
    people: Subscriber
    _began: float = field(default_factory=time.monotonic)

    def say(self, words: str) -> None:
        print(f"[{time.monotonic() - self._began:6.1f} s] {words}", flush=True)

    def until(self, what: str, found: Callable[[], object], seconds: float = 240) -> None:
        """Bridge and listen until `found`; it must come within `seconds`."""
        give_up = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < give_up, f"{what}: not within {seconds:.0f} s\n{self.bridges.told}"
            self.bridges.publish_embedded_metrics()
            self.bridges.evaluate_alarms()
            for told in self.people.listen(1):
                self.say(f"   message: {told.subject}")
        self.say(what)

    def results(self, check: str = "mail") -> list[dict[str, Any]]:
        """The runs of a check in the log, oldest first."""
        lines = [json.loads(line) for line in self.stack.log_lines() if line.startswith("{")]
        return [line["result"] for line in lines if line.get("check") == check and "result" in line]

    def bad_runs(self) -> list[str]:
        """When the runs began that found the server of `mail` unavailable."""
        return [run["started_at"] for run in self.results() if not run["available"]]

    def states(self) -> dict[str, str]:
        """Of the alarms that say that a server is not available, by check."""
        alarms = (alarm for alarm in self.stack.alarms() if alarm["AlarmName"].endswith("-unavailable"))
        return {str(check_of(alarm)): alarm["StateValue"] for alarm in alarms}

    def told(self, check: str, state: str) -> list[Told]:
        """What arrived of a change to `state` of that alarm of the check."""
        wanted = {"check": check, "kind": "unavailable", "state": state}
        return [told for told in self.people.heard if told.attributes == wanted]


@pytest.fixture
def server(certificates: Certificates) -> Iterator[Dovecot]:
    """A Dovecot that can be stopped, and started again on the same ports."""
    require_dovecot()
    with Dovecot(certificates) as running:
        yield running


@pytest.fixture
def neglected(certificates: Certificates) -> Iterator[Dovecot]:
    """A Dovecot with a certificate that has expired."""
    require_dovecot()
    with Dovecot(certificates, certificate="expired") as running:
        yield running


@pytest.fixture
def watch(
    project: Project, emulator: Emulator, secrets: None, server: Dovecot, neglected: Dovecot, dovecot: Dovecot
) -> Iterator[Watch]:
    """Deployed: `mail`, whose server will stop; `stale` has a wrong password, `expired` a server that is neglected."""
    project.write("mail", **definition(server))
    project.write("stale", **definition(dovecot, secret="imapcheck/stale"))
    project.write("expired", **definition(neglected))
    project.deploy()
    stack = Stack(emulator)
    with Subscriber(emulator, stack.physical("AlarmTopic")) as people:
        yield Watch(stack, Bridges(stack), people)


def test_outages_and_the_recovery_are_told(watch: Watch, project: Project, emulator: Emulator, server: Dovecot) -> None:
    """After two bad runs and not after one, as stories; then how long it was; then nothing is left."""
    watch.until("the schedules have fired and all checks have run", lambda: all(map(watch.results, CHECKS)), 120)
    assert watch.results()[0]["available"] is True, watch.results()[0]
    watch.until("Availability is 100", lambda: _availability(watch.stack) == [100.0], 20)
    watch.until("the alarm is OK", lambda: watch.states()["mail"] == "OK")

    server.stop()
    watch.say("Dovecot is stopped")
    watch.until("a run found it unavailable", watch.bad_runs, 120)
    watch.until("the outage is told", lambda: watch.told("mail", "ALARM"))
    _is_the_story_of_two_bad_runs(watch)
    watch.until("the refused login is told", lambda: watch.told("stale", "ALARM"))
    watch.until("the expired certificate is told", lambda: watch.told("expired", "ALARM"))
    _names(
        watch,
        "stale",
        "authenticate",
        "authentication_failed",
        "Put the right password into the secret imapcheck/stale",
    )
    _names(watch, "expired", "tls", "certificate_expired", "Renew the certificate")

    server.start()
    watch.say("Dovecot is started")
    watch.until("the recovery is told", lambda: watch.told("mail", "OK"))
    _is_the_recovery_with_the_outages_length(watch)
    assert [len(watch.told(check, "ALARM")) for check in CHECKS] == [1, 1, 1]
    assert [told.attributes["state"] for told in watch.people.heard] == ["ALARM"] * 3 + ["OK"]

    for mail in emulator.mails():
        print(f"\nTo: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}")
        assert not {PASSWORD, WRONG} & set(re.split(r"\W", mail.text))
    project.run(".venv-sam/bin/sam delete --no-prompts --stack-name imapcheck")
    watch.say("deleted")


def _is_the_story_of_two_bad_runs(watch: Watch) -> None:
    assert len(watch.bad_runs()) == 2
    assert 0.0 in _availability(watch.stack)
    _names(watch, "mail", "connect", "connection_refused", "Check whether the mail service runs")
    [told] = watch.told("mail", "ALARM")
    assert told.story["since"] == watch.bad_runs()[0]


def _is_the_recovery_with_the_outages_length(watch: Watch) -> None:
    [told] = watch.told("mail", "OK")
    runs = watch.results()
    last_bad = max(number for number, run in enumerate(runs) if not run["available"])
    since, until = watch.bad_runs()[0], runs[last_bad + 1]["started_at"]
    assert (told.story["since"], told.story["until"]) == (since, until)
    assert told.story["bad_runs"] == len(watch.bad_runs())
    minutes = (datetime.fromisoformat(until) - datetime.fromisoformat(since)) / timedelta(minutes=1)
    assert f"after {minutes:.0f} min" in told.subject


def _names(watch: Watch, check: str, step: str, failure: str, advice: str) -> None:
    """What a reader must know, at the beginning of the text: what, since when, where, why, and what to do."""
    [told] = watch.told(check, "ALARM")
    assert (told.story["step"], told.story["type"]) == (step, failure)
    [mail] = [mail for mail in watch.stack.emulator.mails() if mail.subject == told.subject]
    lines = mail.text.splitlines()
    assert lines[0].startswith(f"DOWN  {check}  imaps://localhost:")
    assert lines[1].startswith("since ")
    assert lines[2].startswith(f"{step}: {failure} - ")
    assert advice in " ".join(mail.text.split())


def _availability(stack: Stack) -> list[float]:
    """The values of the metric that the alarm watches, oldest first."""
    client = stack.emulator.client("cloudwatch")
    [alarm] = [alarm for alarm in stack.alarms() if alarm["AlarmName"] == "imapcheck-mail-unavailable"]
    found = client.get_metric_statistics(
        **{name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions", "Period")},
        Statistics=["Minimum"],
        StartTime=time.time() - 3600,
        EndTime=time.time() + 60,
    )
    return [point["Minimum"] for point in sorted(found["Datapoints"], key=lambda point: point["Timestamp"])]
