"""The `sam build` output under awslambdaric: what Lambda would run, with nothing else importable."""

import importlib.util
import json
import marshal
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aws.conftest import Deploy, PutSecret, Start
from conftest import NEW_MESSAGE
from imapcheck.aws.place import digest_of
from imapcheck.definition.files import load_definition
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.runtime_api import LambdaEnvironment
from support.wire_server import WireServer, hang

pytestmark = pytest.mark.server


def lines(environment: LambdaEnvironment) -> list[dict[str, Any]]:
    return [json.loads(line) for line in environment.output().splitlines() if line.startswith("{")]


def metrics(environment: LambdaEnvironment) -> dict[tuple[str, str, str], float]:
    """(metric, check, step) -> value of every EMF line printed."""
    found = {}
    for line in lines(environment):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "ImapCheck/stack"
            for metric in directive["Metrics"]:
                [dimensions] = directive["Dimensions"]
                assert set(dimensions) <= {"Check", "Step"}
                found[metric["Name"], line.get("Check", ""), line.get("Step", "")] = line[metric["Name"]][0]
    return found


def test_every_module_is_shipped_with_bytecode_that_names_its_place(artifact: Path) -> None:
    """A cold start compiles nothing (PEP 552: unchecked), and a traceback names the file that Lambda has."""
    for part, place in (("RunCheckFunction", "/var/task"), ("ImapcheckLayer", "/opt"), ("DependenciesLayer", "/opt")):
        sources = list((artifact / part).rglob("*.py"))
        assert sources
        for source in sources:
            octets = Path(importlib.util.cache_from_source(str(source))).read_bytes()
            assert int.from_bytes(octets[4:8], "little") == 0b01
            assert marshal.loads(octets[16:]).co_filename == f"{place}/{source.relative_to(artifact / part)}"


def test_available_run_publishes_what_it_returns(
    environment: Start, deploy: Deploy, put_secret: PutSecret, mail_server: str, dovecot: Any
) -> None:
    """Metrics, log line and return value tell the same; the stamp is the run's start."""
    folder = deploy(
        "mail", server=mail_server, secret=put_secret(), new_message=NEW_MESSAGE,
        thresholds={"total": 60_000, "tls": 60_000}, metrics="steps",
    )  # fmt: skip
    running = environment(folder)
    result = running.invoke({"check": "mail"}).result
    assert result["available"] is True, result
    emitted = metrics(running)
    assert emitted["Availability", "mail", ""] == 100
    assert emitted["Slow", "mail", ""] == 0
    assert emitted["Duration", "mail", ""] == result["duration_ms"]
    durations = {step["name"]: step["duration_ms"] for step in result["steps"]}
    assert {step for name, _, step in emitted if name == "StepDuration"} == {"connect", "tls", "authenticate", "append"}
    assert all(emitted["StepDuration", "mail", step] == durations[step] for step in ("connect", "authenticate"))
    tls = result["server"]["tls"]
    assert emitted["CertificateDaysRemaining", "mail", ""] == tls["certificate_days_remaining"]
    [log] = [line for line in lines(running) if line.get("message") == "check finished"]
    beside = ("steps", "transcript", "failure", "places")  # on the line itself, or in the result's `failures`
    assert log["result"] == {key: value for key, value in result.items() if key not in beside}
    assert log["step_ms"] == {name: took for name, took in durations.items() if took is not None}
    assert (log["check"], log["available"], log["instant_test"], log["cold_start"]) == ("mail", True, False, True)
    assert "transcript" not in log
    assert result["transcript"] == []
    [stamp] = {line["_aws"]["Timestamp"] for line in lines(running) if "_aws" in line}
    assert stamp == int(datetime.fromisoformat(result["started_at"]).timestamp() * 1000)
    running.invoke({"check": "mail"})
    assert [line["cold_start"] for line in lines(running) if "cold_start" in line] == [True, False]
    assert PASSWORD not in running.output()


def test_failing_run_is_a_successful_invocation(
    environment: Start, deploy: Deploy, put_secret: PutSecret, mail_server: str
) -> None:
    """Availability 0, no Duration, the failure and the transcript in the log, the secret nowhere."""
    secret = put_secret(password="wr0ng-canary")
    running = environment(deploy("mail", server=mail_server, secret=secret, search="x"))
    reply = running.invoke({"check": "mail"})
    assert reply.error is None
    assert reply.result["failure"]["type"] == "authentication_failed"
    emitted = metrics(running)
    assert emitted["Availability", "mail", ""] == 0
    assert ("Duration", "mail", "") not in emitted
    [log] = [line for line in lines(running) if line.get("message") == "check finished"]
    assert log["transcript"].splitlines() == reply.result["transcript"]
    assert (log["step"], log["type"]) == ("authenticate", "authentication_failed")
    assert "wr0ng-canary" not in running.output()


def test_scheduled_run_is_stamped_with_its_scheduled_time(environment: Start, deploy: Deploy) -> None:
    """What is no time, or cannot be this run's, is not believed."""
    running = environment(deploy("mail", server="imaps://x.invalid/", authentication="none"))
    due = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=50)

    def stamped(scheduled: object) -> float:
        result = running.invoke({"check": "mail", "scheduled_time": scheduled}).result
        stamp = [line["_aws"]["Timestamp"] for line in lines(running) if "_aws" in line][-1]
        return float(datetime.fromisoformat(result["started_at"]).timestamp() - stamp / 1000)

    running.invoke({"check": "mail"})
    assert 49 <= stamped(due.strftime("%Y-%m-%dT%H:%M:%SZ")) < 120
    for untrue in (
        "<aws.scheduler.scheduled-time>",
        17,
        None,
        "2026-11-24T12:00:00",
        "2020-01-01T00:00:00Z",
        "9" * 9999,
    ):
        assert abs(stamped(untrue)) < 0.002


ALLOWED = {"IMAPCHECK_ALLOW_INLINE_DEFINITIONS": "true"}


def test_inline_definition_is_an_instant_test_without_metrics(
    environment: Start, deploy: Deploy, mail_server: str, certificates: Certificates
) -> None:
    """It can neither hide nor fake an outage; without a name it is called inline."""
    folder = deploy("mail", server=mail_server)
    (folder / "ca.pem").write_bytes(certificates.ca.read_bytes())
    running = environment(folder, **ALLOWED)
    event = {"name": "mail", "server": mail_server, "authentication": "none", "tls": {"ca_file": "ca.pem"}}
    assert running.invoke(event).result["available"] is True
    del event["name"]
    assert running.invoke(event).result["check"] == "inline"
    assert running.invoke(event | {"server": 17}).error is not None
    assert metrics(running) == {}
    finished = [line for line in lines(running) if line.get("message") == "check finished"]
    assert [line["instant_test"] for line in finished] == [True, True]


@pytest.mark.parametrize("setting", [{}, {"IMAPCHECK_ALLOW_INLINE_DEFINITIONS": "false"}], ids=["unset", "false"])
def test_inline_definition_is_refused_unless_allowed(
    environment: Start, deploy: Deploy, setting: dict[str, str]
) -> None:
    """The message says what to do instead; nothing is connected to."""
    with WireServer() as server:
        running = environment(deploy("mail", server="localhost", authentication="none"), **setting)
        error = running.invoke({"server": f"imaps://localhost:{server.port}/", "authentication": "none"}).error
        assert server.connections == 0
    assert error is not None
    assert error["errorType"] == "DefinitionError"
    assert "AllowInlineDefinitions" in error["errorMessage"]
    assert metrics(running) == {}


@pytest.mark.parametrize(
    "tls",
    [
        {"verify": False, "allow_unverified_login": True},
        {"ca_file": "ca.pem"},
        {"server_name": "elsewhere.example"},
        {"mode": "none"},
    ],
    ids=lambda tls: next(iter(tls)),
)
def test_inline_definition_beside_a_secret_cannot_weaken_tls(
    environment: Start, deploy: Deploy, put_secret: PutSecret, certificates: Certificates, tls: dict[str, Any]
) -> None:
    """Whoever may invoke could else have a login sent to whom he likes, on the way to the secret's own host."""
    with WireServer(tls=certificates.server_context("untrusted")) as server:
        folder = deploy("mail", server="localhost", authentication="none")
        (folder / "ca.pem").write_bytes(certificates.ca.read_bytes())
        running = environment(folder, **ALLOWED)
        event = {"server": f"localhost:{server.port}", "secret": put_secret(), "authentication": "scram-sha-256"}
        error = running.invoke(event | {"tls": tls}).error
        assert server.connections == 0
    assert error is not None
    assert error["errorType"] == "DefinitionError"
    assert f"tls.{next(iter(tls))}" in error["errorMessage"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../ca.pem", "sub/ca.pem", "./ca.pem", "..", "no-such.pem"])
def test_inline_definition_reads_no_other_file(environment: Start, deploy: Deploy, name: str) -> None:
    """A plain name beside the definitions, and one that is there."""
    folder = deploy("mail", server="localhost", authentication="none")
    (folder / "sub").mkdir()
    running = environment(folder, **ALLOWED)
    event = {"server": "imaps://localhost:1/", "authentication": "none", "tls": {"ca_file": name}}
    error = running.invoke(event).error
    assert error is not None
    assert error["errorType"] == "DefinitionError", error
    assert "ca_file" in error["errorMessage"]


HUGE = "x" * 100_000


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"check": "mial"}, ["'mial'", "not among"]),
        ({"check": "../mail"}, ["'../mail'"]),
        ({"check": "/opt/mail"}, ["'/opt/mail'"]),
        ({"check": "mail.json"}, ["'mail.json'"]),
        ({"check": ""}, ["not among"]),
        ({"check": None}, ["None"]),
        ({"check": 17}, ["17"]),
        ({"check": ["mail"]}, ["a list"]),
        ({"check": {"mail": HUGE}}, ["a dict"]),
        ({"check": HUGE}, ["'xxx"]),
        ({"check": "mail\x00"}, ["not among"]),
        ({"check": "mail", "server": "x"}, ["check"]),
        ([1], ["expected"]),
        ("mail", ["expected"]),
        (None, ["expected"]),
    ],
    ids=lambda value: str(value)[:30] if not isinstance(value, list) else "",
)
def test_event_that_asks_for_nothing_known_is_an_error_of_the_monitor(
    environment: Start, deploy: Deploy, event: object, words: list[str]
) -> None:
    """A short message that names no other check; never a result, never a metric of a check."""
    running = environment(deploy("mail", server="localhost", authentication="none"))
    error = running.invoke(event).error
    assert error is not None
    assert error["errorType"] in ("DefinitionError", "NotDeployed"), error
    assert all(word in error["errorMessage"] for word in words), error["errorMessage"]
    assert len(error["errorMessage"]) < 400
    assert metrics(running) == {("MonitorErrors", "", ""): 1.0}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json, canary-4711", "expected a JSON object"),
        ({"username": "monitor", "host": "localhost"}, "password: missing"),
        ({"username": "monitor", "password": "canary-4711"}, "host: missing"),
        ({"username": "monitor", "password": "canary-4711", "host": "elsewhere.example"}, "made for host"),
        ({"username": ["canary-4711"], "password": "x", "host": "localhost"}, "username"),
    ],
)
def test_unusable_secret_is_an_error_that_names_it(
    environment: Start, deploy: Deploy, put_secret: PutSecret, mail_server: str, content: object, words: str
) -> None:
    """The message names the check and the secret, never the content; nothing is published."""
    name = put_secret(content)
    running = environment(deploy("mail", server=mail_server, secret=name))
    error = running.invoke({"check": "mail"}).error
    assert error is not None
    assert words in error["errorMessage"]
    assert "mail" in error["errorMessage"]
    assert "canary-4711" not in running.output()
    assert metrics(running) == {("MonitorErrors", "", ""): 1.0}


def test_missing_secret_is_an_error_that_says_so(environment: Start, deploy: Deploy, mail_server: str) -> None:
    """And a definition without `secret` too."""
    running = environment(deploy("mail", server=mail_server, secret="imapcheck/not-there"))
    error = running.invoke({"check": "mail"}).error
    assert error is not None
    assert "secret imapcheck/not-there" in error["errorMessage"]
    assert "no such secret" in error["errorMessage"]
    running = environment(deploy("mail", server=mail_server))
    error = running.invoke({"check": "mail"}).error
    assert error is not None
    assert "secret: missing" in error["errorMessage"]


def test_server_is_not_blamed_for_lack_of_time(environment: Start, deploy: Deploy, server_context: Any) -> None:
    """A server that stalls within its time-out, but beyond Lambda's time: an error of ours, no Availability."""
    with WireServer(script={"CAPABILITY": hang}, tls=server_context) as server:
        folder = deploy("mail", server=f"imaps://localhost:{server.port}/", authentication="none", timeout=100)
        running = environment(folder)
        for seconds in (7, 2.1):
            error = running.invoke({"check": "mail"}, timeout=seconds).error
            assert error is not None
            assert error["errorType"] == "NoTimeLeft"
            assert "check mail" in error["errorMessage"]
    assert metrics(running) == {("MonitorErrors", "", ""): 1.0}
    assert server.connections == 1


def test_stalled_server_is_told_where_there_was_time(environment: Start, deploy: Deploy, server_context: Any) -> None:
    """The definition's own time-out has passed: that is a verdict."""
    with WireServer(script={"CAPABILITY": hang}, tls=server_context) as server:
        folder = deploy("mail", server=f"imaps://localhost:{server.port}/", authentication="none", timeout=1)
        running = environment(folder)
        result = running.invoke({"check": "mail"}, timeout=10).result
    assert (result["failure"]["step"], result["failure"]["type"]) == ("capability", "timeout")
    assert metrics(running)["Availability", "mail", ""] == 0


def test_local_addresses_are_refused_unless_allowed(environment: Start, deploy: Deploy, mail_server: str) -> None:
    """Lambda's runtime API listens on loopback: no check reaches it."""
    servers = [
        mail_server,
        "imaps://127.0.0.1:1/",
        "imaps://[::ffff:127.0.0.1]:1/",
        "169.254.169.254",
        "0.0.0.0",
        "[::]:1",
    ]
    for index, server in enumerate(servers):
        running = environment(
            deploy(f"mail{index}", server=server, authentication="none"), IMAPCHECK_ALLOW_LOCAL_ADDRESSES="false"
        )
        error = running.invoke({"check": f"mail{index}"}).error
        assert error is not None, server
        assert "must not reach" in error["errorMessage"]


def test_place_looks_and_does_nothing_else(environment: Start, deploy: Deploy, server_context: Any) -> None:
    """No metric, no secret, no credentials, no other event; the secret's name is in neither answer nor log."""
    with WireServer(tls=server_context) as server:
        folder = deploy("mail", server=f"imaps://localhost:{server.port}/", secret="imapcheck/canary", search="x")
        running = environment(
            folder, IMAPCHECK_PLACE="us-east-2", AWS_REGION="us-east-2", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="",
            AWS_ENDPOINT_URL="http://127.0.0.1:9",
        )  # fmt: skip
        digest = digest_of(load_definition(folder / "mail.json"))
        reply = running.invoke({"look": "mail", "digest": digest})
        events: list[object] = [{"check": "mail"}, {"server": "imaps://x.invalid/"}, {}, []]
        others = [running.invoke(event) for event in events]
    assert reply.error is None, running.output()
    assert (reply.result["place"]["place"], reply.result["place"]["reached"]) == ("us-east-2", True)
    assert server.commands == ["CAPABILITY", "LOGOUT"]
    assert all(other.error is not None and "a place takes" in other.error["errorMessage"] for other in others)
    assert [line["check"] for line in lines(running) if line.get("message") == "looked"] == ["mail"]
    assert "_aws" not in running.output()
    assert "imapcheck/canary" not in json.dumps(reply.result) + running.output()


def test_home_refuses_a_look(environment: Start, deploy: Deploy) -> None:
    """It would be a check without its alarms."""
    running = environment(deploy("mail", server="imaps://x.invalid/", authentication="none"))
    error = running.invoke({"look": "mail", "digest": "x"}).error
    assert error is not None
    assert "this is their home" in error["errorMessage"]


def test_importing_the_handler_loads_neither_boto3_nor_the_command_line(environment: Start, deploy: Deploy) -> None:
    """A run without a secret does not pay for boto3 either."""
    running = environment(deploy("mail", server="imaps://x.invalid/", authentication="none"))
    assert running.invoke({"check": "mail"}).result["failure"]["type"] == "name_not_resolved"
    modules = Path(f"/proc/{running._process.pid}/maps").read_text()
    assert "_ssl" in modules
    unwanted = {"boto3", "botocore.session", "typer", "rich", "pymap", "scramp"}
    assert after_init(running, f"sorted({unwanted} & set(sys.modules))") == "[]"


def after_init(running: LambdaEnvironment, expression: str, **variables: str) -> str:
    """What `expression` is once the handler of such an environment was imported."""
    done = subprocess.run(
        [Path(sys.base_prefix) / "bin/python3.13", "-S", "-c", f"import handler, sys; print({expression})"],
        env={**running._environment(), "PATH": os.environ["PATH"], **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("table", ["pauses", ""])
def test_boto3s_clients_are_made_in_init_where_a_definition_names_a_secret(
    environment: Start, deploy: Deploy, table: str
) -> None:
    """INIT has the whole processor; the first run at 256 MB a seventh of one."""
    running = environment(deploy("mail", server="imaps://x.invalid/", secret="imapcheck/mail"))
    made = "[list(handler.invocation._secrets._providers), getattr(handler.invocation._table, '_client', 0)]"
    secrets, _, client = after_init(running, made, IMAPCHECK_PAUSE_TABLE=table).partition(", ")
    assert secrets == "[['AWS Secrets Manager']"
    client = client.removesuffix("]")
    assert ("DynamoDB" in client, client == "0") == (bool(table), not table)


def test_clients_that_cannot_be_made_in_init_end_no_environment(environment: Start, deploy: Deploy) -> None:
    """The run that needs them says why, and a check without a login runs."""
    folder = deploy("mail", server="imaps://x.invalid/", secret="imapcheck/mail")
    deploy("reachable", server="imaps://x.invalid/", authentication="none")
    running = environment(folder, AWS_PROFILE="not-there")
    error = running.invoke({"check": "mail"}).error
    assert error is not None
    assert "secret imapcheck/mail: cannot be read: there is no such AWS profile" in error["errorMessage"]
    assert running.invoke({"check": "reachable"}).result["failure"]["type"] == "name_not_resolved"
    assert "not all could be prepared in INIT: ProfileNotFound" in running.output()
