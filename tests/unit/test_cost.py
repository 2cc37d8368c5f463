"""What a check costs, by the sourced prices: from the generated template and the metrics that a run publishes."""

import re

from benchmark.cost import FULL, alarms, beside, month, open_dashboard, published, sample
from support.artifact import ROOT
from support.certificates import Certificates

# More than any run of `make bench` measured.
GENEROUS = {"later": 1000.0, "init": 1500.0, "first": 1500.0, "log_octets": 5000}


def test_check_every_five_minutes_with_the_defaults(certificates: Certificates) -> None:
    """At most 2.10 US dollars a month, with search, new message and thresholds."""
    run = sample(certificates, FULL)
    assert alarms(run[1])[0] == 4
    names = ["Availability", "Duration", "CertificateDaysRemaining"]  # the alarm slow reads Duration
    assert [metric.name for metric in published(run, "main")] == names
    parts = month(run, "main", 5, GENEROUS, memory_mb=256)
    assert sum(parts) <= 2.10
    assert sum(month(run, "all", 5, GENEROUS, memory_mb=256)) > sum(month(run, "steps", 5, GENEROUS, memory_mb=256))


def test_page_says_what_an_open_dashboard_and_a_network_cost() -> None:
    """With the template as it is, and the octets that the page itself says were measured."""
    page = (ROOT / "docs/cost.md").read_text(encoding="utf-8")
    [octets] = re.findall(r"(\d+) bytes logged a run", page)
    assert "\n".join(beside({"log_octets": int(octets)})).strip() in page


def test_open_dashboard_costs_less_than_its_checks() -> None:
    """It scans little: nine tenths and more of it are metrics, which are read for each check once a refresh."""
    reads = 99 * 0.00001 * 30 * 24 * 60
    assert reads < open_dashboard(99, 60, {"log_octets": 2000}) < 1.1 * reads
