"""The generator: from definitions to the text of the nested stacks."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from imapcheck import CheckDefinition
from imapcheck.definition.monitoring import Every, ScheduleDefinition
from imapcheck.errors import DefinitionError
from imapcheck.stack.checks import checks_template, logical_id
from imapcheck.stack.contacts import contacts_of, contacts_template
from imapcheck.stack.quotas import Template, refuse_what_does_not_fit
from support.templates import load_template

MUTE = {"cron": "0 2 * * SUN", "duration": "2h", "timezone": "Europe/Berlin"}
NAMES = st.text("abyzxuXUZA0129-", min_size=1, max_size=12)


def check(name: str = "mail", every: str | None = "5m", **fields: Any) -> CheckDefinition:
    schedule = {"schedule": {"every": every, **fields.pop("schedule", {})}} if every else {}
    return CheckDefinition.model_validate({"name": name, "server": "mail.example.com"} | schedule | fields)


def resources(*definitions: CheckDefinition) -> dict[str, Any]:
    found: dict[str, Any] = load_template(checks_template(definitions).text)["Resources"]
    return found


def properties(*definitions: CheckDefinition) -> dict[str, dict[str, Any]]:
    """Properties by logical id."""
    return {logical: resource["Properties"] for logical, resource in resources(*definitions).items()}


def blocks(text: str) -> dict[str, str]:
    """The blocks of checks by their first line's name; the head of the file as ``""``."""
    parts = re.split(r"^  # ([A-Za-z0-9-]+): .*, every \w+$", text, flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def decoded(logical: str) -> str:
    """What `logical_id` wrote, read back."""
    name = re.sub(
        r"Xu([a-z])|(X)|([A-Z])", lambda m: f"\0{m[1]}" if m[1] else "-" if m[2] else f"-{m[3].lower()}", logical
    )
    return re.sub(r"\0(.)", lambda m: m[1].upper(), name).removeprefix("-")


@given(NAMES)
def test_logical_id_can_be_read_back(name: str) -> None:
    """So no two names share one, whatever they are."""
    assert re.fullmatch("[A-Za-z0-9]+", logical_id(name))
    assert decoded(logical_id(name)) == name


def test_logical_id_reads_well() -> None:
    """For the names that people give."""
    names = {"gmail-reachable": "GmailReachable", "a-b": "AB", "ab": "Ab", "mail-2": "MailX2", "role": "Role",
             "Role": "XXurole", "2": "X2", "-": "XX"}  # fmt: skip
    assert {name: logical_id(name) for name in names} == names


@settings(deadline=None, max_examples=60)
@given(st.lists(NAMES, min_size=2, max_size=4, unique=True))
def test_ids_and_names_never_collide(names: list[str]) -> None:
    """Of checks with all the mute windows that one may have. YAML would drop a repeated key in silence: the ids are
    counted in the text.
    """
    template = checks_template([check(name, thresholds={"total": 1}, alarms={"mute": [MUTE] * 10}) for name in names])
    ids = re.findall(r"^  (\w+):$", template.text, re.MULTILINE)
    assert len(ids) == len(set(ids)) == template.resources == 3 + 15 * len(names)
    loaded = load_template(template.text)
    assert loaded["Resources"].keys() == set(ids)
    assert not loaded["Parameters"].keys() & set(ids)
    alarm_names = [
        r["Properties"]["AlarmName"]["Fn::Sub"] for r in loaded["Resources"].values() if r["Type"][-5:] == "Alarm"
    ]
    assert len(alarm_names) == len(set(alarm_names))


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(NAMES, st.sampled_from(get_args(Every)), min_size=2, max_size=8), st.data())
def test_a_check_that_comes_goes_or_changes_changes_no_others_block(checks: dict[str, str], data: Any) -> None:
    """And the blocks stand in the order of names."""
    changed = data.draw(st.sampled_from(sorted(checks)))
    definitions = {name: check(name, every) for name, every in checks.items()}
    other = check(changed, checks[changed], alarms={"unavailable": "1 of 1", "mute": [MUTE]})
    before = blocks(checks_template(definitions.values()).text)
    after = blocks(checks_template((definitions | {changed: other}).values()).text)
    without = blocks(checks_template([d for name, d in definitions.items() if name != changed]).text)
    assert list(before) == ["", *sorted(checks)]
    assert before.pop(changed) != after.pop(changed)
    assert after == before
    assert _checks_alone(without) == _checks_alone(before)


def _checks_alone(found: dict[str, str]) -> dict[str, str]:
    """Without what depends on all, and without the line end that parts a block from the next."""
    return {name: text.rstrip() for name, text in found.items() if name}


def test_order_of_the_files_does_not_matter() -> None:
    """The same definitions, the same text."""
    several = [check(name) for name in ("b", "a", "c-d")]
    assert checks_template(several) == checks_template(several[::-1])
    assert contacts_template(several) == contacts_template(several[::-1])


@pytest.mark.parametrize("every", get_args(Every))
def test_every_interval_gives_schedule_and_periods_that_agree(every: str) -> None:
    """Rate, flexible minute, event age, period, warm-up."""
    found = properties(check(every=every, thresholds={"total": 1}))
    number, unit = int(every[:-1]), every[-1]
    seconds = number * {"m": 60, "h": 3600}[unit]
    schedule = found["MailSchedule"]
    word = {"m": "minute", "h": "hour"}[unit] + ("" if number == 1 else "s")
    assert schedule["ScheduleExpression"] == f"rate({number} {word})"
    flexible = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1}
    assert schedule["FlexibleTimeWindow"] == ({"Mode": "OFF"} if seconds < 300 else flexible)
    age = schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"]
    assert age == seconds if 60 <= seconds <= 3600 else age == 3600
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 2
    assert json.loads(schedule["Target"]["Input"]) == {
        "check": "mail",
        "scheduled_time": "<aws.scheduler.scheduled-time>",
    }
    assert {found[f"Mail{kind}"]["Period"] for kind in ("Unavailable", "NotRunning", "Slow")} == {seconds}
    assert found["MailCertificate"]["Period"] == max(6 * 3600, seconds)
    warm_up = found["MailNotRunning"]["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"]
    assert warm_up == (4 * seconds // 60 + 5 if every not in ("12h", "24h") else 2880)


NUMBERS = ("MetricName", "Statistic", "ComparisonOperator", "Threshold", "DatapointsToAlarm", "EvaluationPeriods",
           "TreatMissingData")  # fmt: skip


def test_alarms_have_the_definitions_numbers() -> None:
    """Defaults and given ones; no Sum anywhere, as delivery is at least once."""
    defaults = properties(check(thresholds={"total": 1, "tls": 1}))
    assert {kind: tuple(defaults[f"Mail{kind}"][field] for field in NUMBERS) for kind in KINDS} == {
        "Unavailable": ("Availability", "Minimum", "LessThanThreshold", 1, 2, 3, "ignore"),
        "NotRunning": ("Availability", "SampleCount", "LessThanThreshold", 1, 3, 3, "breaching"),
        "Slow": ("Slow", "Maximum", "GreaterThanOrEqualToThreshold", 1, 3, 3, "ignore"),
        "Certificate": ("CertificateDaysRemaining", "Minimum", "LessThanThreshold", 14, 1, 1, "ignore"),
    }
    asked = {"unavailable": "4 of 5", "slow": "1 of 2", "not_running": 7, "certificate_days": 30}
    given_ones = properties(check(thresholds={"total": 4500.5}, alarms=asked))
    assert {kind: tuple(given_ones[f"Mail{kind}"][field] for field in NUMBERS[3:6]) for kind in KINDS} == {
        "Unavailable": (1, 4, 5), "NotRunning": (1, 7, 7), "Slow": (4500.5, 1, 2), "Certificate": (30, 1, 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("thresholds", "slow"),
    [
        ({"total": 5000}, ("Duration", "Maximum", "GreaterThanThreshold", 5000)),
        ({"total": 0.5}, ("Duration", "Maximum", "GreaterThanThreshold", 0.5)),
        ({"tls": 5000}, ("Slow", "Maximum", "GreaterThanOrEqualToThreshold", 1)),
        ({"total": 5000, "tls": 900}, ("Slow", "Maximum", "GreaterThanOrEqualToThreshold", 1)),
    ],
)
def test_slow_reads_the_duration_where_nothing_else_has_a_limit(thresholds: dict[str, float], slow: object) -> None:
    """A metric less."""
    found = properties(check(thresholds=thresholds))["MailSlow"]
    assert tuple(found[field] for field in NUMBERS[:4]) == slow
    assert (found["Period"], found["TreatMissingData"]) == (300, "ignore")


KINDS = ("Unavailable", "NotRunning", "Slow", "Certificate")


def test_alarms_that_can_never_ring_do_not_exist() -> None:
    """No slow one without thresholds, no certificate one where none is verified."""
    assert set(resources(check())) == {*ALL, "MailSchedule", "MailUnavailable", "MailNotRunning", "MailCertificate"}
    for tls in ({"mode": "none"}, {"verify": False}):
        assert "MailCertificate" not in resources(check(tls=tls, authentication="none"))
    assert "MailSlow" in resources(check(thresholds={"tls": 1}))


ALL = {"RunCheckDelivery", "MonitorErrors", "DroppedEvents"}


def test_check_that_is_paused_or_not_scheduled_has_nothing() -> None:
    """And a set without any deploys: what is left are three resources."""
    assert set(resources(check(every=None), check("b", schedule={"enabled": False}))) == ALL
    assert set(resources()) == ALL


def test_check_alarms_go_to_be_explained_and_the_stacks_own_to_people() -> None:
    """Never INSUFFICIENT_DATA, and OK of checks alone: what explains alarms drops the OK of an alarm that is new, and
    mail does not. Alarms are known by dimension and metric, not by name."""
    for logical, alarm in properties(check(thresholds={"total": 1})).items():
        if "AlarmName" in alarm:
            own = logical in ALL
            topic = {"Ref": "AlarmTopicArn" if own else "AlarmEventTopicArn"}
            assert alarm["AlarmActions"] == [topic]
            assert alarm.get("OKActions") == (None if own else [topic])
            assert "InsufficientDataActions" not in alarm
            assert ({"Name": "Check", "Value": "mail"} in alarm.get("Dimensions", [])) is not own


@pytest.mark.parametrize("every", get_args(Every))
def test_the_stacks_own_alarms_outlast_the_longest_interval(every: str) -> None:
    """Twice at least, within what CloudWatch takes: one broken check keeps its alarm up and rings once."""
    longest = ScheduleDefinition(every=every).seconds  # type: ignore[arg-type]
    found = properties(check(every="1m"), check("b", every))
    for logical in ("MonitorErrors", "DroppedEvents"):
        alarm = found[logical]
        window = alarm["Period"] * alarm["EvaluationPeriods"]
        assert alarm["DatapointsToAlarm"] == 1
        assert window >= 2 * longest + alarm["Period"]
        assert window <= (86_400 if alarm["Period"] < 3600 else 604_800)
        assert alarm["Statistic"] == "Maximum"
        assert alarm["TreatMissingData"] == "notBreaching"
    assert "Dimensions" not in found["MonitorErrors"]


@pytest.mark.parametrize(("intervals", "age"), [(["1m"], 300), (["15m", "2h"], 900), (["12h"], 21_600), ([], 300)])
def test_lambda_gives_an_event_up_after_the_shortest_interval(intervals: list[str], age: int) -> None:
    """At least five minutes, at most Lambda's six hours; nothing is run again."""
    delivery = properties(*(check(f"c{n}", every) for n, every in enumerate(intervals)))["RunCheckDelivery"]
    assert delivery["MaximumEventAgeInSeconds"] == age
    assert delivery["MaximumRetryAttempts"] == 0


def test_mute_rules_name_the_checks_alarms() -> None:
    """Recurring and once, by reference, so that a rule never outlives its alarms."""
    once = {"at": "2026-12-01T02:00", "duration": "90m"}
    found = properties(check(alarms={"mute": [MUTE, once]}))
    targets = [{"Ref": f"Mail{kind}"} for kind in ("Unavailable", "NotRunning", "Certificate")]
    for logical, schedule in {
        "MailMute1": {"Expression": "cron(0 2 * * SUN)", "Duration": "PT2H", "Timezone": "Europe/Berlin"},
        "MailMute2": {"Expression": "at(2026-12-01T02:00)", "Duration": "PT1H30M", "Timezone": "UTC"},
    }.items():
        assert found[logical]["Rule"] == {"Schedule": schedule}
        assert found[logical]["MuteTargets"] == {"AlarmNames": targets}


def test_mute_windows_that_are_over_are_left_out() -> None:
    """The others keep their names: a rule that changes its number would collide with the next."""
    once = [{"at": f"2026-12-0{day}T02:00", "duration": "2h", "timezone": "Asia/Tokyo"} for day in (1, 2, 3)]
    muted = check(alarms={"mute": [*once, MUTE]})

    def rules(now: datetime) -> set[str]:
        text = checks_template([muted], now).text
        return set(re.findall(r"^  (MailMute[0-9]):$", text, re.MULTILINE))

    assert rules(datetime(2026, 12, 1, 19, 0, tzinfo=UTC)) == {"MailMute2", "MailMute3", "MailMute4"}
    assert rules(datetime(2026, 12, 1, 18, 59, tzinfo=UTC)) == {"MailMute2", "MailMute3", "MailMute4"}
    assert rules(datetime(2026, 11, 30, 19, 0, tzinfo=UTC)) == {f"MailMute{number}" for number in (1, 2, 3, 4)}
    assert rules(datetime(2027, 1, 1, tzinfo=UTC)) == {"MailMute4"}


@pytest.mark.parametrize("name", ["no", "null", "1", "1e3", "true", "-", "0x1", "12-30"])
def test_names_that_yaml_takes_for_something_else(name: str) -> None:
    """Are text all the same."""
    found = properties(check(name))
    assert found[f"{logical_id(name)}Schedule"]["Name"] == name
    assert found[f"{logical_id(name)}Unavailable"]["Dimensions"] == [{"Name": "Check", "Value": name}]


def test_description_helps_even_if_nothing_is_explained() -> None:
    """Who, what, where to look; within CloudWatch's 1,024 characters at the longest."""
    host = ".".join(["a" * 61] * 4)
    runbook = "https://wiki.example/" + "x" * 279
    found = properties(
        check("n" * 40, "12h", server=host, thresholds={"total": 1}, alarms={"runbook": runbook, "not_running": 13})
    )
    for alarm in found.values():
        if "AlarmName" in alarm:
            text = alarm["AlarmDescription"]
            assert len(text) <= 1024
            assert "docs/operations.md" in text
            assert "\n" not in text
    assert runbook in found[f"{logical_id('n' * 40)}Slow"]["AlarmDescription"]


@pytest.mark.parametrize(
    ("runs", "words"), [("1 of 1", "the last run"), ("3 of 3", "the last 3 runs"), ("2 of 3", "2 of the last 3 runs")]
)
def test_description_says_how_many_runs_ring(runs: str, words: str) -> None:
    """As one would say it."""
    found = properties(check("mail", thresholds={"total": 1}, alarms={"unavailable": runs, "slow": runs}))
    for kind in ("Unavailable", "Slow"):
        assert f" {words} of the check mail" in found[f"Mail{kind}"]["AlarmDescription"]


def test_contacts_are_subscribed_once_with_a_constant_filter() -> None:
    """In a condition: the stack's own address gets everything and is not subscribed twice."""
    definitions = [
        check("a", alarms={"notify": ["x@example.com", "Y@example.com"]}),
        check("b", alarms={"notify": "y@EXAMPLE.com"}, schedule={"enabled": False}),
        check("c", None, alarms={"notify": "nobody@example.com"}),
    ]
    assert contacts_of(definitions) == ["x@example.com", "y@example.com"]
    made = contacts_template(definitions)
    template = load_template(made.text)
    assert made.resources == len(template["Resources"]) == 3
    subscriptions = {k: v for k, v in template["Resources"].items() if v["Type"] == "AWS::SNS::Subscription"}
    assert len(subscriptions) == 2
    for logical, subscription in subscriptions.items():
        address = subscription["Properties"]["Endpoint"]
        assert subscription["Properties"]["FilterPolicy"] == {"contacts": [address]}
        assert subscription["Condition"] == f"Is{logical}"
        assert template["Conditions"][f"Is{logical}"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, address]}]}


def test_pausing_a_check_leaves_its_contacts() -> None:
    """A subscription that was removed must be confirmed anew."""
    on = check(alarms={"notify": "x@example.com"})
    off = check(alarms={"notify": "x@example.com"}, schedule={"enabled": False})
    assert contacts_template([on]) == contacts_template([off])
    assert contacts_of([]) == []
    assert load_template(contacts_template([]).text)["Resources"].keys() == {"Nobody"}


def test_what_does_not_fit_one_stack_is_refused_with_advice() -> None:
    """Counted in resources, as CloudFormation counts."""

    def fitting(count: int) -> Template:
        return checks_template([check(f"c{n}", thresholds={"total": 1}) for n in range(count)])

    none = contacts_template([])
    refuse_what_does_not_fit(fitting(99), none, 0)
    with pytest.raises(DefinitionError, match=r"found 503, .* 500 .*\n.*make deploy EVENTS=FOLDER STACK=NAME"):
        refuse_what_does_not_fit(fitting(100), none, 0)
    with pytest.raises(DefinitionError, match="contacts: found 201, expected at most 200"):
        refuse_what_does_not_fit(fitting(1), none, 201)
    assert len(fitting(99).text.encode()) < 1_000_000


def test_every_value_is_there(tmp_path: Path) -> None:
    """A comma in an unquoted flow scalar makes a key without a value."""
    template = checks_template([check(alarms={"mute": [MUTE], "notify": "x@example.com"})])
    for text in (template.text, contacts_template([check(alarms={"notify": "x@example.com"})]).text):
        assert None not in leaves(load_template(text))
        assert yaml.safe_dump(load_template(text))


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]


def test_check_that_is_run_from_outside_has_alarms_and_no_schedule() -> None:
    """The same alarms as any other; what the function is asked to do does not change with it."""
    inside, outside = check("mail"), check("mail", schedule={"runner": "outside"})
    ours, theirs = properties(inside, check("a")), properties(outside, check("a"))
    assert ours.keys() - theirs.keys() == {"MailSchedule"}
    silent = theirs.pop("MailNotRunning")
    assert "Look at the machine outside the stack" in silent.pop("AlarmDescription")
    assert {key: value for key, value in ours["MailNotRunning"].items() if key != "AlarmDescription"} == silent
    assert all(ours[logical] == theirs[logical] for logical in theirs)


def test_events_are_kept_as_long_as_the_functions_own_checks_need() -> None:
    """An error counts wherever the check ran, so that alarm's window goes by all of them."""
    found = properties(check("a", "1h", schedule={"runner": "outside"}), check("b", "5m"))
    alone = properties(check("b", "5m"))
    assert found["RunCheckDelivery"] == alone["RunCheckDelivery"]
    assert found["DroppedEvents"] == alone["DroppedEvents"]
    assert found["MonitorErrors"] == properties(check("a", "1h"), check("b", "5m"))["MonitorErrors"]
    assert found["MonitorErrors"] != alone["MonitorErrors"]


def test_names_of_outside_checks_are_put_out_as_far_as_an_output_holds() -> None:
    """1,024 bytes; a name is whole or not there."""
    assert _outside_checks(check("mail")) == "''"
    assert _outside_checks(check("mail"), check("b-1", schedule={"runner": "outside"})) == "'b-1'"
    paused = check("c", schedule={"runner": "outside", "enabled": False})
    assert _outside_checks(paused) == "''"
    many = [check(f"check-{number:034}", schedule={"runner": "outside"}) for number in range(40)]
    found = _outside_checks(*many)
    assert len(found) <= 1024 < len(found) + 43
    assert found == ",".join(f"'{each.label}'" for each in many[: found.count(",") + 1])


def _outside_checks(*definitions: CheckDefinition) -> str:
    found: str = load_template(checks_template(definitions).text)["Outputs"]["OutsideChecks"]["Value"]
    return found
