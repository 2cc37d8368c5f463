"""What a check costs, by the sourced prices: from the generated template and the metrics that a run publishes."""

from benchmark.cost import FULL, alarms, month, published, sample
from support.certificates import Certificates

# More than any run of `make bench` measured.
GENEROUS = {"later": 1000.0, "init": 1500.0, "first": 1500.0, "log_octets": 5000}


def test_check_every_five_minutes_with_the_defaults(certificates: Certificates) -> None:
    """At most 2.10 US dollars a month, with search, new message and thresholds."""
    run = sample(certificates, FULL)
    assert alarms(run[1])[0] == 4
    assert len(published(run, "main")) == 4
    parts = month(run, "main", 5, GENEROUS, memory_mb=256)
    assert sum(parts) <= 2.10
    assert sum(month(run, "all", 5, GENEROUS, memory_mb=256)) > sum(month(run, "steps", 5, GENEROUS, memory_mb=256))
