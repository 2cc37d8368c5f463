"""A machine outside with exactly the stack's PublishPolicy, on the emulator with IAM enforced: what its key does.

The machine is `imapcheck run --publish` as a process of its own. Its check turns green, its server's outage and its own
silence are told, an uplink that goes loses nothing; everything else is denied to the key, and a forged line believed by
nobody. Unproved: that CloudWatch itself takes metrics out of what PutLogEvents brings (`deploy.bridges` does here).
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from deploy.bridges import Bridges
from deploy.conftest import definition
from deploy.emulator import REGION, Emulator
from deploy.project import Project, surroundings
from deploy.stack import Stack
from deploy.subscriber import Subscriber
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot, require_dovecot

pytestmark = [pytest.mark.server, pytest.mark.long]
BIN = Path(sys.executable).parent
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Machine:
    """Another host in the user's network: its files, its key, and the process of its service."""

    folder: Path
    target: str
    emulator: Emulator
    key: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, endpoint: str | None = None) -> None:
        """`--every` makes a minute short."""
        environment = surroundings() | self.key | {
            "AWS_ENDPOINT_URL": endpoint or self.emulator.url,
            "XDG_STATE_HOME": str(self.folder / "state"),
        }  # fmt: skip
        call: list[str | Path] = [BIN / "imapcheck", "run", "office.json", "--credentials", "secrets", "--every", "2s"]
        call += ["--publish", self.target, "--place", "branch-1"]
        with (self.folder / "journal").open("ab") as log:
            process = subprocess.Popen(call, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.processes.append(process)

    def stop(self) -> None:
        self.processes[-1].kill()
        self.processes[-1].wait(10)

    @property
    def journal(self) -> str:
        return (self.folder / "journal").read_text()

    def client(self, service: str) -> Any:
        """With the machine's own key."""
        return boto3.client(
            service,
            endpoint_url=self.emulator.url,
            region_name=REGION,
            aws_access_key_id=self.key["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.key["AWS_SECRET_ACCESS_KEY"],
        )


@pytest.fixture(scope="module")
def server(certificates: Certificates) -> Iterator[Dovecot]:
    """One that can be stopped."""
    require_dovecot()
    with Dovecot(certificates) as running:
        yield running


@pytest.fixture(scope="module")
def stack(project: Project, secrets: None, server: Dovecot) -> Stack:
    """`mail` is run by the function, `office` from outside."""
    project.write("mail", **definition(server, alarms={"unavailable": "1 of 1"}))
    outside = definition(server, secret=None, schedule={"every": "1m", "runner": "outside"})
    project.write("office", **outside, alarms={"unavailable": "1 of 1"})
    project.deploy()
    return Stack(project.emulator)


@pytest.fixture(scope="module")
def machine(
    stack: Stack, project: Project, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A user that holds the policy and nothing else; the same definition, and the mailbox's password."""
    folder = tmp_path_factory.mktemp("machine")
    for name in ("office.json", "test-ca.pem"):
        (folder / name).write_bytes((project.place / "events" / name).read_bytes())
    (folder / "secrets").mkdir()
    mailbox = {"username": "monitor", "password": PASSWORD, "host": "localhost"}
    (folder / "secrets/office.json").write_text(json.dumps(mailbox))
    iam, outputs = stack.emulator.client("iam"), _outputs(stack)
    iam.create_user(UserName="branch-1")
    iam.attach_user_policy(UserName="branch-1", PolicyArn=outputs["PublishPolicy"])
    key = iam.create_access_key(UserName="branch-1")["AccessKey"]
    named = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    made = Machine(folder, outputs["PublishFromOutside"], stack.emulator, named)
    yield made
    for process in made.processes:
        process.kill()
        process.wait(10)


@pytest.fixture
def people(stack: Stack) -> Iterator[Subscriber]:
    with Subscriber(stack.emulator, stack.physical("AlarmTopic")) as subscriber:
        yield subscriber


def _outputs(stack: Stack) -> dict[str, str]:
    [found] = stack.emulator.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def lines(stack: Stack, check: str = "office") -> list[dict[str, Any]]:
    """The runs of the check in the log, oldest first."""
    found = [json.loads(line) for line in stack.log_lines() if line.startswith("{")]
    return [line for line in found if line.get("check") == check and "result" in line]


def until(found: Callable[[], object], what: str, machine: Machine, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < give_up, f"{what}\n{machine.journal}\n{machine.emulator.log()}"
        time.sleep(0.3)


def test_its_check_turns_green(stack: Stack, machine: Machine) -> None:
    """A run in the log, its metric, its alarm OK, its row on the dashboard; and the function refuses to run it."""
    assert [alarm["AlarmName"] for alarm in stack.alarms() if "-office-" in alarm["AlarmName"]]
    assert not [schedule for schedule in stack.schedules() if "office" in schedule["Name"]]
    assert 'found "outside"' in stack.run("office")["errorMessage"]
    machine.start()
    until(lambda: lines(stack), "a run in the log", machine)
    assert lines(stack)[0]["place"] == "branch-1"
    assert lines(stack)[0]["available"] is True, lines(stack)[0]
    bridges = Bridges(stack)
    [alarm] = [alarm for alarm in stack.alarms() if alarm["AlarmName"] == "imapcheck-office-unavailable"]

    def is_ok() -> bool:
        bridges.publish_embedded_metrics()
        bridges.evaluate(next(a for a in stack.alarms() if a["AlarmName"] == alarm["AlarmName"]))
        return any(f"{alarm['AlarmName']}: INSUFFICIENT_DATA -> OK" in words for words in bridges.told)

    until(is_ok, "the alarm is OK", machine, 180)
    shown = stack.invoke("ShowChecksFunction", {"widgetContext": {}})
    assert "office" in shown
    assert "not available" not in shown


def test_outage_of_its_server_is_told(stack: Stack, machine: Machine, people: Subscriber, server: Dovecot) -> None:
    """As a story, from the machine's own lines."""
    server.stop()
    until(lambda: lines(stack)[-1]["available"] is False, "a failed run", machine)
    stack.ring("office", "OK")
    stack.ring("office", "ALARM")
    told = people.next()
    server.start()
    assert (told.story["step"], told.story["type"]) == ("connect", "connection_refused")
    mail = stack.emulator.mails()[-1]
    print(f"\nSubject: {mail.subject}\n\n{mail.text}")
    assert "(on the machine branch-1)" in mail.text


def test_uplink_that_goes_loses_no_run(stack: Stack, machine: Machine) -> None:
    """The process ends meanwhile; what waited is sent by the next, says how late it is, and keeps its times."""
    machine.stop()
    machine.start(NOWHERE)
    [file] = _wait_for_file(machine)
    until(lambda: len([line for line in _waiting(file) if "result" in line]) >= 3, "runs that wait", machine)
    machine.stop()
    waited = {line["result"]["run_id"]: line["timestamp"] for line in _waiting(file) if "result" in line}
    assert "was not reached (EndpointConnectionError)" in machine.journal
    machine.start()
    ids = set(waited)
    until(lambda: ids <= {line["result"]["run_id"] for line in lines(stack)}, "all runs in the log", machine)
    arrived = {line["result"]["run_id"]: line for line in lines(stack)}
    for run_id, written in waited.items():
        assert arrived[run_id]["timestamp"] == written
        assert arrived[run_id]["late_s"] >= 0
    assert PASSWORD not in json.dumps(lines(stack)) + machine.journal


def _wait_for_file(machine: Machine) -> list[Path]:
    until(lambda: list((machine.folder / "state/imapcheck").glob("*.jsonl")), "a file of what waits", machine)
    return list((machine.folder / "state/imapcheck").glob("*.jsonl"))


def _waiting(file: Path) -> list[dict[str, Any]]:
    return [json.loads(json.loads(line)[1]) for line in file.read_text().splitlines()]


def test_its_silence_is_told_and_names_it(stack: Stack, machine: Machine, people: Subscriber) -> None:
    """The alarm itself is any check's; the story is about the machine."""
    machine.stop()
    time.sleep(2)
    stack.ring("office", "OK", "not-running")
    stack.ring("office", "ALARM", "not-running")
    told = people.next()
    print(f"\nSubject: {told.subject}")
    assert told.subject.startswith("NO RESULT office")
    assert "the machine branch-1 reports nothing" in told.story["why"]
    assert "the machine branch-1 is up" in told.story["do"]


def test_forged_line_is_believed_by_nobody(stack: Stack, machine: Machine, people: Subscriber) -> None:
    """The key may write it; neither story nor dashboard has it."""
    machine.stop()
    [forged] = lines(stack)[-1:]
    forged |= {"check": "mail", "result": forged["result"] | {"check": "mail", "run_id": "forged", "available": False}}
    logs, group = machine.client("logs"), machine.target.partition("/")[2]
    event = {"timestamp": int(time.time() * 1000), "message": json.dumps(forged)}
    logs.create_log_stream(logGroupName=group, logStreamName="outside/evil")
    logs.put_log_events(logGroupName=group, logStreamName="outside/evil", logEvents=[event])
    assert [line for line in lines(stack, "mail") if line["result"]["run_id"] == "forged"]
    stack.ring("mail", "OK")
    stack.ring("mail", "ALARM")
    told = people.next()
    assert told.story["run"] is None or told.story["run"]["available"] is True
    assert "evil" not in json.dumps(told.story)
    assert "evil" not in stack.invoke("ShowChecksFunction", {"widgetContext": {}})


def test_everything_else_is_denied(stack: Stack, machine: Machine) -> None:
    """Its key reads nothing, calls nothing, and writes to no stream of the function and to no other group."""
    group, other = machine.target.partition("/")[2], stack.physical("ExplainAlarmLogGroup")
    functions = stack.emulator.client("lambda").list_functions()["Functions"]
    logs, event = machine.client("logs"), {"timestamp": int(time.time() * 1000), "message": "{}"}
    root = stack.emulator.client("logs")
    root.create_log_stream(logGroupName=group, logStreamName="2026/11/24/f[$LATEST]1")
    root.create_log_stream(logGroupName=other, logStreamName="outside/branch-1")
    calls: dict[str, Callable[[], object]] = {
        "a stream of the function": lambda: logs.put_log_events(
            logGroupName=group, logStreamName="2026/11/24/f[$LATEST]1", logEvents=[event]
        ),
        "another group": lambda: logs.put_log_events(
            logGroupName=other, logStreamName="outside/branch-1", logEvents=[event]
        ),
        "a stream in another group": lambda: logs.create_log_stream(logGroupName=other, logStreamName="outside/x"),
        "reading runs": lambda: logs.filter_log_events(logGroupName=group),
        "listing groups": logs.describe_log_groups,
        "metrics": lambda: machine.client("cloudwatch").put_metric_data(
            Namespace="ImapCheck/imapcheck", MetricData=[{"MetricName": "Availability", "Value": 100}]
        ),
        "alarms": machine.client("cloudwatch").describe_alarms,
        "secrets": machine.client("secretsmanager").list_secrets,
        "a secret": lambda: machine.client("secretsmanager").get_secret_value(SecretId="imapcheck/mail"),
        "the function": lambda: machine.client("lambda").invoke(FunctionName=functions[0]["FunctionName"]),
        "the topic": lambda: machine.client("sns").publish(TopicArn=stack.physical("AlarmTopic"), Message="x"),
        "users": machine.client("iam").list_users,
    }
    allowed = {name for name, call in calls.items() if not _denied(call)}
    assert allowed == set()


def _denied(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"]).startswith(("AccessDenied", "AuthorizationError"))
    return False
