"""The dashboard's widget on moto's CloudWatch and Logs, clicked as the console clicks."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from moto.cloudwatch.models import cloudwatch_backends

from imapcheck.aws.dashboard import Request
from imapcheck.aws.log_reader import LogReader
from imapcheck.failures import FailureType
from imapcheck.report.widget import Choice
from imapcheck.result import CheckResult, PlaceFacts
from imapcheck.wording import date
from support.dashboard_console import DashboardConsole, Element, parse
from support.full_results import available, refused, slow
from support.log_lines import log_line
from support.runtime_api import LambdaEnvironment

HANDLER = Path(__file__).parents[2] / "functions/show_checks/handler.py"
ENDPOINT = "arn:aws:lambda:eu-central-1:123456789012:function:show-checks"
HOSTILE = "<script>alert(1)</script><cwdb-action action=call endpoint=evil>{}</cwdb-action>"
STACKS = iter(range(1000))

type Ran = Callable[..., None]


class Stack:
    """A stack's log group, metrics and definitions; `ran` is what run_check leaves behind."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name = f"stack-{next(STACKS)}"
        self.group = f"/aws/lambda/{self.name}"
        self.folder = folder
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.logs, self.cloudwatch = boto3.client("logs"), boto3.client("cloudwatch")
        self.logs.create_log_group(logGroupName=self.group)
        self.logs.create_log_stream(logGroupName=self.group, logStreamName="one")
        monkeypatch.setenv("IMAPCHECK_STACK", self.name)
        monkeypatch.setenv("IMAPCHECK_LOG_GROUP", self.group)
        monkeypatch.setenv("IMAPCHECK_DEFINITIONS", str(folder))

    def ago(self, minutes: float) -> datetime:
        """A time, so many minutes before the test began."""
        return self.now - timedelta(minutes=minutes)

    def define(self, *names: str, **fields: Any) -> None:
        for name in names:
            data = {"server": "imaps://imap.example.com:993/", "secret": "s", "schedule": {"every": "5m"}} | fields
            (self.folder / f"{name}.json").write_text(json.dumps(data))

    def ran(self, result: CheckResult, at: datetime, *, instant_test: bool = False, logged: bool = True) -> None:
        result = replace(result, started_at=at)
        if not instant_test:
            value = result.share_reached
            dimensions = [{"Name": "Check", "Value": result.check}]
            self.cloudwatch.put_metric_data(
                Namespace=f"ImapCheck/{self.name}",
                MetricData=[
                    {"MetricName": "Availability", "Dimensions": dimensions, "Value": value, "Timestamp": at},
                ],
            )
        if logged:
            self.write(log_line(result, instant_test=instant_test), at + timedelta(milliseconds=result.duration_ms))

    def write(self, line: str, at: datetime) -> None:
        event = {"timestamp": int(at.timestamp() * 1000), "message": line}
        self.logs.put_log_events(logGroupName=self.group, logStreamName="one", logEvents=[event])

    def handler(self) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"show_checks_{self.name}", HANDLER)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def open(self, *, hours: float = 12, end: datetime | None = None, **context: Any) -> DashboardConsole:
        end = end or self.now
        module, caller = self.handler(), SimpleNamespace(invoked_function_arn=ENDPOINT)
        times = {"start": int((end - timedelta(hours=hours)).timestamp() * 1000), "end": int(end.timestamp() * 1000)}
        return DashboardConsole(lambda event: module.handler(event, caller), ENDPOINT, **times, **context)


@pytest.fixture
def stack(moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    for name, value in (
        ("AWS_ENDPOINT_URL", moto_endpoint), ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    # moto's GetMetricData looks at a metric's dimensions and not at its namespace.
    for regions in cloudwatch_backends.values():
        for backend in regions.values():
            backend.reset()
    return Stack(tmp_path, monkeypatch)


def rows(shown: Element) -> dict[str, str]:
    """Each row's text by the check's name, in the order shown."""
    [body] = shown.all("tbody")
    return {row.all("th")[0].text: row.text for row in body.all("tr")}


def test_the_table_tells_state_reason_since_when_certificate_and_availability(stack: Stack) -> None:
    """Worst first; of each check the newest run, whatever came before it."""
    stack.define("alpha", "beta", "gamma", "delta")
    for minutes in (30, 25):
        stack.ran(available("alpha"), stack.ago(minutes))
    for minutes in (20, 15, 10, 4):
        stack.ran(refused("alpha"), stack.ago(minutes))
    stack.ran(refused("beta"), stack.ago(9))
    stack.ran(available("beta"), stack.ago(3))
    stack.ran(slow("gamma"), stack.ago(2))
    shown = rows(stack.open().shown)
    assert list(shown) == ["alpha", "delta", "gamma", "beta"]
    since = stack.ago(20).strftime("%H:%M UTC")
    assert "✗ not available" in shown["alpha"]
    assert f"{since}, 2" in shown["alpha"]
    assert "authenticate: authentication_failed the server answered NO" in shown["alpha"]
    assert "61 days left" in shown["alpha"]
    assert "33.33 %" in shown["alpha"]
    assert "✓ available" in shown["beta"]
    assert "50 % last failure" in shown["beta"]
    assert "over its threshold: search 1.2 s" in shown["gamma"]
    assert "100 %" in shown["gamma"]
    assert "none in this time range" in shown["delta"]


def test_a_click_on_the_name_opens_the_last_run(stack: Stack) -> None:
    """Its report, with what the server said; the log has the transcript of a failure."""
    stack.define("alpha", "beta")
    stack.ran(available("alpha"), stack.ago(7))
    stack.ran(refused("alpha"), stack.ago(2))
    stack.ran(refused("beta"), stack.ago(2))
    popup = stack.open().click("alpha")
    failure = refused().failure
    assert failure is not None
    for words in ("NOT AVAILABLE", "alpha", failure.detail, failure.advice, "C: A0002 AUTHENTICATE PLAIN ********"):
        assert words in popup.text
    [steps] = [found for found in popup.all("table") if found.attributes["class"] == "steps"]
    assert [row.attributes["class"] for row in steps.all("tbody")[0].all("tr")].count("failed") == 2
    assert "imapcheck run events/alpha.json" not in popup.text  # one more refused login could lock the account


def test_last_failure_opens_the_last_run_that_failed(stack: Stack) -> None:
    """And not the newer ones, nor another check's."""
    stack.define("alpha", "beta")
    failure = refused("alpha").failure
    assert failure is not None
    old = replace(failure, type=FailureType.OVER_QUOTA, detail="older words")
    stack.ran(replace(refused("alpha"), failure=old, failures=(old,)), stack.ago(300))
    stack.ran(refused("alpha"), stack.ago(200))
    stack.ran(refused("beta"), stack.ago(200))
    stack.ran(available("alpha"), stack.ago(195))
    stack.ran(available("alpha"), stack.ago(1))
    popup = stack.open().click("last failure")
    assert "authentication_failed" in popup.text
    assert "older words" not in popup.text
    assert date(stack.ago(200)) in popup.text


def test_the_form_narrows_the_table_in_its_place(stack: Stack) -> None:
    """By a part of the name, and to what needs a person; what was chosen stays chosen."""
    stack.define("mail-a", "mail-b", "other")
    stack.ran(refused("mail-a"), stack.ago(2))
    stack.ran(available("mail-b"), stack.ago(2))
    stack.ran(refused("other"), stack.ago(2))
    console = stack.open()
    console.form = {"name": "MAIL", "show": "problems"}
    assert list(rows(console.click("Apply"))) == ["mail-a"]
    console.form = {}
    assert list(rows(console.click("Apply"))) == ["mail-a"]
    console.form = {"name": "nothing"}
    assert "No check matches." in console.click("Apply").text


def test_the_time_range_is_the_dashboards(stack: Stack) -> None:
    """What happened after its end is not shown; a zoom counts more than the range."""
    stack.define("alpha")
    stack.ran(available("alpha"), stack.ago(302))
    stack.ran(refused("alpha"), stack.ago(5))
    assert "✓ available" in stack.open(end=stack.ago(300)).shown.text
    zoom = {"start": int(stack.ago(500).timestamp() * 1000), "end": int(stack.ago(300).timestamp() * 1000)}
    zoomed = stack.open(timeRange={"start": 1, "end": 2, "zoom": zoom})
    assert "✓ available" in zoomed.shown.text


@pytest.mark.parametrize("moment", [0, -1, None, "now", 4e12])
def test_a_time_that_is_none_is_the_present(moment: Any, stack: Stack) -> None:
    """Zero is what a form leaves that nobody has filled in, and not the year 1970."""
    stack.define("alpha")
    stack.ran(available("alpha"), stack.ago(5))
    assert "✓ available" in stack.open(timeRange={"start": moment, "end": moment}).shown.text


def test_a_check_that_stopped_running_is_told(stack: Stack) -> None:
    """Its last state is not presented as the present one."""
    stack.define("alpha", "beta")
    stack.ran(available("alpha"), stack.ago(45))
    stack.ran(available("beta"), stack.ago(3))
    shown = rows(stack.open().shown)
    assert "It should run every 5m, and does not." in shown["alpha"]
    assert "45 min ago" in shown["alpha"]
    assert "does not" not in shown["beta"]


@pytest.mark.parametrize("last", [available, slow, refused])
@pytest.mark.parametrize("logged", [True, False])
def test_what_stopped_has_no_state(stack: Stack, last: Callable[..., CheckResult], logged: bool) -> None:
    """Neither green nor red: it is among the problems, before what is well, in words of its own."""
    stack.define("stopped", "apart", "broken")
    stack.ran(last("stopped"), stack.ago(60), logged=logged)
    stack.ran(available("apart"), stack.ago(3))
    stack.ran(available("broken"), stack.ago(3))
    (stack.folder / "broken.json").write_text("{}")
    console = stack.open()
    shown = rows(console.shown)
    assert list(shown) == ["broken", "stopped", "apart"]
    assert "? not running" in shown["stopped"]
    assert "? definition broken" in shown["broken"]
    assert not any(sign in shown["stopped"] for sign in ("✓", "✗", "since"))
    console.form = {"show": "problems"}
    assert list(rows(console.click("Apply"))) == ["broken", "stopped"]


def test_when_a_check_has_stopped_is_what_its_alarm_says(stack: Stack) -> None:
    """The dashboard has no limit of its own."""
    stack.define("patient", alarms={"not_running": 15})
    stack.define("usual")
    stack.define("strict", alarms={"not_running": 2})
    for name in ("patient", "usual", "strict"):
        stack.ran(available(name), stack.ago(12))
    shown = rows(stack.open().shown)
    assert {name for name, text in shown.items() if "not running" in text} == {"strict"}
    end = stack.now + timedelta(minutes=20)
    later = Request(stack.ago(60), end, end, False, Choice(), None)
    shown = rows(parse(stack.handler().dashboard.answer(later, ENDPOINT)))
    assert {name for name, text in shown.items() if "not running" in text} == {"strict", "usual"}


def test_a_coarse_period_makes_nothing_late(stack: Stack) -> None:
    """Where the log is silent the metrics know hours alone: a run may have begun at the end of its period."""
    stack.define("alpha")
    stack.ran(available("alpha"), stack.ago(4), logged=False)
    shown = rows(stack.open(hours=24 * 90).shown)["alpha"]
    assert "✓ available" in shown
    assert "does not" not in shown


def test_a_paused_stack_says_so(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does what it was told to; a run of just before is what it was."""
    monkeypatch.setenv("IMAPCHECK_PAUSED", "true")
    stack.define("alpha", "beta", "gamma")
    stack.ran(available("alpha"), stack.ago(60))
    stack.ran(available("beta"), stack.ago(3))
    shown = rows(stack.open().shown)
    for name in ("alpha", "gamma"):
        assert "? paused" in shown[name]
        assert "The stack is paused" in shown[name]
        assert "does not" not in shown[name]
    assert "✓ available" in shown["beta"]
    monkeypatch.setenv("IMAPCHECK_PAUSED", "false")
    assert "paused" not in stack.open().shown.text


def test_a_narrowed_table_knows_the_other_checks(stack: Stack) -> None:
    """How many there are, and that they have a schedule."""
    stack.define("mail-a", "mail-b")
    stack.define("mail-idle", "other", schedule=None)
    for name in ("mail-a", "mail-b"):
        stack.ran(available(name), stack.ago(2), logged=False)
    console = stack.open()
    console.form = {"name": "mail-a"}
    text = console.click("Apply").text
    assert "1 of 2 checks" in text
    assert "Deployed without a schedule" not in text
    assert "could not be read in time for mail-a:" in text
    console.form = {"name": "mail"}
    assert "Deployed without a schedule: mail-idle." in console.click("Apply").text


@pytest.mark.parametrize(("every", "late"), [("5m", 9), ("1h", 100), ("6h", 410)])
def test_a_run_whose_event_came_late_is_found(stack: Stack, every: str, late: float) -> None:
    """Its metrics bear the time of its schedule, its line that at which Lambda ran it."""
    stack.define("alpha", schedule={"every": every})
    result = replace(refused("alpha"), started_at=stack.ago(late + 500))
    stack.ran(result, result.started_at, logged=False)
    stack.write(log_line(result), stack.ago(500))
    console = stack.open(hours=20)
    assert "authenticate: authentication_failed" in console.click("alpha").text
    assert "could not be read" not in console.shown.text
    assert "authenticate: authentication_failed" in console.click("last failure").text


def test_a_refused_step_is_marked_in_the_run(stack: Stack) -> None:
    """As `imapcheck run --html` marks it."""
    stack.define("alpha")
    result = available("alpha")
    steps = tuple(
        replace(step, status="refused", detail="NO not here") if step.name == "namespace" else step
        for step in result.steps
    )
    stack.ran(replace(result, steps=steps), stack.ago(2))
    popup = stack.open().click("alpha")
    [found] = [row for table in popup.all("table") for row in table.all("tr") if "namespace" in row.text]
    assert "!" in found.text
    assert "NO not here" in popup.text


def test_instant_tests_and_other_lines_are_no_runs(stack: Stack) -> None:
    """Nor is a line that is no JSON."""
    stack.define("alpha")
    stack.ran(available("alpha"), stack.ago(4))
    stack.ran(refused("alpha"), stack.ago(2), instant_test=True)
    stack.write("START RequestId: 1", stack.ago(2))
    stack.write('["check finished"]', stack.ago(2))
    assert "✓ available" in rows(stack.open().shown)["alpha"]


def partly(check: str) -> CheckResult:
    """A run of home's that was good, while Tokyo did not reach the server."""
    failure = refused().failure
    places = (PlaceFacts("eu-central-1", True, True), PlaceFacts("ap-northeast-1", True, False, failure))
    return replace(available(check), verdict="partial", places=places)


def test_a_partial_run_without_its_line_is_partial(stack: Stack) -> None:
    """By the metric alone: one outage among the runs of a period is one, and a partial run never is."""
    stack.define("partial", "mixed", "down")
    for check, before in (("partial", available), ("mixed", partly), ("down", refused)):
        stack.ran(before(check), stack.ago(4 + 1 / 60), logged=False)
        stack.ran(refused(check) if check == "mixed" else partly(check), stack.ago(4), logged=False)
    shown = rows(stack.open(hours=24 * 90).shown)
    assert list(shown) == ["down", "mixed", "partial"]
    assert "not available" not in shown["partial"]
    assert "since" not in shown["partial"]
    assert all("✗ not available" in shown[check] for check in ("mixed", "down"))


def test_an_outage_that_became_partial_is_no_longer_down(stack: Stack) -> None:
    """And one that a partial run interrupted began after that run."""
    stack.define("partial", "again")
    for minutes in (9, 8):
        stack.ran(refused("partial"), stack.ago(minutes), logged=False)
        stack.ran(refused("again"), stack.ago(minutes), logged=False)
    for check in ("partial", "again"):
        stack.ran(partly(check), stack.ago(5), logged=False)
    stack.ran(refused("again"), stack.ago(3), logged=False)
    shown = rows(stack.open().shown)
    assert "not available" not in shown["partial"]
    assert "3 min" in shown["again"]


def test_a_run_without_its_line_is_told_from_the_metrics(stack: Stack) -> None:
    """State and time are known, and that the rest is not."""
    stack.define("alpha")
    stack.ran(refused("alpha"), stack.ago(4), logged=False)
    console = stack.open()
    assert "✗ not available" in rows(console.shown)["alpha"]
    assert "The log of the last run could not be read in time for alpha" in console.shown.text
    assert "That run is not in the log" in console.click("alpha").text


def test_definitions_without_schedule_and_broken_ones(stack: Stack) -> None:
    """The one is named below the table, the other says what is wrong."""
    stack.define("alpha")
    stack.define("idle", schedule=None)
    stack.define("paused", schedule={"every": "5m", "enabled": False})
    stack.define("broken", serch="x")
    shown = stack.open().shown
    assert list(rows(shown)) == ["alpha", "broken"]
    assert "serch" in rows(shown)["broken"]
    assert "Deployed without a schedule: idle, paused." in shown.text


def test_hostile_words_stay_words(stack: Stack) -> None:
    """In the table and in the pop-up: no tag, and no action that the console would follow."""
    stack.define("alpha")
    failure = refused("alpha").failure
    assert failure is not None
    hostile = replace(failure, detail=HOSTILE)
    result = replace(refused("alpha"), failure=hostile, failures=(hostile,), transcript=(f"S: * {HOSTILE}",))
    stack.ran(result, stack.ago(2))
    console = stack.open()
    for shown in (console.shown, console.click("alpha")):
        assert HOSTILE in shown.text
        assert not shown.all("script")
        assert all(action.attributes["endpoint"] == ENDPOINT for action in shown.all("cwdb-action"))


def test_a_theme_and_a_description(stack: Stack) -> None:
    """Dark on a dark dashboard; documentation with parameters where the console asks."""
    assert "@media screen" in str(stack.open(theme="dark").shown.all("style")[0].children)
    told = stack.handler().handler({"describe": True}, SimpleNamespace(invoked_function_arn=ENDPOINT))
    assert told.startswith("# The checks of this stack")
    assert "```yaml" in told


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"widgetContext": None},
        {"widgetContext": {"timeRange": {"start": "x", "end": -1}, "forms": [], "params": 3}},
        {"widgetContext": {"timeRange": {"start": 9e15, "end": 1e300}}},
        {"widgetContext": {"timeRange": {"start": 2, "end": 1}}},
        {"run": "../alpha", "from": 1, "to": 2},
        {"run": 'x" || $.check = "alpha', "from": 1, "to": 2},
        {"run": ["alpha"], "from": 1, "to": 2},
        {"run": "alpha", "from": 2, "to": 1},
        {"run": "alpha", "from": 1, "to": 3_000_000_000_000},
    ],
)
def test_nonsense_is_answered(event: dict[str, Any], stack: Stack) -> None:
    """Whoever may call the function may send anything; a name that is not deployed reaches no pattern."""
    stack.define("alpha")
    answer = stack.handler().handler(event, SimpleNamespace(invoked_function_arn=ENDPOINT))
    assert answer.startswith("<div")


def test_fifty_checks_cost_few_requests(stack: Stack) -> None:
    """One for the metrics; of the log only the minutes in which the newest runs lie, and the hour of a rare one."""
    names = [f"check-{number:02}" for number in range(50)]
    stack.define(*names)
    stack.define("rare", schedule={"every": "6h"})
    stack.ran(available("rare"), stack.ago(200))
    for index, name in enumerate(names):
        for minutes in (60, 5, 0):
            stack.ran(available(name), stack.ago(minutes + 0.1 + index * 0.08))
    module = stack.handler()
    windows: list[tuple[int, int]] = []
    metrics: list[int] = []
    logs, cloudwatch = module.dashboard._logs, module.dashboard._cloudwatch
    logs.meta.events.register(
        "provide-client-params.cloudwatch-logs.FilterLogEvents",
        lambda params, **_: windows.append((params["startTime"], params["endTime"])),
    )
    cloudwatch.meta.events.register(
        "provide-client-params.cloudwatch.GetMetricData",
        lambda params, **_: metrics.append(len(params["MetricDataQueries"])),
    )
    answer = module.handler({}, SimpleNamespace(invoked_function_arn=ENDPOINT))
    assert answer.count("✓ available") == 51
    assert metrics == [153]
    assert len(windows) == 2
    assert sum(end - start for start, end in windows) < 15 * 60_000


def test_what_sam_builds_shows_table_and_run(stack: Stack, artifact: Path, moto_endpoint: str, tmp_path: Path) -> None:
    """The layers hold all that it needs: htpy, the style sheet, the package; under Lambda's own runtime client."""
    stack.define("alpha")
    stack.ran(refused("alpha"), stack.ago(2))
    variables = {
        "IMAPCHECK_STACK": stack.name,
        "IMAPCHECK_LOG_GROUP": stack.group,
        "IMAPCHECK_DEFINITIONS": str(stack.folder),
        "AWS_ENDPOINT_URL": moto_endpoint,
    }
    with LambdaEnvironment(artifact, tmp_path, variables, function="ShowChecksFunction") as running:
        table = running.invoke({})
        window = {"from": int(stack.ago(5).timestamp() * 1000), "to": int(stack.now.timestamp() * 1000)}
        run = running.invoke({"run": "alpha", **window})
    assert (table.error, run.error) == (None, None)
    assert "✗ not available" in parse(table.result).text
    assert "C: A0002 AUTHENTICATE PLAIN ********" in parse(run.result).text


def test_a_throttled_log_leaves_what_the_metrics_know(stack: Stack) -> None:
    """Other readers of the account's logs may use up its few requests a second."""
    stack.define("alpha")
    stack.ran(refused("alpha"), stack.ago(2))
    module = stack.handler()

    def refuse(request: Any, **_: object) -> AWSResponse:
        body = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
        return AWSResponse(request.url, 400, {"x-amzn-RequestId": "1"}, SimpleNamespace(stream=lambda **_: [body]))

    module.dashboard._logs.meta.events.register("before-send.cloudwatch-logs.FilterLogEvents", refuse)
    shown = parse(module.handler({}, SimpleNamespace(invoked_function_arn=ENDPOINT)))
    assert "✗ not available" in rows(shown)["alpha"]
    assert "The log of the last run could not be read in time for alpha" in shown.text


def test_an_error_of_aws_is_a_sentence(stack: Stack) -> None:
    """In the widget's place, with its code; the function itself does not fail."""
    stack.define("alpha")
    stack.ran(available("alpha"), stack.ago(2))
    stack.logs.delete_log_group(logGroupName=stack.group)
    assert "AWS answered FilterLogEvents with ResourceNotFoundException." in stack.open().shown.text


def test_aws_out_of_reach_is_a_sentence(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """No route, no endpoint: named by the error's kind."""
    stack.define("alpha")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert "AWS could not be asked: EndpointConnectionError" in stack.open().shown.text


def test_months_are_read_as_quickly_as_hours(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest run is looked for in its minutes, and not in the six hours that a point then stands for."""
    asked: list[timedelta] = []
    runs = LogReader.runs

    def noted(reader: LogReader, checks: Any, start: datetime, end: datetime) -> Any:
        asked.append(end - start)
        return runs(reader, checks, start, end)

    monkeypatch.setattr(LogReader, "runs", noted)
    stack.define("alpha", "silent")
    for minutes in (340, 200, 100, 33):
        stack.ran(available("alpha"), stack.ago(minutes))
    stack.ran(refused("silent"), stack.ago(3 * 24 * 60))
    shown = stack.open(hours=90 * 24).shown
    table = rows(shown)
    assert "598 ms" in table["alpha"]
    assert "570 ms" in table["silent"]
    assert min(asked) <= timedelta(minutes=30)
    assert [length for length in asked if length > timedelta(hours=1)] == asked[-1:]  # of the one that is silent
