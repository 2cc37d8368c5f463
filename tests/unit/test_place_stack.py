"""`stacks/place.yaml` and places.txt: there where there are places, clean, and only as often watched as home asks."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from imapcheck.definition.files import parse_definition
from imapcheck.definition.model import CheckDefinition
from imapcheck.stack.checks import checks_template
from imapcheck.stack.places import place_template, places_of
from support import forked
from support.templates import load_template

ROOT = Path(__file__).parents[2]


def check(name: str, **schedule: Any) -> CheckDefinition:
    data = {"name": name, "server": "mail.example.com", "authentication": "none", "schedule": schedule}
    return parse_definition(data, source="test")


def test_home_silent_goes_by_the_checks_that_name_the_region() -> None:
    """Four of the shortest intervals, an hour at least; a place whose checks are paused stays."""
    checks = [
        check("a", every="5m", places=["us-east-2"]),
        check("b", every="1h", places=["us-east-2", "eu-west-1"]),
        check("c", every="24h", places=["sa-east-1"]),
        check("d", every="1m", enabled=False, places=["us-west-1", "eu-west-1"]),
        check("e", every="1m"),
    ]
    assert places_of(checks) == {"eu-west-1": 3600, "sa-east-1": 86_400, "us-east-2": 300, "us-west-1": None}
    asked = load_template(place_template(places_of(checks)).text)["Mappings"]["Asked"]
    assert asked == {
        "eu-west-1": {"Runs": "true", "Period": 3600, "WarmUp": 305},
        "sa-east-1": {"Runs": "true", "Period": 86_400, "WarmUp": 2880},
        "us-east-2": {"Runs": "true", "Period": 900, "WarmUp": 80},
        "us-west-1": {"Runs": "false", "Period": 900, "WarmUp": 80},
    }


def test_place_may_do_no_more_than_write_its_log() -> None:
    """No secret, no table, no metric."""
    resources = load_template(place_template({"us-east-2": 300}).text)["Resources"]
    [policy] = resources["PlaceRole"]["Properties"]["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert "Events" not in resources["PlaceFunction"]["Properties"]


def test_what_a_place_takes_from_home_begins_as_it_does_there() -> None:
    """At the first deployment there is no home yet to take it from, and the second must change nothing."""
    home = load_template((ROOT / "template.yaml").read_text(encoding="utf-8"))["Parameters"]
    place = load_template(place_template({"us-east-2": 300}).text)["Parameters"]
    shared = home.keys() & place.keys()
    assert shared == {"AlarmEmail", "Paused", "LogRetentionDays"}
    for name in shared:
        for key in ("Default", "AllowedValues"):
            assert place[name].get(key) == home[name].get(key), (name, key)


def test_home_may_ask_its_places_alone() -> None:
    """In any Region, by name; and only where there are any."""
    with_places = load_template(checks_template([check("a", every="5m", places=["us-east-2"])]).text)["Resources"]
    [statement] = with_places["AskPlaces"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "lambda:InvokeFunction"
    assert "${StackName}-place" in json.dumps(statement["Resource"])
    assert "AskPlaces" not in load_template(checks_template([check("a", every="5m")]).text)["Resources"]


def test_files_come_and_go_with_the_places(tmp_path: Path) -> None:
    """cfn-lint finds nothing, warnings included."""
    (tmp_path / "events").mkdir()
    for part in ("functions", "layers"):
        (tmp_path / part).symlink_to(ROOT / part)
    file, out = tmp_path / "events/mail.json", tmp_path / "stacks"
    for places in (["us-east-2", "ap-northeast-1"], []):
        schedule = {"every": "5m", "places": places}
        file.write_text(json.dumps({"server": "mail.example.com", "authentication": "none", "schedule": schedule}))
        assert forked.imapcheck("stack", file.parent, "--output", out).returncode == 0
        if places:  # without them it is what `template/test_generated` has linted
            lint = [Path(sys.executable).parent / "cfn-lint", *sorted(out.glob("*.yaml"))]
            done = subprocess.run(lint, capture_output=True, text=True, check=False)
            assert done.stdout + done.stderr == ""
        assert (out / "place.yaml").exists() is bool(places)
        assert not places or (out / "places.txt").read_text() == "ap-northeast-1\nus-east-2\n"
    assert not (out / "places.txt").exists()
