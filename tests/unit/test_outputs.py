"""Nagios, Prometheus, JUnit and JSON lines, each read back by the field's own reader."""

import json
import math
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, JUnitXml
from junitparser import Failure as JUnitFailure
from nagiosplugin import Performance, Range
from prometheus_client.parser import text_string_to_metric_families

from imapcheck.failures import FailureType
from imapcheck.output import json_lines, junit, nagios, prometheus
from imapcheck.output.outcome import Outcome, worst_first
from imapcheck.output.terminal.table import why
from imapcheck.output.terminal.verdict import verdict
from imapcheck.result import Exceeded, StepResult
from support.results import EXPIRES_AT, STARTED_AT, failure, not_run, outcome, result, slow_result, tls, warning

HOSTILE = 'x | bogus=1;;; <b>&"\' `id` $HOSTADDRESS$ ]]> {a="b"} \\n \u202e \x1b[2J \x00 \ud800 \ufffe é'
WORSE = """a | 'file' named="so"\\"""
PERFORMANCE = re.compile(r"(?:'([^'=]+)'|([^ '=]+))=([^ ;]*)(?:;([^ ;]*))?(?:;([^ ;]*))?(?:;([^ ;]*))?(?:;([^ ;]*))?")
VALUE = re.compile(r"(-?\d+(?:\.\d+)?)(s|%|[KMGT]?B|c)?")


class Item:
    """One item of performance data, read by the guidelines' grammar and nagiosplugin's ranges."""

    def __init__(self, text: str) -> None:
        match = PERFORMANCE.fullmatch(text)
        assert match, text
        value = VALUE.fullmatch(match[3])
        assert value, text
        self.label, self.value, self.unit = match[1] or match[2], float(value[1]), value[2] or ""
        self.warn, self.crit, self.least, self.most = (match[index] or "" for index in range(4, 8))
        written = Performance(self.label, value[1], self.unit, self.warn, self.crit, self.least, self.most)
        assert str(written) == text
        self.is_warning = bool(self.warn) and not Range(self.warn).match(self.value)
        self.is_critical = bool(self.crit) and not Range(self.crit).match(self.value)


def performance(text: str) -> dict[str, Item]:
    """The performance data of a plugin's output: what follows its one bar."""
    assert text.count("|") == 1
    items = [Item(word) for word in text.splitlines()[0].partition(" | ")[2].split(" ")]
    assert len({item.label for item in items}) == len(items)
    return {item.label: item for item in items}


def samples(outcomes: list[Outcome]) -> dict[tuple[str, ...], float]:
    """(name, check, other labels by name...) -> value, as Prometheus reads them."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(prometheus.render(outcomes)):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            assert sample.timestamp is None
            labels = dict(sample.labels)
            key = (sample.name, labels.pop("check"), *(labels[name] for name in sorted(labels)))
            assert key not in found
            found[key] = sample.value
    return found


def cases(outcomes: list[Outcome]) -> dict[str | None, list[Any]]:
    """A test case's name -> what is in it, as junitparser reads it."""
    document = JUnitXml.fromstring(junit.render(outcomes).encode())
    [suite] = list(document)
    assert (suite.tests, suite.failures, suite.errors) == (document.tests, document.failures, document.errors)
    assert document.tests == len(outcomes)
    return {case.name: case.result for case in suite}


# --- Nagios ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "status", "exit_status"),
    [
        ([outcome(result())], "OK", 0),
        ([outcome(slow_result(), thresholds={"authenticate": 500.0})], "WARNING", 1),
        ([outcome(result(warnings=(warning(),)))], "WARNING", 1),
        ([outcome(result("gmail", failure()))], "CRITICAL", 2),
        ([not_run()], "UNKNOWN", 3),
        ([outcome(result("a")), outcome(slow_result("b"))], "WARNING", 1),
        ([outcome(slow_result("b")), not_run()], "UNKNOWN", 3),
        ([not_run(), outcome(result("a", failure())), outcome(result("b"))], "CRITICAL", 2),
        ([], "UNKNOWN", 3),
    ],
)
def test_nagios_status_is_the_worst(outcomes: list[Outcome], status: str, exit_status: int) -> None:
    """An outage never hides behind a file that could not be read."""
    text, found = nagios.render(outcomes)
    assert text.startswith(f"IMAP {status} - ")
    assert found == exit_status


def test_nagios_ranges_say_what_the_verdict_says() -> None:
    """The value that made the run slow is outside the range given with it, and no other is."""
    run = outcome(slow_result(), thresholds={"authenticate": 500.0, "total": 5000.0}, max_age_seconds=3600.0)
    data = performance(nagios.render([run])[0])
    assert {label for label, item in data.items() if item.is_warning} == {"authenticate"}
    assert not any(item.is_critical for item in data.values())
    total = data["total"]
    assert (total.value, total.unit, total.warn, total.most) == (0.812, "s", "5", "30")
    assert data["matches"].crit == "1:"
    assert data["newest_match_age"].crit == "3600"
    assert "namespace" not in data


def test_nagios_certificate_range_warns_below_and_is_critical_when_expired() -> None:
    """The days of the definition, else 14."""
    for days, warns, critical in ((14.5, False, False), (13.9, True, False), (-2.0, True, True)):
        server = result().server.__class__("mail.example", 993, tls=tls(certificate_days_remaining=days))
        data = performance(nagios.render([outcome(result(server=server))])[0])
        item = data["certificate_days"]
        assert (item.is_warning, item.is_critical) == (warns, critical)


def test_nagios_failed_run_tells_step_words_and_advice_and_no_times() -> None:
    """The times of a run that failed would make a graph of a broken server look like a fast one."""
    second = failure(FailureType.NO_MATCH, "search", detail="0 match", advice="Where does that mail go?")
    text, _ = nagios.render([outcome(result("gmail", failure(), second))])
    first = text.splitlines()[0]
    assert "gmail NOT AVAILABLE: examine: command_rejected: the server answered NO not today" in first
    assert "Read the server's words." in text
    assert "search: no_match: 0 match" in text
    assert set(performance(text)) == {
        *("certificate_days", "matches", "newest_match_age", "newest_match_size", "delivery"),
    }


def test_nagios_several_checks_count_and_name_them_with_labels_of_their_own() -> None:
    """The line counts; the long text has the worst first."""
    outcomes = [outcome(result("a")), outcome(result("b-2", failure())), not_run("c")]
    text, _ = nagios.render(outcomes)
    first, *rest = text.splitlines()
    assert "3 checks: 1 not available: b-2; 1 could not run: c" in first
    assert [line.split(" ")[:2] for line in rest] == [["CRITICAL", "b-2"], ["UNKNOWN", "c"], ["OK", "a"]]
    assert {"a_total", "b-2_matches"} <= set(performance(text))


# --- Prometheus -----------------------------------------------------------------------------------------------------


def test_prometheus_reads_what_the_run_was() -> None:
    """Seconds, Unix time, a sample for each step that ran."""
    found = samples([outcome(result())])
    assert found["probe_success", "gmail"] == 1
    assert found["probe_duration_seconds", "gmail"] == 0.812
    assert found["probe_dns_lookup_time_seconds", "gmail"] == 0.003
    assert found["probe_ip_protocol", "gmail"] == 4
    assert found["probe_timeout_seconds", "gmail"] == 30
    assert found["probe_ssl_earliest_cert_expiry", "gmail"] == datetime.fromisoformat(EXPIRES_AT).timestamp()
    assert found["probe_tls_version_info", "gmail", "TLSv1.3"] == 1
    steps = {key[2]: value for key, value in found.items() if key[0] == "imapcheck_step_duration_seconds"}
    assert steps == {"dns": 0.003, "connect": 0.0215, "tls": 0.044, "authenticate": 0.7405, "logout": 0.003}
    assert found["imapcheck_search_matches", "gmail"] == 3
    assert found["imapcheck_match_age_seconds", "gmail"] == 42.5
    assert found["imapcheck_started_at_seconds", "gmail"] == STARTED_AT.timestamp()
    assert found["imapcheck_error", "gmail"] == 0


def test_prometheus_tells_outage_slowness_and_a_broken_monitor_apart() -> None:
    """A check that could not run has no verdict on the server."""
    found = samples([outcome(result("a", failure())), outcome(slow_result("b")), not_run("c")])
    assert found["probe_success", "a"] == 0
    assert found["imapcheck_failure_info", "a", "response", "examine", "command_rejected"] == 1
    assert (found["probe_success", "b"], found["imapcheck_slow", "b"]) == (1, 1)
    assert ("probe_success", "c") not in found
    assert found["imapcheck_error", "c"] == 1


def test_prometheus_counts_a_warning_once_and_knows_ipv6() -> None:
    """Two certificates that expire soon are one sample: two with one name and labels are refused."""
    run = result(warnings=(warning(), warning(detail="another")))
    run = run.__class__(**{**vars(run), "server": run.server.__class__("h", 993, "2001:db8::1")})
    found = samples([outcome(run)])
    assert found["imapcheck_warning_info", "gmail", "certificate_expires_soon"] == 1
    assert found["probe_ip_protocol", "gmail"] == 6


# --- JUnit ----------------------------------------------------------------------------------------------------------


def test_junit_has_a_case_for_each_check() -> None:
    """Not available is a failure with words, advice and transcript; could not run is an error."""
    found = cases([outcome(result("a")), outcome(result("b", failure())), not_run("c")])
    assert found["a"] == []
    [broken], [error] = found["b"], found["c"]
    assert isinstance(broken, JUnitFailure)
    assert broken.type == "command_rejected"
    assert broken.message == "examine: command_rejected: the server answered NO not today"
    assert "What to do: Read the server's words." in broken.text
    assert "C: A0001 CAPABILITY" in broken.text
    assert isinstance(error, Error)
    assert error.message == "c.json: server: missing (required)"


def test_junit_totals_and_times() -> None:
    """Seconds; the suite's are the sum."""
    text = junit.render([outcome(result("a")), outcome(result("b", failure())), not_run("c")])
    [suite] = list(JUnitXml.fromstring(text.encode()))
    assert (suite.tests, suite.failures, suite.errors, suite.time) == (3, 1, 1, 1.624)
    assert suite.timestamp == "2026-11-24T10:12:07"
    assert text.isascii()


# --- all of them ----------------------------------------------------------------------------------------------------


def hostile_outcomes() -> list[Outcome]:
    """Whatever a server words may be anything, even where `run_check` would have cleaned it."""
    words = failure(detail=HOSTILE, response_code=HOSTILE, advice="Look.")
    steps = (StepResult("tls", "passed", 1.0, HOSTILE),)
    bad = result("bad", words, steps=steps, transcript=(f"S: {HOSTILE}",), warnings=(warning(detail=HOSTILE),))
    return [outcome(bad), not_run(WORSE, f"{HOSTILE}\n{HOSTILE}"), outcome(result("fine"))]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hostile_words_are_harmless_to_nagios(count: int) -> None:
    """One bar, no markup, no macro, no item that the server made up."""
    text, status = nagios.render(hostile_outcomes()[:count])
    assert status == 2
    assert not set(text) & set("<>`$\x00\x1b")
    assert "bogus" not in performance(text)


def test_hostile_words_are_harmless_to_prometheus() -> None:
    """No sample and no label but ours."""
    found = samples(hostile_outcomes())
    assert found["probe_success", "bad"] == 0
    assert not any("bogus" in part for key in found for part in key)


def test_hostile_words_are_harmless_to_junit() -> None:
    """The document is well-formed and has three cases; what XML cannot carry is escaped."""
    found = cases(hostile_outcomes())
    assert set(found) == {"bad", WORSE, "fine"}
    text = junit.render(hostile_outcomes())
    assert "\\x1b[2J \\x00 \\ud800 \\ufffe" in text


def test_hostile_words_are_one_line_of_json() -> None:
    """ASCII, and the same words when read."""
    for item in hostile_outcomes():
        line = json_lines.json_line(item, transcript=True)
        assert line.isascii()
        assert "\n" not in line
        assert json.loads(line) == json_lines.json_object(item, transcript=True)


def test_json_object_of_a_check_that_could_not_run() -> None:
    """An object too, with these three fields."""
    line = json_lines.json_line(not_run("c"), transcript=False)
    assert json.loads(line) == {
        "schema": 1,
        "check": "c",
        "error": "c.json: server: missing (required)",
    }


def test_json_never_holds_what_json_does_not_know() -> None:
    """NaN is no JSON: a bug, not an output."""
    with pytest.raises(ValueError, match="JSON"):
        json_lines.json_line(outcome(result(duration_ms=math.nan)), transcript=False)


# --- the file that --append writes ----------------------------------------------------------------------------------


def test_appended_lines_come_back(tmp_path: Path) -> None:
    """And nobody else may read them: they name servers and mailboxes."""
    file = tmp_path / "results.jsonl"
    for item in (outcome(result("a")), not_run("b")):
        json_lines.append_line(file, json_lines.json_line(item, transcript=False))
    read = list(json_lines.read_lines(file))
    assert [line and line.check for line in read] == ["a", "b"]
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kept", [1, 40, -2, -1])
def test_line_that_a_crash_cut_short_costs_no_other(tmp_path: Path, kept: int) -> None:
    """The next line begins on a line of its own; the broken one is told as such."""
    file = tmp_path / "results.jsonl"
    line = json_lines.json_line(outcome(result("a")), transcript=False)
    json_lines.append_line(file, line)
    os.truncate(file, len(line) + kept + 1 if kept < 0 else kept)
    json_lines.append_line(file, json_lines.json_line(outcome(result("b")), transcript=False))
    found = [kept.check if kept else None for kept in json_lines.read_lines(file)]
    assert found == (["a", "b"] if kept == -1 else [None, "b"])


def test_worst_comes_first_and_order_is_kept_within() -> None:
    """Down, could not run, slow, up with a warning, up."""
    outcomes = [outcome(result("a")), not_run("b"), outcome(slow_result("c")), outcome(result("d", failure()))]
    outcomes += [outcome(result("e", warnings=(warning(),))), outcome(result("f"))]
    assert [item.check for item in worst_first(outcomes)] == ["d", "b", "c", "e", "a", "f"]


@pytest.mark.parametrize(
    ("limit", "took", "words"),
    [
        (1, 6.4, "total took 6.4 ms (limit 1 ms)"),
        (1000, 1000.4, "total took 1.0004 s (limit 1 s)"),
        (0.1, 0.3, "total took 0.3 ms (limit 0.1 ms)"),
        (5, 5.002, "total took 5.002 ms (limit 5 ms)"),
    ],
)
def test_passed_threshold_in_the_same_words_everywhere(limit: float, took: float, words: str) -> None:
    """On the terminal, in the table, to Nagios and in JUnit; none of a run that failed, which is not slow."""
    passed = (Exceeded("total", limit, took),)
    slow = outcome(result("a", slow=True, exceeded=passed))
    down = outcome(result("a", failure(), exceeded=passed))
    for render in (
        lambda run: "\n".join(line.plain for line in verdict(run)),
        why,
        lambda run: nagios.render([run])[0],
        lambda run: junit.render([run]),
    ):
        assert words in render(slow)
        assert words not in render(down)
        assert "slow" not in render(down)
