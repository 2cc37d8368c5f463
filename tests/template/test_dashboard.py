"""The dashboard: what its graphs search, what its queries read of a real log line, and that all of it is legible."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from imapcheck.failures import FailureType
from imapcheck.result import StepResult
from imapcheck.steps import STEP_NAMES
from support.log_lines import log_line
from support.results import failure, result
from template.reading import attribute, of_type, read
from template.test_resources import CONSOLE


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    """The root template."""
    return read("template.yaml")


def dashboard(root: dict[str, Any]) -> list[dict[str, Any]]:
    """The widgets, with substitutions made."""
    [properties] = of_type(root, "AWS::CloudWatch::Dashboard").values()
    assert properties["DashboardName"] == {"Ref": "AWS::StackName"}
    text = properties["DashboardBody"]["Fn::Sub"][0].replace("${!", "$<")
    text = text.replace("${Namespace}", "ImapCheck/imapcheck-prod").replace("${OutsideChecks}", "'office','site'")
    widgets: list[dict[str, Any]] = json.loads(re.sub(r"\$\{[A-Za-z:.]+\}", "X", text))["widgets"]
    return widgets


def test_what_is_filled_in(root: dict[str, Any]) -> None:
    """The stack's own namespace, the console of the partition, and a word where nothing runs."""
    [properties] = of_type(root, "AWS::CloudWatch::Dashboard").values()
    body, values = properties["DashboardBody"]["Fn::Sub"]
    assert values == {
        "Namespace": {"Fn::Sub": "ImapCheck/${AWS::StackName}"},
        "PausedNote": {"Fn::If": ["IsRunning", "", " (paused: nothing runs, nothing fires)"]},
        "OutsideChecks": {"Fn::If": ["IsRunning", attribute("Checks", "Outputs.OutsideChecks"), "''"]},
        **CONSOLE,
    }
    assert set(re.findall(r"\$\{([A-Za-z:.]+)\}", body)) == {
        "AWS::StackName", "AWS::Region", "Namespace", "PausedNote", "Console", "RunCheckLogGroup",
        "ShowChecksFunction.Arn", "OutsideChecks",
    }  # fmt: skip


SEARCHED = "SORT(SEARCH('{\"ImapCheck/imapcheck-prod\",Check} MetricName=\"%s\"', '%s'), %s, %s, 10)"
GRAPHS = {
    SEARCHED % ("Availability", "Minimum", "AVG", "ASC"): "Percent",
    SEARCHED % ("Duration", "Average", "AVG", "DESC"): "Milliseconds",
    SEARCHED % ("CertificateDaysRemaining", "Minimum", "MIN", "ASC"): "Days",
}


def test_graphs_show_the_ten_worst_of_this_stack(root: dict[str, Any]) -> None:
    """A namespace with a dash stands in double quotes; axes are labelled with their unit and begin at 0."""
    found = {}
    for widget in dashboard(root):
        if widget["type"] == "metric":
            [[metric]] = widget["properties"]["metrics"]
            axis = widget["properties"]["yAxis"]["left"]
            assert (axis["min"], axis.get("max")) == (0, 100 if axis["label"] == "Percent" else None)
            assert metric["label"] == "$<PROP('Dim.Check')}"
            found[metric["expression"]] = axis["label"]
    assert found == GRAPHS


def test_dashboard_stays_legible_with_many_checks(root: dict[str, Any]) -> None:
    """No check is named in it, graphs show ten lines at most, nothing is stacked, nothing overlaps."""
    widgets = dashboard(root)
    assert "gmail" not in json.dumps(widgets)
    cells = [
        (x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    for widget in widgets:
        if widget["type"] == "metric":
            assert widget["properties"]["stacked"] is False


GOOD = replace(result(), steps=tuple(StepResult(name, "passed", 1.0, None) for name in STEP_NAMES))
FAILED = result("gmail", failure(FailureType.AUTHENTICATION_FAILED, "authenticate"))
BY_LAMBDA, FROM_OUTSIDE = "2026/11/24/imapcheck-RunCheckFunction-1[$LATEST]0f", "outside/office"
LINES = {
    "good": (BY_LAMBDA, log_line(GOOD)),
    "failed": (BY_LAMBDA, log_line(FAILED)),
    "instant": (BY_LAMBDA, log_line(FAILED, instant_test=True)),
    "outside": (FROM_OUTSIDE, log_line(replace(GOOD, check="office"))),
    "forged": (FROM_OUTSIDE, log_line(GOOD)),
    "stray": (BY_LAMBDA, log_line(replace(GOOD, check="office"))),
}
SHOWN = {
    "Time per step in milliseconds: average of available runs": {"good", "outside"},
}
"""Which of the lines the query counts. There is one: an open dashboard pays for all that they scan, at each refresh."""


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """A JSON line's fields as Logs Insights finds them: nested names with dots, true and false as 1 and 0."""
    if isinstance(value, dict):
        return {key: found for name, item in value.items() for key, found in _flat(item, f"{path}.{name}").items()}
    return {path.lstrip("."): int(value) if isinstance(value, bool) else value}


def _condition(text: str) -> Callable[[dict[str, Any]], bool]:
    """A filter of Logs Insights as Python: `=` compares, true is 1, substr takes a length."""
    python = re.sub(r"substr\((@\w+), (\d+), (\d+)\)", r"\1[\2:\2+\3]", text).replace(" = ", " == ")
    python = re.sub(r"('[^']*')|(\bcheck\b|@\w+|\b\w+\b(?= ==))", lambda m: m[1] or f"fields['{m[2]}']", python)
    return lambda fields: bool(eval(python, {"fields": fields}))


def _fields(query: str) -> set[str]:
    """Every field that a query reads; what it makes itself (`as`) is none."""
    made = set(re.findall(r" as (\w+)", query)) | {"timestamp"}
    words = re.sub(
        r"'[^']*'|@\w+| as \w+|\b(SOURCE|filter|stats|fields|sort|limit|count|avg|by|and|or|not|in|substr|desc|asc)\b",
        " ",
        query,
    )
    return set(re.findall(r"[a-z_]+(?:\.[a-z_]+)*", words)) - (made - {"duration_ms"}) | set(
        re.findall(r"avg\(([a-z_.]+)\)", query)
    )


def test_queries_read_fields_that_a_real_line_has(root: dict[str, Any]) -> None:
    """And count the runs that their titles speak of: no instant test, of an outside check its machine's, else none."""
    lines = {kind: {"@logStream": stream} | _flat(json.loads(line)) for kind, (stream, line) in LINES.items()}
    known = {name for fields in lines.values() for name in fields}
    found = {}
    for widget in dashboard(root):
        if widget["type"] == "log":
            query = widget["properties"]["query"]
            assert _fields(query) <= known, _fields(query) - known
            conditions = [_condition(text.strip()) for text in re.findall(r"filter ([^|]+)", query)]
            counted = {kind for kind, fields in lines.items() if all(condition(fields) for condition in conditions)}
            found[widget["properties"]["title"]] = counted
    assert found == SHOWN


def test_open_dashboard_scans_little(root: dict[str, Any]) -> None:
    """The log of three hours, once a refresh; whoever looks for longer chooses a longer range."""
    [properties] = of_type(root, "AWS::CloudWatch::Dashboard").values()
    assert '"start": "-PT3H"' in properties["DashboardBody"]["Fn::Sub"][0]
    assert sum(widget["type"] == "log" for widget in dashboard(root)) == 1


def test_table_has_the_steps_that_take_time(root: dict[str, Any]) -> None:
    """Each under its own name."""
    [query] = [w["properties"]["query"] for w in dashboard(root) if "step_ms" in json.dumps(w)]
    columns = re.findall(r"avg\(step_ms\.(\w+)\) as (\w+)", query)
    assert [step for step, _ in columns] == [name for _, name in columns]
    assert {"connect", "tls", "authenticate", "search", "fetch", "append"} <= {step for step, _ in columns}


def test_table_of_checks_follows_the_time_range(root: dict[str, Any]) -> None:
    """The custom widget asks anew on refresh and on another range, not on another size."""
    [custom] = [w["properties"] for w in dashboard(root) if w["type"] == "custom"]
    assert custom["updateOn"] == {"refresh": True, "resize": False, "timeRange": True}
    assert custom["endpoint"] == "X"
