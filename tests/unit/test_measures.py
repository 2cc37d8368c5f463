"""A measure has a name in every way out, or its row says why not; each shows what the others show."""

import pytest

from imapcheck.delivery import DeliveryFacts
from imapcheck.measures import MEASURES, Measure
from imapcheck.output import nagios, prometheus
from imapcheck.output.outcome import Outcome
from imapcheck.result import Asked, NewMessageFacts, QuotaFacts, SearchFacts
from support.results import result

FULL = result(
    "mail",
    search=SearchFacts(3, 7, 12.5, 4321),
    new_message=NewMessageFacts(delivery_seconds=2.5),
    quota=QuotaFacts(91.5, "STORAGE"),
    delivery=DeliveryFacts("4XyZ", "INBOX", arrival_ms=2500.0, pushed_ms=2250.0),
)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: str(measure.nagios))
def test_measure_is_in_every_way_out_that_names_it(measure: Measure) -> None:
    """Else CloudWatch knows of a quota that Nagios and Prometheus do not."""
    outcome = Outcome("mail", FULL)
    value = measure.of(FULL)
    assert value is not None
    if measure.nagios is not None:
        label, unit = measure.nagios
        assert f" {label}={value:g}{unit}" in nagios.render([outcome])[0]
    if measure.prometheus is not None:
        assert f'{measure.prometheus[0]}{{check="mail"}} {float(value)}' in prometheus.render([outcome])


def test_names_are_used_once() -> None:
    """Two values under one name would be one."""
    for names in ([m.nagios for m in MEASURES], [m.prometheus for m in MEASURES], [m.cloudwatch for m in MEASURES]):
        given = [name[0] for name in names if name is not None]
        assert len(given) == len(set(given))


def test_quota_warns_from_the_definitions_share_on() -> None:
    """As the result's own warning does."""
    text, _ = nagios.render([Outcome("mail", FULL, asked=Asked(quota_warn_percent=90))])
    assert "quota_used=91.5%;90;;0;100" in text
