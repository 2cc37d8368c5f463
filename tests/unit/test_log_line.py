"""A run in the log: what is written is read back as the same result, and nothing that stands there is a crash."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapcheck.aws.run_log import COULD_NOT_RUN, read_error, read_run, run_fields
from imapcheck.result import CheckResult, Exceeded, ResultWarning, StepResult
from imapcheck.trace import NOT_REACHED
from support.any_result import results
from support.full_results import available, refused, slow
from support.log_lines import log_line
from support.more_results import RUNS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([10**400, 1e300]) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


def as_logged(run: CheckResult) -> CheckResult:
    """Without what no line has: the transcript of a run in which nothing failed."""
    return run if run.failure is not None else replace(run, transcript=())


@settings(deadline=None, max_examples=40)
@given(results())
def test_what_is_written_is_read(run: CheckResult) -> None:
    """Every field of it."""
    assert read_run(log_line(run)) == as_logged(run)
    assert "shortened" not in json.loads(log_line(run))


@settings(deadline=None, max_examples=40)
@given(results())
def test_result_comes_back_from_its_json_object(run: CheckResult) -> None:
    """Whatever wrote the JSON down."""
    assert CheckResult.from_dict(json.loads(json.dumps(run.to_dict()))) == run


@settings(deadline=None, max_examples=40)
@given(results(most=4), st.sampled_from(["", "ä" * 3000]))
def test_what_is_lost_is_named(run: CheckResult, long: str) -> None:
    """Only what `shortened` names differs, and it is the beginning of what it was."""
    run = replace(run, run_id=long or run.run_id)
    found, wanted = read_run(log_line(run)), as_logged(run)
    assert found is not None
    shortened = str(json.loads(log_line(run)).get("shortened", "")).split(", ")
    for name in ("failures", "earlier_failures", "warnings", "exceeded"):
        kept, all = getattr(found, name), getattr(wanted, name)
        assert kept == (all[: len(kept)] if name in shortened else all)
        wanted = replace(wanted, **{name: kept})
    if "run_id" in shortened:
        assert found.run_id == f"{long[: len(found.run_id) - 4]} ..."
        wanted = replace(wanted, run_id=found.run_id)
    assert found == wanted


@pytest.mark.parametrize(("name", "most"), [("failures", 2), ("earlier_failures", 1), ("warnings", 3), ("exceeded", 4)])
def test_list_that_is_just_full_is_whole(name: str, most: int) -> None:
    """`shortened` is believed: a reader would look elsewhere for what stands here."""
    failure = refused("mail").failures[0]
    others: dict[str, Any] = {
        "warnings": ResultWarning("server_alert", "soon"),
        "exceeded": Exceeded("total", 2.0, 1.0),
    }
    item = others.get(name, failure)
    for count in (most, most + 1):
        change: dict[str, Any] = {name: (item,) * count}
        run = replace(refused("mail"), **change)
        assert getattr(read_run(log_line(run)), name) == (item,) * most
        assert json.loads(log_line(run)).get("shortened") == (None if count == most else name)


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_runs_that_there_are_come_back(make: Any) -> None:
    """Steps that were refused, skipped, not reached, or passed with something to say."""
    run = make("mail")
    assert read_run(log_line(run)) == replace(as_logged(run), warnings=run.warnings[:3])


def test_steps_are_told_in_a_line_each() -> None:
    """What a person reads in the log, or asks Logs Insights for."""
    steps = (
        StepResult("dns", "passed", 1.0, None),
        StepResult("connect", "passed", 2.0, "2 addresses were tried"),
        StepResult("namespace", "refused", 3.0, "NO not now"),
        StepResult("examine", "skipped", None, NOT_REACHED),
    )
    fields = run_fields(replace(available(), steps=steps), instant_test=False, cold_start=False)
    assert fields["steps"].splitlines() == [
        "dns",
        "connect passed: 2 addresses were tried",
        "namespace refused: NO not now",
        "examine skipped: not reached",
    ]


@pytest.mark.parametrize("run", [available(), slow(), refused()], ids=["available", "slow", "refused"])
def test_line_of_an_older_version_is_read_as_far_as_it_goes(run: CheckResult) -> None:
    """Before `steps` there were times alone: what failed is among the failures, and what has a time passed."""
    line = json.loads(log_line(run))
    del line["steps"]
    found = read_run(json.dumps(line))
    assert found is not None
    assert replace(found, steps=()) == replace(as_logged(run), steps=())
    assert found.step_ms == run.step_ms
    assert {step.name for step in found.steps if step.status == "failed"} == {item.step for item in run.failures}


@pytest.mark.parametrize(
    ("key", "value"),
    [("schema", 2), ("schema", None), ("started_at", "2026-11-24T10:12:07"), ("available", "maybe"),
     ("failure", None), ("duration_ms", float("nan")), ("duration_ms", float("inf")), ("duration_ms", 10**400),
     ("attempts", -(10**30)), ("server", {"host": "x"}), ("failures", [{"step": "examine"}]),
     ("exceeded", [{"name": "*bold*", "limit_ms": 1, "duration_ms": 2}])],
)  # fmt: skip
def test_result_of_another_shape_is_none(key: str, value: object) -> None:
    """The bare story is told then: better than a wrong one."""
    content = refused().to_dict() | {key: value}
    with pytest.raises(ValueError):
        CheckResult.from_dict(content)
    line = json.loads(log_line(refused()))
    line["result"] |= {key: value}
    # Which of the failures is the first the line says once, in the list of all.
    assert (read_run(json.dumps(line)) is None) is (key != "failure")


@pytest.mark.parametrize(
    "change", [{"message": "other"}, {"instant_test": True}, {"instant_test": None}, {"result": None}, {"step_ms": [1]},
               {"steps": 7}, {"places": 7},
               {"places": [{"place": "us-east-2"}]}, {"places": ['{"place": "us-east-2"}']}, {"places": ["{"]},
               {"steps": "dns dreamt"}, {"steps": "nosuchstep"}, {"transcript": ["C: A"]}],
)  # fmt: skip
def test_line_of_something_else_is_none(change: dict[str, Any]) -> None:
    """An instant test is no alarm's business, and a line in another shape nobody's."""
    assert read_run(json.dumps(json.loads(log_line(refused())) | change)) is None


def test_newer_line_is_read_without_what_is_not_known() -> None:
    """While a deployment goes on, the one function may be newer than the other."""
    line = json.loads(log_line(refused())) | {"weather": "fine"}
    line["result"] |= {"weather": [{"place": "us-east-2"}]}
    assert read_run(json.dumps(line)) == refused()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000, "9" * 5000, "START RequestId: 1"])
def test_line_that_is_no_object_is_none(text: str) -> None:
    """The runtime writes such lines."""
    assert read_run(text) is None
    assert read_error(text) is None


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_hostile_line_never_raises(data: st.DataObject) -> None:
    """And what is read of it holds nothing that could do more than stand there."""
    line = json.loads(log_line(refused()))
    for place in (line, line["result"], line["result"]["server"], line["result"]["failures"][0]):
        for key in data.draw(st.lists(st.sampled_from(sorted(place)), max_size=2)):
            place[key] = data.draw(JSON | st.text())
    found = read_run(json.dumps(line))
    if found is not None:
        for text in (found.check or "", found.run_id, found.server.host, *found.transcript):
            assert text.isprintable()
        json.dumps(found.to_dict(), allow_nan=False)


@settings(deadline=None, max_examples=40)
@given(check=st.text(max_size=10) | JSON, error=st.text() | JSON, test=st.booleans() | JSON)
def test_error_of_a_line(check: object, error: object, test: object) -> None:
    """The check's own, in one line; an instant test's is nobody's."""
    text = json.dumps({"message": COULD_NOT_RUN, "check": check, "error": error, "instant_test": test})
    found = read_error(text)
    assert (found is not None) == (isinstance(check, str) and isinstance(error, str) and test is False)
    assert found is None or found[1].isprintable()
