"""The built `explain_alarm` under awslambdaric: what Lambda would run, with nothing else importable."""

import os
from datetime import UTC, datetime, timedelta

from aws.conftest import Start
from imapcheck.alarms.kinds import UNAVAILABLE
from imapcheck.failures import FailureType
from support.alarm_events import alarm_message, as_body, queue_event
from support.alarm_stack import Stack
from support.story_scenes import FAULTS, log_line


def test_built_function_tells_the_story(stack: Stack, environment: Start) -> None:
    """Layers, environment and batch response as deployed."""
    now = datetime.now(UTC)
    login = FailureType.AUTHENTICATION_FAILED
    bad = [
        log_line(now - timedelta(minutes=m, seconds=30), type=login, fault=FAULTS[login], check="gmail") for m in (0, 5)
    ]
    stack.log([*bad, log_line(now - timedelta(minutes=10, seconds=30), check="gmail")])
    variables = {name: value for name, value in os.environ.items() if name.startswith("IMAPCHECK_")}
    running = environment(stack.folder, function="ExplainAlarmFunction", **variables)
    reply = running.invoke(queue_event([as_body(alarm_message(UNAVAILABLE, now))]), timeout=60)
    assert reply.error is None, running.output()
    assert reply.result == {"batchItemFailures": []}
    [sent] = stack.sent
    assert sent.subject.startswith("DOWN gmail: login refused, since ")
    assert "Authentication failed." in sent.text
    assert '"level":"ERROR"' not in running.output()
