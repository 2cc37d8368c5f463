"""What a check costs, by the sourced prices: from the generated template and the metrics that a run publishes."""

import re

from benchmark.cost import FULL, alarms, alarms_of_places, beside, month, open_dashboard, published, sample
from benchmark.cost_besides import FIRST, HOUR, besides, look_of, metrics_asked, places_month, round_trip_month
from imapcheck import run_check
from support.artifact import ROOT
from support.certificates import Certificates
from support.round_trip import CREDENTIALS, world

# More than any run of `make bench` measured.
GENEROUS = {"later": 1000.0, "init": 1500.0, "first": 1500.0, "log_octets": 5000, "work": 100.0, "connection": 25.0}


def test_check_every_five_minutes_with_the_defaults(certificates: Certificates) -> None:
    """At most 2.10 US dollars a month, with search, new message and thresholds."""
    run = sample(certificates, FULL)
    assert alarms(run[1])[0] == 4
    names = ["Availability", "Duration", "CertificateDaysRemaining"]  # the alarm slow reads Duration
    assert [metric.name for metric in published(run, "main")] == names
    parts = month(run, "main", 5, GENEROUS, memory_mb=256)
    assert sum(parts) <= 2.10
    assert sum(month(run, "all", 5, GENEROUS, memory_mb=256)) > sum(month(run, "steps", 5, GENEROUS, memory_mb=256))


def test_two_more_places_add_at_most_twenty_cents(certificates: Certificates) -> None:
    """One alarm more, and no metric; the look, home's wait and the lines are counted from what really runs."""
    run, look = sample(certificates, FULL), look_of(certificates)
    assert alarms_of_places(run[1]) == 1
    assert look[1] == 5, "connect, TLS 1.3, greeting, CAPABILITY, LOGOUT"
    parts = places_month(run, look, 1, GENEROUS, memory_mb=256)
    assert min(parts.values()) > 0
    assert sum(parts.values()) <= 0.20


def test_round_trip_of_three_seconds_adds_at_most_ten_cents() -> None:
    """Its metric apart, which costs as any other; with `alarms` there is none."""
    parts = round_trip_month(memory_mb=256)
    assert min(parts.values()) > 0
    assert sum(parts.values()) <= 0.10
    with world() as there:
        definition = there.define()
        run = run_check(definition, CREDENTIALS), definition
    assert run[0].delivery is not None
    assert "DeliveryTime" not in {metric.name for metric in published(run, "alarms")}
    assert "DeliveryTime" in {metric.name for metric in published(run, "main")}


def test_reports_read_two_metrics_an_hour_for_a_goal_and_four_for_a_report() -> None:
    """This month's availability and that of the month before; for the report the times of both besides."""
    assert metrics_asked(HOUR) == 2
    assert metrics_asked(FIRST) == 2 + 4


def test_page_has_what_places_and_round_trips_add(certificates: Certificates) -> None:
    """The assumptions and the prices as they are; dollars follow the figures that were measured."""
    run = sample(certificates, FULL)
    page = (ROOT / "docs/cost.md").read_text(encoding="utf-8")
    chapter = "\n".join(besides(run, look_of(certificates), 1, GENEROUS, 256))

    def words(text: str) -> str:
        return re.sub(r"\d+\.\d+", "", text)

    assert words(chapter).strip() in words(page)


def test_page_says_what_an_open_dashboard_and_a_network_cost() -> None:
    """With the template as it is, and the octets that the page itself says were measured."""
    page = (ROOT / "docs/cost.md").read_text(encoding="utf-8")
    [octets] = re.findall(r"(\d+) bytes logged a run", page)
    assert "\n".join(beside({"log_octets": int(octets)})).strip() in page


def test_open_dashboard_costs_less_than_its_checks() -> None:
    """It scans little: nine tenths and more of it are metrics, which are read for each check once a refresh."""
    reads = 99 * 0.00001 * 30 * 24 * 60
    assert reads < open_dashboard(99, 60, {"log_octets": 2000}) < 1.1 * reads
